//! Lines of text that are never cut in the middle of a word.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::tui::theme::{Role, Theme};

/// Pieces of a line, joined by dots; what doesn't fit is left out piece by piece, from the end.
///
/// A number that is padded, so that nothing jumps, keeps its width; but the blanks go behind it: "t 7   ".
#[derive(Clone, Debug)]
pub struct Words {
    theme: Theme,
    pieces: Vec<Piece>,
    joint: &'static str,
}

#[derive(Clone, Debug)]
struct Piece {
    spans: Vec<Span<'static>>,
    /// It may be cut down to this width.
    least: Option<usize>,
}

/// Joins the pieces of a line that has numbers in columns of a fixed width: dots would stand apart from them.
pub const COLUMNS: &str = "  ";

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
        self.push(vec![Span::styled(text.into(), self.theme.style(role))], None);
        self
    }

    /// A piece in a style that no role has: the colour of a run.
    pub fn styled(mut self, style: Style, text: impl Into<String>) -> Self {
        self.push(vec![Span::styled(text.into(), style)], None);
        self
    }

    /// As [`Words::add`]; where there is no room for all of it, it is shortened to `least` columns or more.
    pub fn add_shortened(mut self, role: Role, text: impl Into<String>, least: usize) -> Self {
        self.push(vec![Span::styled(text.into(), self.theme.style(role))], Some(least));
        self
    }

    /// A name in one role and its value in another, as one piece.
    pub fn pair(mut self, name_role: Role, name: &str, value_role: Role, value: impl Into<String>) -> Self {
        let value: String = value.into();
        let pad = value.len() - value.trim_start_matches(' ').len();
        let spans = vec![
            Span::styled(format!("{name} "), self.theme.style(name_role)),
            Span::styled(format!("{}{}", &value[pad..], " ".repeat(pad)), self.theme.style(value_role)),
        ];
        self.push(spans, None);
        self
    }

    /// Blanks before the first word go behind the last.
    fn push(&mut self, mut spans: Vec<Span<'static>>, least: Option<usize>) {
        if let Some(first) = spans.first_mut() {
            let pad = first.content.len() - first.content.trim_start_matches(' ').len();
            if pad > 0 {
                first.content = first.content[pad..].to_string().into();
                spans.push(Span::raw(" ".repeat(pad)));
            }
        }
        self.pieces.push(Piece { spans, least });
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
        self.fit_with_places(width).0
    }

    /// As [`Words::fit`], and for each piece that is in the line the columns it has there.
    pub fn fit_with_places(&self, width: u16) -> (Line<'static>, Vec<std::ops::Range<u16>>) {
        let width = usize::from(width);
        let mut line = Line::default();
        let mut places = Vec::new();
        for piece in &self.pieces {
            let joint = if line.spans.is_empty() { "" } else { self.joint };
            let piece_width: usize = piece.spans.iter().map(Span::width).sum();
            let room = width.saturating_sub(line.width() + Span::raw(joint).width());
            let cut = piece_width > room;
            if cut && piece.least.is_none_or(|least| least.max(2) > room) {
                break;
            }
            if !joint.is_empty() {
                line.spans.push(Span::styled(joint, self.joint_style()));
            }
            let begin = line.width() as u16;
            places.push(begin..begin + piece_width.min(room) as u16);
            if cut {
                let text: String = piece.spans.iter().map(|span| span.content.as_ref()).collect();
                line.spans.push(Span::styled(shorten(&text, room), piece.spans[0].style));
                break;
            }
            line.spans.extend(piece.spans.iter().cloned());
        }
        (line, places)
    }

    /// A line for each piece, without those that are wider than `width` columns.
    pub fn lines(&self, width: u16) -> Vec<Line<'static>> {
        let lines = self.pieces.iter().map(|piece| Line::from(piece.spans.clone()));
        lines.filter(|line| line.width() <= usize::from(width)).collect()
    }

    /// Columns that all of it takes.
    pub fn width(&self) -> usize {
        let pieces: usize = self.pieces.iter().flat_map(|piece| &piece.spans).map(Span::width).sum();
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

/// A run's name in at most `width` columns: without its date where it is too long, then without its middle, since runs differ
/// at both ends.
pub fn shorten_run(name: &str, width: usize) -> String {
    let is_date = |text: &str| {
        text.len() == 11
            && text
                .bytes()
                .enumerate()
                .all(|(i, b)| if [4, 7, 10].contains(&i) { b == b'-' } else { b.is_ascii_digit() })
    };
    let name = match name.get(..11).filter(|date| columns(name) > width && is_date(date) && name.len() > 11) {
        Some(_) => &name[11..],
        None => name,
    };
    shorten_middle(name, width)
}

/// The text in at most `width` columns: where it is too long, without its middle.
pub fn shorten_middle(name: &str, width: usize) -> String {
    if columns(name) <= width || width < 5 {
        return shorten(name, width);
    }
    let behind = (width - 1) / 2;
    let mut end = String::new();
    for c in name.chars().rev() {
        if columns(&end) + columns(&c.to_string()) > behind {
            break;
        }
        end.insert(0, c);
    }
    let front = shorten(name, width - columns(&end));
    format!("{front}{end}")
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
    fn a_padded_number_keeps_its_width_and_stands_at_its_name() {
        let theme = Theme::new(ThemeName::Dark, Capability::TrueColor);
        let words =
            |t: &str| Words::new(&theme).joined_by(COLUMNS).pair(Role::Dim, "t", Role::Text, t).add(Role::Dim, "σ");
        assert_eq!(words("  7").fit(80).to_string(), "t 7    σ");
        assert_eq!(words("977").fit(80).to_string(), "t 977  σ");
        let speed = Words::new(&theme).pair(Role::Text, "  12", Role::Dim, "images/s").add(Role::Dim, "σ");
        assert_eq!(speed.fit(80).to_string(), "12 images/s   · σ");
    }

    #[test]
    fn names_are_shortened_before_they_are_left_out() {
        let theme = Theme::new(ThemeName::Dark, Capability::TrueColor);
        let words = Words::new(&theme).add(Role::Text, "w 1.0").add_shortened(Role::Text, "class aeroplane", 9);
        assert_eq!(words.fit(40).to_string(), "w 1.0 · class aeroplane");
        assert_eq!(words.fit(20).to_string(), "w 1.0 · class aerop…");
        assert_eq!(words.fit(16).to_string(), "w 1.0");
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
