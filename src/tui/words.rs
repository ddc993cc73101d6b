//! Lines of text that are never cut in the middle of a word.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::tui::theme::{Role, Theme};

/// Pieces of a line, joined by dots; what doesn't fit is left out piece by piece, from the end.
#[derive(Clone, Debug)]
pub struct Words {
    theme: Theme,
    pieces: Vec<Vec<Span<'static>>>,
    joint: &'static str,
}

impl Words {
    pub fn new(theme: &Theme) -> Self {
        Self { theme: *theme, pieces: Vec::new(), joint: " · " }
    }

    /// Pieces stand apart by this.
    pub fn joined_by(mut self, joint: &'static str) -> Self {
        self.joint = joint;
        self
    }

    /// A piece in one role.
    pub fn add(mut self, role: Role, text: impl Into<String>) -> Self {
        self.pieces.push(vec![Span::styled(text.into(), self.theme.style(role))]);
        self
    }

    /// A name in one role and its value in another, as one piece.
    pub fn pair(mut self, name_role: Role, name: &str, value_role: Role, value: impl Into<String>) -> Self {
        self.pieces.push(vec![
            Span::styled(format!("{name} "), self.theme.style(name_role)),
            Span::styled(value.into(), self.theme.style(value_role)),
        ]);
        self
    }

    /// As [`Words::add`], when there is something to add.
    pub fn maybe(self, role: Role, text: Option<String>) -> Self {
        match text {
            Some(text) => self.add(role, text),
            None => self,
        }
    }

    /// The line, at most `width` columns wide.
    pub fn fit(&self, width: u16) -> Line<'static> {
        let width = usize::from(width);
        let mut line = Line::default();
        for piece in &self.pieces {
            let joint = if line.spans.is_empty() { "" } else { self.joint };
            let piece_width: usize = piece.iter().map(Span::width).sum();
            if line.width() + Span::raw(joint).width() + piece_width > width {
                break;
            }
            if !joint.is_empty() {
                line.spans.push(Span::styled(joint, self.joint_style()));
            }
            line.spans.extend(piece.iter().cloned());
        }
        line
    }

    /// A line for each piece, without those that are wider than `width` columns.
    pub fn lines(&self, width: u16) -> Vec<Line<'static>> {
        let lines = self.pieces.iter().map(|piece| Line::from(piece.clone()));
        lines.filter(|line| line.width() <= usize::from(width)).collect()
    }

    /// Columns that all of it takes.
    pub fn width(&self) -> usize {
        let pieces: usize = self.pieces.iter().flatten().map(Span::width).sum();
        pieces + self.pieces.len().saturating_sub(1) * columns(self.joint)
    }

    fn joint_style(&self) -> Style {
        self.theme.style(Role::Border)
    }
}

/// Breaks a text into lines of at most `width` columns, at spaces; longer words are broken.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let mut word = word.to_string();
            let room = |line: &str| width.saturating_sub(if line.is_empty() { 0 } else { columns(line) + 1 });
            if columns(&word) > room(&line) && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            while columns(&word) > width {
                let at = prefix(&word, width);
                lines.push(word[..at].to_string());
                word.drain(..at);
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        lines.push(line);
    }
    lines
}

/// Shortens a text to `width` columns, with "…" where it was cut.
pub fn shorten(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_string();
    }
    if width <= 1 {
        return "…".repeat(width);
    }
    format!("{}…", text[..prefix(text, width - 1)].trim_end())
}

/// Columns that a text takes.
pub fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// Bytes of the longest beginning that is at most `width` columns wide, at least one character.
fn prefix(text: &str, width: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if used > width && at > 0 {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{Capability, ThemeName};

    #[test]
    fn only_whole_pieces_are_shown() {
        let theme = Theme::new(ThemeName::Dark, Capability::TrueColor);
        let words = Words::new(&theme).add(Role::Text, "train").add(Role::Dim, "held-out");
        assert_eq!(words.fit(80).to_string(), "train · held-out");
        assert_eq!(words.fit(15).to_string(), "train");
        assert_eq!(words.fit(3).to_string(), "");
        assert_eq!(words.width(), 16);
        let lines: Vec<String> = words.lines(6).iter().map(|line| line.to_string()).collect();
        assert_eq!(lines, ["train"]);
    }

    #[test]
    fn texts_wrap_at_spaces_and_long_words_are_broken() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij x", 4), ["abcd", "efgh", "ij x"]);
        assert_eq!(wrap("a\nb", 10), ["a", "b"]);
    }

    #[test]
    fn shortened_texts_say_so() {
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("abcdef", 1), "…");
        assert_eq!(shorten("abcdef", 0), "");
    }
}
