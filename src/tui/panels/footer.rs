//! The last lines: what has just happened or is going on, and which keys do what.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::bars::{self, Piece};
use crate::tui::state::State;

/// Draws both.
pub fn footer(state: &State, status: Rect, footer: Rect, buf: &mut Buffer) {
    draw(&bars::status(state, status), status, buf);
    draw(&bars::footer(state, footer), footer, buf);
}

fn draw(pieces: &[Piece], row: Rect, buf: &mut Buffer) {
    for piece in pieces {
        buf.set_line(piece.x, row.y, &piece.line, row.right().saturating_sub(piece.x));
    }
}
