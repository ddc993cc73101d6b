//! The losses per timestep of the run under the cursor, or how much two runs differ.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::difference;
use crate::tui::panels::heatmap;
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::{Words, shorten_run};

/// Columns of a run's name.
const NAME: usize = 15;

/// "mnist-a − mnist-b · of the second", or the run's name and what its own panel says.
pub fn subtitle(state: &State) -> Words {
    let words = Words::new(&state.theme);
    if let Some((a, b)) = state.subtracted() {
        let names = Words::new(&state.theme)
            .joined_by(" ")
            .styled(state.theme.run(a.color), shorten_run(&a.name, NAME))
            .add(Role::Dim, "−")
            .styled(state.theme.run(b.color), shorten_run(&b.name, NAME));
        return names;
    }
    match state.chosen_run() {
        Some(run) => words
            .styled(state.theme.run(run.color), shorten_run(&run.name, NAME))
            .add(Role::Dim, if state.plots.heat_relative { "share of the start" } else { "log colours" }),
        None => words,
    }
}

/// The map of one run, or of a difference.
pub fn full(state: &State, inner: Rect, buf: &mut Buffer) {
    match state.subtracted() {
        Some((a, b)) => difference::draw(state, a, b, inner, buf),
        None => heatmap::of_run(state, state.read_heat(), inner, buf),
    }
}

/// The same, small.
pub fn brief(state: &State, inner: Rect, buf: &mut Buffer) {
    match state.subtracted() {
        Some((a, b)) => difference::brief(state, a, b, inner, buf),
        None => heatmap::brief_of_run(state, state.read_heat(), inner, buf),
    }
}
