//! Which steps the loss is shown over: closer, wider, earlier, later.

use crate::tui::chart::Scale;
use crate::tui::state::{Gravity, State, StepWindow};

/// One turn of the wheel, or one key.
pub const CLOSER: f64 = 0.8;

/// Shows `factor` times as many steps; the step at `share` of the chart stays where it is.
pub fn around(state: &mut State, factor: f64, share: f64) {
    state.plots.window = state.zoomed_steps(factor, share);
}

/// As [`around`] the newest step where that is in view, else the middle.
pub fn by_key(state: &mut State, factor: f64) {
    if state.plots.window.is_none() && factor > 1.0 {
        return tell(state, "the loss is shown over all steps already");
    }
    let shown = state.shown_steps();
    let newest = state.read_history().losses().last().map_or(0.0, |b| b.last.step as f64);
    let share = Scale::new(shown.first, shown.last, state.plots.log_x).share(newest);
    let before = state.plots.window;
    around(state, factor, if (0.0..=1.0).contains(&share) { share } else { 0.5 });
    if state.plots.window == before {
        tell(state, "the loss is shown over as few steps as can be");
    }
}

/// Moves the steps in view by a share of the chart.
pub fn pan_by_key(state: &mut State, by: f64) {
    let Some(window) = state.plots.window else {
        return tell(state, "the loss is shown over all steps; } or the wheel over it shows fewer");
    };
    state.plots.window = Some(state.moved_steps(window, by));
    if state.plots.window == Some(window) {
        tell(state, if by < 0.0 { "these are the first steps" } else { "these are the newest steps" });
    }
}

/// Moves the steps that were in view when a drag began by a share of the chart.
pub fn dragged(state: &mut State, from: StepWindow, by: f64) {
    if state.plots.window.is_some() {
        state.plots.window = Some(state.moved_steps(from, by));
    }
}

/// All steps again.
pub fn whole(state: &mut State) {
    if state.plots.window.take().is_none() {
        tell(state, "the loss is shown over all steps already");
    }
}

fn tell(state: &mut State, text: &str) {
    state.news.tell(state.now, Gravity::Info, text);
}
