//! Keys while a dialog lies over the panels.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::act;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::state::{Overlay, State};

/// Takes a key into the dialog.
pub fn key(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::Quit) => quit(state, event),
        Some(Overlay::Palette(_)) => palette(state, event),
        Some(Overlay::Help { scroll } | Overlay::Messages { scroll }) => {
            match event.code {
                KeyCode::Up | KeyCode::Char('k') => *scroll = scroll.saturating_sub(1),
                KeyCode::Down | KeyCode::Char('j') => *scroll = scroll.saturating_add(1),
                KeyCode::PageUp => *scroll = scroll.saturating_sub(10),
                KeyCode::PageDown | KeyCode::Char(' ') => *scroll = scroll.saturating_add(10),
                KeyCode::Home => *scroll = 0,
                _ => state.overlay = None,
            }
            // The view shows the last page for anything beyond; keep the number from running away.
            if let Some(Overlay::Help { scroll } | Overlay::Messages { scroll }) = &mut state.overlay {
                *scroll = (*scroll).min(400);
            }
            Vec::new()
        }
        Some(Overlay::Failure) => {
            state.overlay = None;
            if event.code == KeyCode::Char('q') { act::act(state, Action::Quit) } else { Vec::new() }
        }
        None => Vec::new(),
    }
}

fn quit(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    match event.code {
        KeyCode::Char('y' | 'Y' | 'q') | KeyCode::Enter => {
            state.overlay = None;
            act::act(state, Action::Leave)
        }
        KeyCode::Char('d' | 'D') => {
            state.overlay = None;
            act::leave_without_saving(state)
        }
        KeyCode::Char('n' | 'N') | KeyCode::Esc => {
            state.overlay = None;
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn palette(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    let Some(Overlay::Palette(palette)) = &mut state.overlay else { return Vec::new() };
    let matches = palette.matches();
    let last = matches.len().saturating_sub(1);
    palette.chosen = palette.chosen.min(last);
    match event.code {
        KeyCode::Esc => state.overlay = None,
        KeyCode::Up => palette.chosen = palette.chosen.saturating_sub(1),
        KeyCode::Down | KeyCode::Tab => palette.chosen = (palette.chosen + 1).min(last),
        KeyCode::Backspace if palette.text.is_empty() => state.overlay = None,
        KeyCode::Backspace => palette.pop(),
        KeyCode::Enter => {
            let chosen = matches.get(palette.chosen).map(|(action, _, _)| *action);
            state.overlay = None;
            return chosen.map_or_else(Vec::new, |action| act::act(state, action));
        }
        KeyCode::Char(c) if !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => palette.push(c),
        _ => {}
    }
    Vec::new()
}
