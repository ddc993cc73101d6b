//! The axes of the loss, and what lies beyond them.

use crate::tui::chart::{Scale, nice_ceil, nice_floor, robust_range};
use crate::tui::state::{HeldOutBucket, History, LossBucket, SMOOTHINGS, State};

/// How much farther than the bulk of the losses the axis reaches, either way.
const REACH: f64 = 2.0;

/// What the loss is drawn on.
pub struct LossAxes {
    pub x: Scale,
    pub y: Scale,
    /// Points, of those in view, that are too high or too low for it.
    pub above: usize,
    pub below: usize,
}

/// The smoothed loss of a bucket, at the level that was chosen: on a logarithmic axis its logarithms were averaged.
pub fn smoothed(state: &State, bucket: &LossBucket) -> f64 {
    bucket.smoothed_for(state.plots.smoothing.min(SMOOTHINGS.len() - 1), state.plots.log_y)
}

/// The mean of a bucket.
pub fn mean(bucket: &HeldOutBucket) -> f64 {
    bucket.sum / bucket.count.max(1) as f64
}

/// The losses in view, and the neighbour on either side, to which the lines go on.
pub fn in_view<'a>(state: &State, history: &'a History, x: &Scale) -> &'a [LossBucket] {
    let (losses, axis) = (history.losses(), history.axis(state.plots.x_axis));
    let first = losses.partition_point(|b| b.last.on(axis) < x.low).saturating_sub(1);
    let end = losses.partition_point(|b| b.last.on(axis) <= x.high);
    &losses[first.min(end)..losses.len().min(end + 1)]
}

/// Round numbers around most of what is in view, and around where the loss is now.
pub fn axes(state: &State, history: &History) -> LossAxes {
    let x = state.loss_axis();
    let axis = history.axis(state.plots.x_axis);
    let inside = |at: f64| (x.low..=x.high).contains(&at);
    let losses = || in_view(state, history, &x).iter().filter(|b| inside(b.last.on(axis)));
    let held_out = || history.held_out().iter().filter(|b| inside(b.at.on(axis))).map(mean);
    let log = state.plots.log_y;
    let range = robust_range(losses().flat_map(|b| [b.min, b.max]).chain(held_out()), log, REACH);
    let (mut low, mut high) = range.unwrap_or((0.0, 1.0));
    // Where the loss stands is seen, wherever that is.
    for now in losses().next_back().map(|b| smoothed(state, b)).into_iter().chain(held_out().next_back()) {
        if now.is_finite() && (now > 0.0 || !log) {
            (low, high) = (low.min(now), high.max(now));
        }
    }
    let y = if log {
        Scale::new(nice_floor(low.max(1e-300)), nice_ceil(high.max(1e-300)), true)
    } else if high <= 0.0 {
        Scale::new(low, 0.0, false)
    } else {
        Scale::new(low.min(0.0), nice_ceil(high), false)
    };
    let above = losses().filter(|b| y.is_above(b.max)).count() + held_out().filter(|v| y.is_above(*v)).count();
    let below = losses().filter(|b| y.is_below(b.min)).count() + held_out().filter(|v| y.is_below(*v)).count();
    LossAxes { x, y, above, below }
}
