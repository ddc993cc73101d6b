//! A sentence for terminals that are too small for a lab.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::sentence;
use crate::tui::layout::{MIN_COLUMNS, MIN_ROWS};
use crate::tui::state::State;
use crate::tui::theme::Role;

/// Draws it, as far as there is room.
pub fn too_small(state: &State, area: Rect, buf: &mut Buffer) {
    let text = format!(
        "difflab needs {MIN_COLUMNS} × {MIN_ROWS} characters; this terminal has {} × {}. Training continues.",
        area.width, area.height
    );
    sentence(&text, area, Role::Text, &state.theme, buf);
}
