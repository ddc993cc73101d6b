//! Which steps the loss is shown over.

use super::history::{History, XAxis};
use super::screen::State;
use crate::tui::chart::{Scale, nice_ceil};

/// A window has at least so many steps.
const FEWEST: f64 = 10.0;

/// Steps, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepWindow {
    pub first: f64,
    pub last: f64,
}

impl StepWindow {
    fn length(self) -> f64 {
        self.last - self.first
    }

    /// `factor` times as long, with the same step at `share` of it, inside of `whole`. `None`: that is all of it.
    pub fn zoomed(self, whole: Self, factor: f64, share: f64) -> Option<Self> {
        let length = (self.length() * factor).max(FEWEST);
        if length >= whole.length() {
            return None;
        }
        let first = self.first + self.length() * share.clamp(0.0, 1.0) - length * share.clamp(0.0, 1.0);
        Some(Self { first, last: first + length }.into_whole(whole))
    }

    /// Moved by a share of its length, inside of `whole`.
    pub fn moved(self, whole: Self, by: f64) -> Self {
        let by = self.length() * by;
        Self { first: self.first + by, last: self.last + by }.into_whole(whole)
    }

    fn into_whole(self, whole: Self) -> Self {
        let first = self.first.min(whole.last - self.length()).max(whole.first);
        Self { first, last: first + self.length() }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: StepWindow = StepWindow { first: 0.0, last: 1000.0 };

    #[test]
    fn zooming_keeps_the_step_under_the_pointer() {
        let half = ALL.zoomed(ALL, 0.5, 0.25).unwrap();
        assert_eq!(half, StepWindow { first: 125.0, last: 625.0 });
        let back = half.zoomed(ALL, 2.0, 0.25);
        assert_eq!(back, None, "all of it is no window");
        assert_eq!(half.zoomed(ALL, 1.5, 0.0), Some(StepWindow { first: 125.0, last: 875.0 }));
    }

    #[test]
    fn a_window_stays_inside_and_has_some_steps() {
        let mut window = ALL;
        for _ in 0..100 {
            window = window.zoomed(ALL, 0.5, 1.0).unwrap();
        }
        assert_eq!(window, StepWindow { first: 990.0, last: 1000.0 });
        assert_eq!(window.moved(ALL, 5.0), window);
        assert_eq!(window.moved(ALL, -1.0), StepWindow { first: 980.0, last: 990.0 });
        assert_eq!(window.moved(ALL, -1e9), StepWindow { first: 0.0, last: 10.0 });
    }
}
