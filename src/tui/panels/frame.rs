//! The border of a panel and its title, and what all panels draw alike.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::tui::outline::outline;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Placed, State};
use crate::tui::theme::{Role, Theme};
use crate::tui::words::Words;

/// The border of a panel with its title, and at its right the subtitle.
pub fn border(area: Rect, title: &str, subtitle: &Words, focused: bool, state: &State, buf: &mut Buffer) {
    let theme = &state.theme;
    let role = if focused { Role::Accent } else { Role::Border };
    outline(area, role, theme, state.plots.marker, buf);
    if area.width < 8 {
        return;
    }
    let title_role = if focused { Role::Accent } else { Role::Text };
    let title = Line::from(Span::styled(format!(" {title} "), theme.style(title_role)));
    let room = area.width - 4;
    buf.set_line(area.x + 2, area.y, &title, room);
    let left = title.width() as u16 + 1;
    let line = subtitle.fit(room.saturating_sub(left + 2));
    let width = line.width() as u16;
    if width > 0 {
        let x = area.right() - width - 3;
        buf.set_string(x - 1, area.y, " ", theme.base());
        buf.set_line(x, area.y, &line, width);
        buf.set_string(x + width, area.y, " ", theme.base());
    }
}

/// Draws a picture in its place; not at all while the terminal has another size than the state knows.
pub fn picture(slot: PictureSlot, placed: Option<&Placed>, within: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    if let Some(placed) = placed.filter(|p| within.intersection(p.area) == p.area) {
        pictures.draw(slot, &placed.picture, placed.area, buf);
    }
}

/// A sentence in the middle of an empty panel; one that is too long for it ends in "…".
pub fn sentence(text: &str, area: Rect, role: Role, theme: &Theme, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let mut lines = crate::tui::words::wrap(text, width);
    if lines.len() > height {
        lines.truncate(height);
        if let Some(last) = lines.last_mut() {
            while crate::tui::words::columns(last) >= width && last.pop().is_some() {}
            last.push('…');
        }
    }
    let top = area.y + area.height.saturating_sub(lines.len() as u16) / 2;
    for (i, line) in lines.iter().enumerate() {
        let width = crate::tui::words::columns(line) as u16;
        buf.set_string(area.x + area.width.saturating_sub(width) / 2, top + i as u16, line, theme.style(role));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{Capability, ThemeName};

    #[test]
    fn a_sentence_that_has_no_room_says_so() {
        let theme = Theme::on(ThemeName::Dark, Capability::TrueColor, None, false);
        let lines = |height: u16| -> Vec<String> {
            let area = Rect::new(0, 0, 12, height);
            let mut buf = Buffer::empty(area);
            sentence("raw ones are in checkpoints", area, Role::Dim, &theme, &mut buf);
            let line = |y| (0..12).map(|x| buf[(x, y)].symbol()).collect::<String>().trim().to_string();
            (0..height).map(line).collect()
        };
        assert_eq!(lines(3), ["raw ones are", "in", "checkpoints"]);
        assert_eq!(lines(1), ["raw ones ar…"]);
        assert!(lines(0).is_empty());
    }
}
