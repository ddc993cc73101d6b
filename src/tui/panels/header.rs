//! The first line: what is trained, and how far it is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::bars;
use crate::tui::state::State;

/// Draws it.
pub fn header(state: &State, area: Rect, buf: &mut Buffer) {
    for piece in bars::header(state, area) {
        buf.set_line(piece.x, area.y, &piece.line, piece.line.width() as u16);
    }
}
