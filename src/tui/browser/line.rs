//! A line that a person types.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Letters that a line may have.
const MOST: usize = 2000;

/// The text with a cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineInput {
    text: String,
    /// Byte of the text that the cursor stands before.
    at: usize,
}

impl LineInput {
    /// With the cursor at the end.
    pub fn with(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { at: text.len(), text }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The byte that the cursor stands before.
    pub fn cursor(&self) -> usize {
        self.at
    }

    /// Types a letter.
    pub fn push(&mut self, c: char) {
        if !c.is_control() && self.text.len() < MOST {
            self.text.insert(self.at, c);
            self.at += c.len_utf8();
        }
    }

    /// Puts `with` in the place of some bytes, and the cursor behind it.
    pub fn replace(&mut self, range: std::ops::Range<usize>, with: &str) {
        if self.text.get(range.clone()).is_some() {
            self.text.replace_range(range.clone(), with);
            self.at = range.start + with.len();
        }
    }

    /// Takes a key of editing; false for any other.
    pub fn key(&mut self, event: &KeyEvent) -> bool {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let before = |line: &Self| line.text[..line.at].chars().next_back().map_or(0, char::len_utf8);
        let after = |line: &Self| line.text[line.at..].chars().next().map_or(0, char::len_utf8);
        match event.code {
            KeyCode::Char('u') if control => self.replace(0..self.at, ""),
            KeyCode::Char('w') if control => {
                let head = self.text[..self.at].trim_end();
                let word = head
                    .rfind(char::is_whitespace)
                    .map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8));
                self.replace(word..self.at, "");
            }
            KeyCode::Char('a') if control => self.at = 0,
            KeyCode::Char('e') if control => self.at = self.text.len(),
            KeyCode::Char(c) if !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => self.push(c),
            KeyCode::Backspace => self.replace(self.at - before(self)..self.at, ""),
            KeyCode::Delete => self.replace(self.at..self.at + after(self), ""),
            KeyCode::Left => self.at -= before(self),
            KeyCode::Right => self.at += after(self),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = self.text.len(),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(line: &mut LineInput, code: KeyCode, modifiers: KeyModifiers) -> bool {
        line.key(&KeyEvent::new(code, modifiers))
    }

    #[test]
    fn a_line_is_edited_as_lines_are() {
        let mut line = LineInput::with("größe lr");
        for code in [KeyCode::Left, KeyCode::Left, KeyCode::Backspace, KeyCode::Backspace, KeyCode::Char('é')] {
            assert!(press(&mut line, code, KeyModifiers::NONE));
        }
        assert_eq!((line.text(), line.cursor()), ("größélr", 8));
        assert!(press(&mut line, KeyCode::Delete, KeyModifiers::NONE));
        assert!(press(&mut line, KeyCode::End, KeyModifiers::NONE));
        " two  ".chars().for_each(|c| line.push(c));
        assert!(press(&mut line, KeyCode::Char('w'), KeyModifiers::CONTROL));
        assert_eq!(line.text(), "größér ");
        line.replace(0..4, "x");
        assert!(press(&mut line, KeyCode::Char('u'), KeyModifiers::CONTROL));
        assert!(!line.text().is_empty() && line.cursor() == 0);
        for code in [KeyCode::Left, KeyCode::Backspace, KeyCode::Home] {
            assert!(press(&mut line, code, KeyModifiers::NONE));
        }
        assert!(
            !press(&mut line, KeyCode::Enter, KeyModifiers::NONE)
                && !press(&mut line, KeyCode::Tab, KeyModifiers::NONE)
        );
        line.push('\n');
        assert!(!line.text().contains('\n'));
    }
}
