//! What stands where nothing was seen yet.

use crate::tui::state::State;

/// Why there is nothing, and until when.
pub fn waiting(state: &State) -> &'static str {
    match state.controls.live.previews {
        true if state.is_watched() => "g gives pictures back by its newest checkpoint",
        true => "the first pictures are being encoded …",
        false => "previews are off; p turns them on",
    }
}
