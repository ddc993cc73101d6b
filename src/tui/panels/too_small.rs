//! A sentence for terminals that are too small for a lab.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::sentence;
use crate::tui::layout::{MIN_COLUMNS, MIN_ROWS};
use crate::tui::state::{Overlay, State};
use crate::tui::theme::Role;

/// Draws it, as far as there is room.
pub fn too_small(state: &State, area: Rect, buf: &mut Buffer) {
    if state.overlay == Some(Overlay::Quit) {
        let what = state.experiment.as_ref().map_or("lab", |experiment| experiment.facts.kind);
        let text = format!("Leave the {what}? y saves and leaves, n stays.");
        return sentence(&text, area, Role::Text, &state.theme, buf);
    }
    let text = format!(
        "difflab needs {MIN_COLUMNS} × {MIN_ROWS} characters; this terminal has {} × {}. Training continues.",
        area.width, area.height
    );
    sentence(&text, area, Role::Text, &state.theme, buf);
}
