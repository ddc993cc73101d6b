//! The curves of the loss panel.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::curves;
use super::loss_range::{LossAxes, axes, in_view, mean, smoothed};
use super::series::steps_axis;
use crate::tui::chart::{Layer, Pen, Shape, Sketch, Weight, value_ticks, y_axis};
use crate::tui::layout;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{History, MarkKind, Plotted, State};
use crate::tui::theme::Role;

/// Columns between the points of the held-out curve.
const APART: f64 = 8.0;

/// Below this many rows lines are thin.
const THICK_FROM: u16 = 8;

/// Axes, raw envelope, held-out, smoothed line, marks.
pub fn draw(state: &State, area: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let pane = layout::plot(area);
    let (plot, theme, plots) = (pane.plot, &state.theme, &state.plots);
    if plot.width < 4 || plot.height < 2 {
        return;
    }
    let history = &state.data().history;
    let axes = axes(state, history);
    let pen = Pen { marker: plots.marker, label: theme.style(Role::Dim), line: theme.style(Role::Border) };
    let most = theme.ticks(usize::from(plot.height * 2 / 3).clamp(2, 9));
    y_axis(&pane, &axes.y, &value_ticks(&axes.y, most), &pen, buf);
    steps_axis(state, &pane, &axes.x, &pen, buf);
    let sketch = whole(state, history, &axes, plot);
    curves::draw(state, &sketch, (PictureSlot::LossChart, &axes.x, &axes.y), plot, pictures, buf);
}

/// Everything on the axes.
fn whole(state: &State, history: &History, axes: &LossAxes, plot: Rect) -> Sketch {
    let mut sketch = lines(state, history, axes, plot);
    held_out_points(state, history, axes, plot, &mut sketch);
    marks(state, history, axes, &mut sketch);
    beyond(state, history, axes, plot, &mut sketch);
    reading(state, history, axes, &mut sketch);
    sketch
}

/// The curves alone, without axes.
pub fn sparkline(state: &State, area: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let history = &state.data().history;
    let axes = axes(state, history);
    let sketch = lines(state, history, &axes, area);
    curves::draw(state, &sketch, (PictureSlot::LossChart, &axes.x, &axes.y), area, pictures, buf);
}

/// The raw losses as a band, the held-out ones, and on top of both the smoothed line.
fn lines(state: &State, history: &History, LossAxes { x, y, .. }: &LossAxes, plot: Rect) -> Sketch {
    let (theme, axis) = (&state.theme, history.axis(state.plots.x_axis));
    let losses = in_view(state, history, x);
    let mut sketch = Sketch::default();
    let edges = losses.iter().map(|b| (x.place(b.last.on(axis)), y.share(b.min), y.share(b.max)));
    // The neighbours of what is in view are for lines only.
    let edges = edges.filter(|(x, ..)| (0.0..=1.0).contains(x)).collect();
    // From the back row it would be fog.
    if !theme.is_for_the_back_row() {
        sketch.add(Layer::Band { edges, style: theme.style(Role::TrainFaint) });
    }
    let points = history.held_out().iter().map(|b| (x.place(b.at.on(axis)), y.share(mean(b)))).collect();
    sketch.add(Layer::Line { points, weight: Weight::Thin, style: theme.style(Role::HeldOut) });
    let points = losses.iter().map(|b| (x.place(b.last.on(axis)), y.share(smoothed(state, b)))).collect();
    let weight = if plot.height < THICK_FROM { Weight::Thin } else { Weight::Thick };
    sketch.add(Layer::Line { points, weight, style: theme.style(Role::Train) });
    sketch
}

/// Points on the held-out curve, so that it is seen where the smoothed line lies over it.
fn held_out_points(state: &State, history: &History, axes: &LossAxes, plot: Rect, sketch: &mut Sketch) {
    let apart = APART / f64::from(plot.width);
    let mut free = f64::INFINITY;
    // From the newest back, so that the newest is always there.
    for bucket in history.held_out().iter().rev() {
        let at = (axes.x.place(bucket.at.on(history.axis(state.plots.x_axis))), axes.y.share(mean(bucket)));
        if !(0.0..=1.0).contains(&at.0) || at.0 + apart > free {
            continue;
        }
        free = at.0;
        sketch.add(Layer::Mark { at, shape: Shape::Disc, style: state.theme.style(Role::HeldOut) });
    }
}

/// The cursor that reads the curves, and a dot on each there.
fn reading(state: &State, history: &History, axes: &LossAxes, sketch: &mut Sketch) {
    let (Some(moment), Some(place)) = (state.reading_moment(), state.reading_place()) else { return };
    let axis = history.axis(state.plots.x_axis);
    let at = axes.x.place(moment.on(axis));
    let style = state.theme.style(Role::Accent);
    sketch.add(Layer::Line { points: vec![(at, 0.0), (at, 1.0)], weight: Weight::Thin, style });
    for (plotted, role) in [(Plotted::HeldOut, Role::HeldOut), (Plotted::Loss, Role::Train)] {
        if let Some(read) = state.curve_at(history, plotted, place) {
            let at = (axes.x.place(read.at.on(axis)), axes.y.share(read.value));
            sketch.add(Layer::Mark { at, shape: Shape::Disc, style: state.theme.style(role) });
        }
    }
}

fn marks(state: &State, history: &History, axes: &LossAxes, sketch: &mut Sketch) {
    let losses = history.losses();
    let at = |step: u64| axes.x.place(history.moment_of(step).on(history.axis(state.plots.x_axis)));
    for mark in history.marks() {
        let index = losses.partition_point(|b| b.last.step < mark.step).min(losses.len().saturating_sub(1));
        let loss = losses.get(index).map_or(f64::NAN, |b| smoothed(state, b));
        let (share, shape, role) = match mark.kind {
            MarkKind::Snapshot => (axes.y.share(loss), Shape::Diamond, Role::Strong),
            MarkKind::Setting => (1.0, Shape::Down, Role::Text),
            MarkKind::Resume => (1.0, Shape::Right, Role::Text),
            MarkKind::Checkpoint => (0.0, Shape::Up, Role::Dim),
            MarkKind::Fork => (axes.y.share(loss), Shape::Fork, Role::Strong),
            MarkKind::Bookmark => (axes.y.share(loss), Shape::Square, Role::Strong),
            MarkKind::Other => continue,
        };
        let at = (at(mark.step), share.clamp(0.0, 1.0));
        sketch.add(Layer::Mark { at, shape, style: state.theme.style(role) });
    }
    for step in history.not_finite() {
        sketch.add(Layer::Mark { at: (at(step), 1.0), shape: Shape::Cross, style: state.theme.style(Role::Error) });
    }
}

/// Triangles at the edge, in the colour of the curve, where something lies beyond it: one a column.
fn beyond(state: &State, history: &History, LossAxes { x, y, .. }: &LossAxes, plot: Rect, sketch: &mut Sketch) {
    let axis = history.axis(state.plots.x_axis);
    let raw = state.theme.style(Role::TrainFaint);
    let train = state.theme.style(Role::Train);
    let held_out = state.theme.style(Role::HeldOut);
    let losses = in_view(state, history, x);
    let of_raw = losses.iter().map(|b| (b.last.on(axis), b.min, b.max, raw));
    let of_held_out = history.held_out().iter().map(|b| (b.at.on(axis), mean(b), mean(b), held_out));
    let of_smoothed = losses.iter().map(|b| (b.last.on(axis), smoothed(state, b), smoothed(state, b), train));
    let columns = f64::from(plot.width.saturating_sub(1));
    let mut put: [Option<(f64, Style)>; 2] = [None; 2];
    for (at, low, high, style) in of_raw.chain(of_held_out).chain(of_smoothed) {
        let at = x.place(at);
        if !(0.0..=1.0).contains(&at) {
            continue;
        }
        let sides = [(y.is_above(high), 1.0, Shape::Above), (y.is_below(low), 0.0, Shape::Below)];
        for (put, (is_beyond, edge, shape)) in put.iter_mut().zip(sides) {
            let now = Some(((at * columns).round(), style));
            if is_beyond && *put != now {
                *put = now;
                sketch.add(Layer::Mark { at: (at, edge), shape, style });
            }
        }
    }
}
