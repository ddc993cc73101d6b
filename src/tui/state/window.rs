//! Which steps the loss is shown over.

use super::history::{History, XAxis};
use super::screen::State;
use super::step_window::{FEWEST, StepWindow};
use crate::tui::chart::{Scale, nice_ceil};

impl State {
    /// From 0 to a round number a little beyond the newest step, or to the run's end where that is near.
    pub fn all_steps(&self) -> StepWindow {
        let newest = self.data().history.losses().last().map_or(0.0, |b| b.last.step as f64);
        let mut end = nice_ceil(newest.max(FEWEST));
        if let Some(total) = self.config.as_ref().map(|c| c.train.steps as f64)
            && newest <= total
        {
            end = end.min(total.max(1.0));
        }
        StepWindow { first: 0.0, last: end }
    }

    /// The steps that the loss is shown over.
    pub fn shown_steps(&self) -> StepWindow {
        self.plots.window.unwrap_or_else(|| self.all_steps())
    }

    /// The x axis of the loss.
    pub fn loss_axis(&self) -> Scale {
        let (history, axis) = (&self.data().history, self.plots.x_axis);
        match (self.plots.window, axis) {
            (None, XAxis::Epoch | XAxis::Time) => {
                let newest = history.losses().last().map_or(0.0, |b| b.last.on(axis));
                let end = nice_ceil(newest.max(if axis == XAxis::Epoch { 0.01 } else { FEWEST }));
                Scale::new(0.0, end, false)
            }
            _ => {
                let shown = self.shown_steps();
                Scale::new(place(history, axis, shown.first), place(history, axis, shown.last), false)
            }
        }
    }
}

/// Where a step, or a place between two, is on an axis; beyond the newest as if all went on evenly.
fn place(history: &History, axis: XAxis, step: f64) -> f64 {
    let (Some(first), Some(last)) = (history.losses().first(), history.losses().last()) else { return step };
    if axis == XAxis::Step {
        return step;
    }
    let (first, last) = (first.first, last.last);
    let at = |step: u64| history.moment_of(step).on(axis);
    if step >= last.step as f64 {
        last.on(axis) * step / (last.step as f64).max(1.0)
    } else if step <= first.step as f64 {
        first.on(axis) * step / (first.step as f64).max(1.0)
    } else {
        let (below, above) = (at(step.floor() as u64), at(step.ceil() as u64));
        below + (above - below) * step.fract()
    }
}
