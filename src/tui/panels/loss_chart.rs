//! The curves of the loss panel.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::chart::{
    Dots, Marker, Pen, Scale, nice_ceil, nice_floor, step_ticks, time_ticks, value_ticks, x_axis, y_axis,
};
use crate::tui::layout;
use crate::tui::state::{HeldOutBucket, History, LossBucket, MarkKind, State, XAxis};
use crate::tui::theme::Role;

/// Raw losses more than so many times above the smoothed ones leave the chart at its top.
const SPIKES: f64 = 20.0;

/// Columns between the points of the held-out curve.
const APART: u16 = 8;

/// Axes, raw envelope, held-out, smoothed line, marks.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    let pane = layout::plot(area);
    let (plot, theme, plots) = (pane.plot, &state.theme, &state.plots);
    if plot.width < 4 || plot.height < 2 {
        return;
    }
    let history = &state.data().history;
    let (x, y) = (x_scale(state, history), y_scale(state, history));
    let pen = Pen { marker: plots.marker, label: theme.style(Role::Dim), line: theme.style(Role::Border) };
    let most = theme.ticks(usize::from(plot.height * 2 / 3).clamp(2, 9));
    y_axis(&pane, &y, &value_ticks(&y, most), &pen, buf);
    let most = theme.ticks(usize::from(plot.width / 9).clamp(1, 10));
    let ticks = if plots.x_axis == XAxis::Time { time_ticks(&x, most) } else { step_ticks(&x, most) };
    x_axis(&pane, &x, &ticks, plots.x_axis.name(), &pen, buf);
    curves(state, history, plot, &x, &y, buf);
    held_out_points(state, history, plot, &x, &y, buf);
    marks(state, history, plot, &x, &y, buf);
}

/// The smoothed line alone, without axes.
pub fn sparkline(state: &State, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let history = &state.data().history;
    let (x, y) = (x_scale(state, history), y_scale(state, history));
    curves(state, history, area, &x, &y, buf);
}

fn curves(state: &State, history: &History, plot: Rect, x: &Scale, y: &Scale, buf: &mut Buffer) {
    let (theme, plots) = (&state.theme, &state.plots);
    let losses = history.losses();
    let mut raw = Dots::new(plot, plots.marker);
    let dots = raw.size().0;
    if losses.len() < dots {
        raw.path(losses.iter().map(|b| (x.share(b.last.on(plots.x_axis)), y.share(b.max))));
    }
    // The smallest and the largest loss of each column of dots, and one line between the two.
    let mut column: Option<(i64, f64, f64)> = None;
    for bucket in losses {
        let (at, _) = raw.dot((x.share(bucket.last.on(plots.x_axis)), 0.0));
        column = match column {
            Some((before, low, high)) if before == at => Some((at, low.min(bucket.min), high.max(bucket.max))),
            finished => {
                envelope(&mut raw, finished, y);
                Some((at, bucket.min, bucket.max))
            }
        };
    }
    envelope(&mut raw, column, y);
    // From the back row it would be fog.
    if !theme.is_for_the_back_row() {
        raw.draw(theme.style(Role::TrainFaint), buf);
    }
    let mut held_out = Dots::new(plot, plots.marker);
    let mean = |b: &HeldOutBucket| b.sum / b.count.max(1) as f64;
    held_out.path(history.held_out().iter().map(|b| (x.share(b.at.on(plots.x_axis)), y.share(mean(b)))));
    held_out.draw(theme.style(Role::HeldOut), buf);
    let mut smoothed = Dots::new(plot, plots.marker);
    let value = |b: &LossBucket| b.smoothed[plots.smoothing.min(b.smoothed.len() - 1)];
    smoothed.path(losses.iter().map(|b| (x.share(b.last.on(plots.x_axis)), y.share(value(b)))));
    smoothed.draw(theme.style(Role::Train), buf);
}

fn envelope(dots: &mut Dots, column: Option<(i64, f64, f64)>, y: &Scale) {
    if let Some((x, low, high)) = column {
        let row = |value: f64| dots.dot((0.0, y.share(value))).1;
        let (bottom, top) = (row(low), row(high));
        dots.column(x, top, bottom);
    }
}

/// Points on the held-out curve, so that it is seen where the smoothed line lies over it.
fn held_out_points(state: &State, history: &History, plot: Rect, x: &Scale, y: &Scale, buf: &mut Buffer) {
    let point = if state.plots.marker == Marker::Ascii { 'o' } else { '•' };
    let mut free = 0;
    // From the newest back, so that the newest is always there.
    for bucket in history.held_out().iter().rev() {
        let place = (x.share(bucket.at.on(state.plots.x_axis)), y.share(bucket.sum / bucket.count.max(1) as f64));
        let Some((column, row)) = cell(plot, place) else { continue };
        if free != 0 && column + APART > free {
            continue;
        }
        free = column;
        put(buf, column, row, point, state.theme.style(Role::HeldOut));
    }
}

fn marks(state: &State, history: &History, plot: Rect, x: &Scale, y: &Scale, buf: &mut Buffer) {
    let ascii = state.plots.marker == Marker::Ascii;
    let losses = history.losses();
    for mark in history.marks() {
        let at = x.share(history.moment_of(mark.step).on(state.plots.x_axis));
        let index = losses.partition_point(|b| b.last.step < mark.step).min(losses.len().saturating_sub(1));
        let loss = losses.get(index).map_or(f64::NAN, |b| b.smoothed[state.plots.smoothing.min(b.smoothed.len() - 1)]);
        let (share, symbol, role) = match mark.kind {
            MarkKind::Snapshot => (y.share(loss), if ascii { '#' } else { '◆' }, Role::Strong),
            MarkKind::Setting => (1.0, if ascii { 'v' } else { '▾' }, Role::Text),
            MarkKind::Resume => (1.0, if ascii { '>' } else { '↻' }, Role::Text),
            MarkKind::Checkpoint => (0.0, if ascii { '^' } else { '▴' }, Role::Dim),
            MarkKind::Other => continue,
        };
        if let Some((column, row)) = cell(plot, (at, share.clamp(0.0, 1.0))) {
            put(buf, column, row, symbol, state.theme.style(role));
        }
    }
}

fn put(buf: &mut Buffer, column: u16, row: u16, symbol: char, style: ratatui::style::Style) {
    if let Some(cell) = buf.cell_mut((column, row)) {
        cell.set_char(symbol).set_style(style);
    }
}

/// The cell at a place of the plot; `None` outside.
fn cell(plot: Rect, (x, y): (f64, f64)) -> Option<(u16, u16)> {
    if plot.is_empty() || !(0.0..=1.0).contains(&x) || !(0.0..=1.0).contains(&y) {
        return None;
    }
    let column = plot.x + (x * f64::from(plot.width - 1)).round() as u16;
    let row = plot.bottom() - 1 - (y * f64::from(plot.height - 1)).round() as u16;
    Some((column, row))
}

/// From 0 to a round number a little beyond the newest value, or to the run's end where that is near.
pub fn x_scale(state: &State, history: &History) -> Scale {
    let axis = state.plots.x_axis;
    let newest = history.losses().last().map_or(0.0, |b| b.last.on(axis));
    let mut end = nice_ceil(newest.max(if axis == XAxis::Epoch { 0.01 } else { 10.0 }));
    if axis == XAxis::Step
        && let Some(total) = state.config.as_ref().map(|c| c.train.steps as f64)
        && newest <= total
    {
        end = end.min(total.max(1.0));
    }
    Scale::new(0.0, end, false)
}

/// Round numbers around everything that is drawn.
fn y_scale(state: &State, history: &History) -> Scale {
    let (mut low, mut high, mut top) = (f64::INFINITY, 0f64, 0f64);
    for b in history.losses() {
        let smoothed = b.smoothed[state.plots.smoothing.min(b.smoothed.len() - 1)];
        low = low.min(b.min).min(smoothed);
        high = high.max(smoothed);
        top = top.max(b.max);
    }
    for b in history.held_out() {
        let loss = b.sum / b.count.max(1) as f64;
        (low, high) = (low.min(loss), high.max(loss));
    }
    high = top.min(high * SPIKES).max(high);
    if high <= 0.0 || !low.is_finite() {
        return Scale::new(0.0, 1.0, false);
    }
    if !state.plots.log_y {
        return Scale::new(if low < 0.0 { low } else { 0.0 }, nice_ceil(high), false);
    }
    Scale::new(nice_floor(low.max(high * 1e-8)), nice_ceil(high), true)
}
