//! The screen as a pure function of the state.

use ratatui::Frame;

use crate::tui::pictures::Pictures;
use crate::tui::state::State;

/// Draws the whole screen. Changes nothing, and takes the time from the state.
pub fn view(state: &State, frame: &mut Frame, _pictures: &dyn Pictures) {
    let _ = (state, frame);
}
