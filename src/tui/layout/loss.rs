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

/// Rows of a chart before its legend takes any.
const LEAST_CHART: u16 = 6;

/// Splits the inside of the loss panel where `runs` are compared: a row for each of them under the chart, as long as it is no
/// more than a third of the height; `numbers` are those rows.
pub fn loss_compared(inner: Rect, runs: usize) -> LossPane {
    let wanted = u16::try_from(runs).unwrap_or(u16::MAX).saturating_add(1);
    let most = (inner.height / 3).max(inner.height.saturating_sub(LEAST_CHART).min(3));
    let rows = wanted.min(most).min(inner.height);
    let chart = Rect { height: inner.height - rows, ..inner };
    LossPane {
        chart,
        plot: panes::plot(chart).plot,
        strips: Rect { y: chart.bottom(), height: 0, ..inner },
        numbers: Rect { y: chart.bottom(), height: rows, ..inner },
    }
}
