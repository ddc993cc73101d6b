//! A key as it is pressed: what terminals say of it, and what it is called.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key with its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPress {
    pub code: KeyCode,
    pub modifiers: KeyModifiers,
}

pub(in crate::tui) const fn key(c: char) -> KeyPress {
    KeyPress { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE }
}

pub(in crate::tui) const fn ctrl(c: char) -> KeyPress {
    KeyPress { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
}

pub(in crate::tui) const fn code(code: KeyCode) -> KeyPress {
    KeyPress { code, modifiers: KeyModifiers::NONE }
}

pub(in crate::tui) const fn with(modifiers: KeyModifiers, code: KeyCode) -> KeyPress {
    KeyPress { code, modifiers }
}

pub(in crate::tui) const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
pub(in crate::tui) const CTRL: KeyModifiers = KeyModifiers::CONTROL;
pub(in crate::tui) const ALT: KeyModifiers = KeyModifiers::ALT;

/// Terminals disagree on whether a capital letter comes with Shift, and on what Ctrl-Space is.
pub(in crate::tui) fn normalized(event: &KeyEvent) -> KeyPress {
    let modifiers = event.modifiers & (KeyModifiers::SHIFT | KeyModifiers::CONTROL | KeyModifiers::ALT);
    match event.code {
        KeyCode::Null => ctrl(' '),
        KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => {
            KeyPress { code: KeyCode::Char(c.to_ascii_lowercase()), modifiers: modifiers - KeyModifiers::SHIFT }
        }
        KeyCode::Char(_) | KeyCode::BackTab => {
            KeyPress { code: event.code, modifiers: modifiers - KeyModifiers::SHIFT }
        }
        code => KeyPress { code, modifiers },
    }
}

impl KeyPress {
    /// "Shift-←", "Ctrl-C", "space".
    pub fn label(&self) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => "space".to_string(),
            KeyCode::Char(c) if self.modifiers.contains(KeyModifiers::CONTROL) => c.to_ascii_uppercase().to_string(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Left => "←".into(),
            KeyCode::Right => "→".into(),
            KeyCode::Up => "↑".into(),
            KeyCode::Down => "↓".into(),
            KeyCode::PageUp => "PgUp".into(),
            KeyCode::PageDown => "PgDn".into(),
            KeyCode::BackTab => return "Shift-Tab".into(),
            KeyCode::F(n) => format!("F{n}"),
            other => format!("{other:?}"),
        };
        let mut label = String::new();
        if self.modifiers.contains(KeyModifiers::ALT) {
            label.push_str("Alt-");
        }
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            label.push_str("Ctrl-");
        }
        if self.modifiers.contains(KeyModifiers::SHIFT) {
            label.push_str("Shift-");
        }
        label + &name
    }
}
