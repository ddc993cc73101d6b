//! Inside the loss panel.

use ratatui::layout::Rect;

use super::panes;

/// From this height on there is room for learning rate, gradient norm and speed as curves.
const STRIPS_FROM: u16 = 28;

/// The loss panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossPane {
    /// The chart with its axes, and its plot alone.
    pub chart: Rect,
    pub plot: Rect,
    /// Small curves beside each other; empty in low panels.
    pub strips: Rect,
    /// One line of numbers, or two.
    pub numbers: Rect,
}

/// Splits the inside of the loss panel; with few things on it for the back row.
pub fn loss_full(inner: Rect, few: bool) -> LossPane {
    let lines = if inner.height >= 12 && !few { 2 } else { 1.min(inner.height) };
    let strips = if inner.height >= STRIPS_FROM && !few { inner.height / 4 } else { 0 };
    let chart = Rect { height: inner.height - lines - strips, ..inner };
    LossPane {
        chart,
        plot: panes::plot(chart).plot,
        strips: Rect { y: chart.bottom(), height: strips, ..inner },
        numbers: Rect { y: chart.bottom() + strips, height: lines, ..inner },
    }
}
