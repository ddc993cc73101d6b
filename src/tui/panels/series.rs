//! Curves of any kind and of any run over the steps of training, on axes of their own.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::curves;
use crate::tui::chart::{
    Layer, Marker, Pen, Scale, Shape, Sketch, Weight, count_ticks, nice_ceil, nice_floor, robust_range, step_ticks,
    time_ticks, value_ticks, x_axis, y_axis,
};
use crate::tui::layout;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{History, Plotted, State, XAxis};
use crate::tui::theme::Role;

/// How much farther than the bulk of the values an axis reaches, either way.
const REACH: f64 = 2.0;

/// One run's curve.
pub struct DrawnSeries<'a> {
    pub history: &'a History,
    pub style: Style,
    /// Smallest and largest raw loss behind it, where the loss is drawn.
    pub band: Option<Style>,
    pub weight: Weight,
}

/// What of curves is in view, as places on the axes.
pub struct SeriesChart {
    pub x: Scale,
    pub y: Scale,
    sketch: Sketch,
}

impl SeriesChart {
    /// The curves of all runs, the last on top.
    pub fn new(state: &State, all: &[DrawnSeries]) -> Self {
        let (plots, plotted) = (&state.plots, state.plots.plotted);
        let (x, log) = (state.loss_axis(), plots.log_y && plotted.may_be_log());
        let lines: Vec<Vec<(f64, f64)>> = all
            .iter()
            .map(|series| {
                let axis = series.history.axis(plots.x_axis);
                let values = plotted.values(series.history, plots.smoothing, plots.log_y);
                values.map(|(at, value)| (at.on(axis), value)).collect()
            })
            .collect();
        let inside = |at: &f64| (x.low..=x.high).contains(at);
        let values = lines.iter().flatten().filter(|(at, _)| inside(at)).map(|(_, value)| *value);
        let (mut low, mut high) = robust_range(values, log, REACH).unwrap_or((0.0, 1.0));
        // Where each of them stands is seen.
        for (_, now) in lines.iter().filter_map(|line| line.iter().rfind(|(at, value)| inside(at) && value.is_finite()))
        {
            if *now > 0.0 || !log {
                (low, high) = (low.min(*now), high.max(*now));
            }
        }
        let y = match plotted {
            _ if log => Scale::new(nice_floor(low.max(1e-300)), nice_ceil(high.max(1e-300)), true),
            Plotted::Processor => Scale::new(0.0, 100.0, false),
            _ if high <= 0.0 => Scale::new(low, 0.0, false),
            _ => Scale::new(low.min(0.0), nice_ceil(high), false),
        };
        let mut sketch = Sketch::default();
        for series in all.iter().filter(|_| plotted == Plotted::Loss) {
            let Some(style) = series.band else { continue };
            let axis = series.history.axis(plots.x_axis);
            let losses = series.history.losses().iter();
            let edges = losses.map(|b| (x.place(b.last.on(axis)), y.share(b.min), y.share(b.max)));
            let edges = edges.filter(|(x, ..)| (0.0..=1.0).contains(x)).collect();
            sketch.add(Layer::Band { edges, style });
        }
        for (line, series) in lines.into_iter().zip(all) {
            let points = line.into_iter().map(|(at, value)| (x.place(at), y.share(value)));
            let points = in_view(points.collect());
            sketch.add(Layer::Line { points, weight: series.weight, style: series.style });
        }
        Self { x, y, sketch }
    }

    /// The cursor that reads the curves, and a dot on each of them there.
    pub fn read(&mut self, state: &State, all: &[DrawnSeries]) {
        let (Some(_), Some(place)) = (state.reading, state.reading_place()) else { return };
        let at = self.x.place(place);
        if !(0.0..=1.0).contains(&at) {
            return;
        }
        let style = state.theme.style(Role::Accent);
        self.sketch.add(Layer::Line { points: vec![(at, 0.0), (at, 1.0)], weight: Weight::Thin, style });
        for series in all {
            if let Some(read) = state.curve_at(series.history, state.plots.plotted, place) {
                let axis = series.history.axis(state.plots.x_axis);
                let at = (self.x.place(read.at.on(axis)), self.y.share(read.value));
                self.sketch.add(Layer::Mark { at, shape: Shape::Disc, style: series.style });
            }
        }
    }

    /// A mark on top of all.
    pub fn mark(&mut self, at: (f64, f64), shape: Shape, style: Style) {
        self.sketch.add(Layer::Mark { at, shape, style });
    }

    /// Axes and curves.
    pub fn draw(&self, state: &State, area: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
        let pane = layout::plot(area);
        let (plot, theme, plots) = (pane.plot, &state.theme, &state.plots);
        if plot.width < 4 || plot.height < 2 {
            return;
        }
        let pen = Pen { marker: plots.marker, label: theme.style(Role::Dim), line: theme.style(Role::Border) };
        let most = theme.ticks(usize::from(plot.height * 2 / 3).clamp(2, 9));
        y_axis(&pane, &self.y, &value_ticks(&self.y, most), &pen, buf);
        steps_axis(state, &pane, &self.x, &pen, buf);
        curves::draw(state, &self.sketch, (PictureSlot::LossChart, &self.x, &self.y), plot, pictures, buf);
    }

    /// The curves alone.
    pub fn sparkline(&self, area: Rect, marker: Marker, buf: &mut Buffer) {
        if !area.is_empty() {
            self.sketch.draw(area, marker, buf);
        }
    }
}

/// The points in view and the neighbour on either side, to which lines go on.
fn in_view(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let first = points.partition_point(|(x, _)| x.is_nan() || *x < 0.0).saturating_sub(1);
    let end = points.partition_point(|(x, _)| x.is_nan() || *x <= 1.0);
    points[first.min(end)..points.len().min(end + 1)].to_vec()
}

/// The axis of steps, or of what else they are counted in.
pub fn steps_axis(state: &State, pane: &layout::PlotPane, x: &Scale, pen: &Pen, buf: &mut Buffer) {
    let axis = state.plots.x_axis;
    let most = state.theme.ticks(usize::from(pane.plot.width / 9).clamp(1, 10));
    let ticks = match axis {
        XAxis::Time => time_ticks(x, most),
        _ if x.log => count_ticks(x, most),
        XAxis::Step | XAxis::Epoch => step_ticks(x, most),
        XAxis::Images | XAxis::Flops => count_ticks(x, most),
    };
    let name = if x.log { format!("{} (log)", axis.name()) } else { axis.name().to_string() };
    x_axis(pane, x, &ticks, &name, pen, buf);
}
