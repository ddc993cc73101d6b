//! A rectangle of border characters.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::chart::Marker;
use crate::tui::theme::{Role, Theme};

/// The characters of a border: corners (top left, top right, bottom left, bottom right), flat, upright.
pub fn border_characters(marker: Marker) -> [&'static str; 6] {
    if marker == Marker::Ascii { ["+", "+", "+", "+", "-", "|"] } else { ["╭", "╮", "╰", "╯", "─", "│"] }
}

/// A rectangle of border characters.
pub fn outline(area: Rect, role: Role, theme: &Theme, marker: Marker, buf: &mut Buffer) {
    if area.width < 2 || area.height < 2 {
        return;
    }
    let style = theme.style(role);
    let [top_left, top_right, bottom_left, bottom_right, flat, upright] = border_characters(marker);
    let line = flat.repeat(usize::from(area.width - 2));
    let (right, bottom) = (area.right() - 1, area.bottom() - 1);
    buf.set_string(area.x, area.y, format!("{top_left}{line}{top_right}"), style);
    for y in area.y + 1..bottom {
        buf.set_string(area.x, y, upright, style);
        buf.set_string(right, y, upright, style);
    }
    buf.set_string(area.x, bottom, format!("{bottom_left}{line}{bottom_right}"), style);
}
