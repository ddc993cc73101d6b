//! Which steps are in view, on which axis.

use super::history::History;
use super::screen::State;
use super::step_window::{FEWEST, StepWindow};
use super::x_axis::XAxis;
use crate::tui::chart::{Scale, nice_ceil};

impl State {
    /// From 0 to a round number a little beyond the newest step, or to the run's end where that is near.
    pub fn all_steps(&self) -> StepWindow {
        let newest = newest(self, XAxis::Step);
        let mut end = nice_ceil(newest.max(FEWEST));
        // Of runs that are compared each has its own end.
        if let Some(total) = self.config.as_ref().map(|c| c.train.steps as f64)
            && newest <= total
            && !self.is_comparing()
        {
            end = end.min(total.max(1.0));
        }
        // A logarithmic axis begins where the run does.
        let first = if self.plots.log_x { first_step(self) } else { 0.0 };
        StepWindow { first, last: end.max(first + 1.0) }
    }

    /// The steps that the loss is shown over.
    pub fn shown_steps(&self) -> StepWindow {
        self.plots.window.unwrap_or_else(|| self.all_steps())
    }

    /// The x axis of the loss.
    pub fn loss_axis(&self) -> Scale {
        let (history, axis, log) = (self.read_history(), self.plots.x_axis, self.plots.log_x);
        let least = if log { least(self, axis) } else { 0.0 };
        match (self.plots.window, axis) {
            (None, XAxis::Epoch | XAxis::Images | XAxis::Time | XAxis::Flops) => {
                let floor = match axis {
                    XAxis::Epoch => 0.01,
                    XAxis::Flops => history.costs().flops.max(1.0),
                    _ => FEWEST,
                };
                Scale::new(least, nice_ceil(newest(self, axis).max(floor)), log)
            }
            _ => {
                let shown = self.shown_steps();
                let low = place(history, axis, shown.first);
                Scale::new(if log { low.max(least) } else { low }, place(history, axis, shown.last), log)
            }
        }
    }

    /// `factor` times as many steps in view, with what is at `share` of the chart where it was. `None`: all of them.
    pub fn zoomed_steps(&self, factor: f64, share: f64) -> Option<StepWindow> {
        self.on_axis(self.shown_steps(), |shown, whole| shown.zoomed(whole, factor, share))
    }

    /// The steps of `from`, moved by a share of the chart.
    pub fn moved_steps(&self, from: StepWindow, by: f64) -> StepWindow {
        self.on_axis(from, |shown, whole| Some(shown.moved(whole, by))).unwrap_or(from)
    }

    /// Does something with windows in which equal lengths are equally long on the chart.
    fn on_axis(
        &self,
        shown: StepWindow,
        change: impl FnOnce(StepWindow, StepWindow) -> Option<StepWindow>,
    ) -> Option<StepWindow> {
        let whole = self.all_steps();
        if !self.plots.log_x {
            return change(shown, whole);
        }
        // So stretched that the whole is as long as it was, which keeps the shortest window about as short.
        let stretch = (whole.last - whole.first) / (whole.last / whole.first).ln();
        let there = |step: f64| (step.max(whole.first) / whole.first).ln() * stretch;
        let back = |at: f64| whole.first * (at / stretch).exp();
        let window = |w: StepWindow, f: &dyn Fn(f64) -> f64| StepWindow { first: f(w.first), last: f(w.last) };
        change(window(shown, &there), window(whole, &there)).map(|changed| window(changed, &back))
    }
}

/// Of all runs that are drawn the first step that was logged, at least 1.
fn first_step(state: &State) -> f64 {
    let first = |history: &&History| history.losses().first().map(|b| b.first.step);
    state.shown_histories().iter().filter_map(first).min().unwrap_or(1).max(1) as f64
}

/// Of all runs that are drawn the farthest place on an axis.
fn newest(state: &State, axis: XAxis) -> f64 {
    let last = |history: &&History| history.losses().last().map(|b| b.last.on(history.axis(axis)));
    state.shown_histories().iter().filter_map(last).fold(0.0, f64::max)
}

/// Of all runs that are drawn the first place above 0 on an axis.
fn least(state: &State, axis: XAxis) -> f64 {
    let first = |history: &&History| {
        let (losses, axis) = (history.losses(), history.axis(axis));
        losses.iter().flat_map(|b| [b.first, b.last]).map(|moment| moment.on(axis)).find(|at| *at > 0.0)
    };
    let least = state.shown_histories().iter().filter_map(first).fold(f64::INFINITY, f64::min);
    if least.is_finite() { least } else { 1.0 }
}

/// Where a step, or a place between two, is on an axis; beyond the newest as if all went on evenly.
fn place(history: &History, axis: XAxis, step: f64) -> f64 {
    let (Some(first), Some(last)) = (history.losses().first(), history.losses().last()) else { return step };
    if axis == XAxis::Step {
        return step;
    }
    let axis = history.axis(axis);
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
