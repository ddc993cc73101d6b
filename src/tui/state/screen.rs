//! The state of the whole screen.

use crate::tui::options::ScreenOptions;

/// Everything the view draws from.
#[derive(Clone, Debug)]
pub struct State {
    pub options: ScreenOptions,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
}

impl State {
    /// The state before anything has happened.
    pub fn new(options: ScreenOptions) -> Self {
        Self { options, size: (0, 0) }
    }
}
