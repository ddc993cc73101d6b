//! The lines above and below the panels, as pieces that can be clicked.

mod compared;
mod experiment;
mod footer;
mod header;
mod status;

use ratatui::text::Line;

use crate::tui::action::Action;

pub use footer::footer;
pub use header::{header, progress_in_brief};
pub use status::status;

/// A piece of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Its first column on the screen.
    pub x: u16,
    pub line: Line<'static>,
    /// What a click on it does.
    pub action: Option<Action>,
}

/// What a click in column `x` does.
pub fn clicked(pieces: &[Piece], x: u16) -> Option<Action> {
    let hit = |piece: &&Piece| (piece.x..piece.x + piece.line.width() as u16).contains(&x);
    pieces.iter().find(hit).and_then(|piece| piece.action)
}
