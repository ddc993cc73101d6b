//! What goes with the loss, as small curves side by side: learning rate, gradient norm, speed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::curves;
use super::loss_range::in_view;
use crate::tui::chart::{
    Layer, Pen, Scale, Shape, Sketch, Weight, nice_ceil, nice_floor, robust_range, value_ticks, y_axis,
};
use crate::tui::layout::{GUTTER, PlotPane};
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{LossBucket, State};
use crate::tui::theme::Role;

/// How much farther than the bulk of the values an axis reaches.
const REACH: f64 = 2.0;

/// A small curve.
struct Strip {
    title: fn(&State) -> &'static str,
    value: fn(&LossBucket) -> f64,
    log: bool,
}

const STRIPS: [Strip; 3] = [
    Strip { title: |_| "learning rate", value: |b| b.lr, log: false },
    Strip { title: |_| "gradient norm ‖g‖", value: |b| b.grad_norm, log: true },
    Strip { title: State::speed_unit, value: |b| b.images_per_s, log: false },
];

/// Draws them over the same x axis as the loss.
pub fn draw(state: &State, area: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let width = area.width / STRIPS.len() as u16;
    for (i, strip) in (0..).zip(&STRIPS) {
        let gap = 2.min(width);
        let area = Rect { x: area.x + width * u16::from(i), width: width - gap, ..area };
        if area.height >= 4 && area.width >= GUTTER + 8 {
            one(state, strip, (PictureSlot::Strip(i), area), pictures, buf);
        }
    }
}

fn one(state: &State, strip: &Strip, (slot, area): (PictureSlot, Rect), pictures: &dyn Pictures, buf: &mut Buffer) {
    let theme = &state.theme;
    let plot = Rect { x: area.x + GUTTER, y: area.y + 2, width: area.width - GUTTER, height: area.height - 3 };
    buf.set_string(plot.x, area.y + 1, (strip.title)(state), theme.style(Role::Dim));
    let x = state.loss_axis();
    let history = &state.data().history;
    let (losses, axis) = (in_view(state, history, &x), history.axis(state.plots.x_axis));
    let values = losses.iter().map(strip.value).filter(|v| *v > 0.0);
    let Some((low, high)) = robust_range(values, strip.log, REACH) else { return };
    let y = if strip.log {
        Scale::new(nice_floor(low), nice_ceil(high), true)
    } else {
        Scale::new(0.0, nice_ceil(high), false)
    };
    let pane = PlotPane { labels: Rect { x: area.x, width: GUTTER, ..plot }, plot, ..PlotPane::default() };
    let pen = Pen { marker: state.plots.marker, label: theme.style(Role::Dim), line: theme.style(Role::Border) };
    y_axis(&pane, &y, &value_ticks(&y, usize::from(plot.height / 2).max(2)), &pen, buf);
    let style = theme.style(Role::Text);
    let at = |b: &LossBucket| (x.place(b.last.on(axis)), y.share((strip.value)(b)));
    let points: Vec<(f64, f64)> = losses.iter().map(at).collect();
    let mut sketch = Sketch::default();
    let columns = f64::from(plot.width.saturating_sub(1));
    let mut before = None;
    let mut above = Vec::new();
    for (at, share) in &points {
        let column = Some((at * columns).round());
        if *share > 1.0 + 1e-9 && before != column {
            before = column;
            above.push(Layer::Mark { at: (*at, 1.0), shape: Shape::Above, style });
        }
    }
    sketch.add(Layer::Line { points, weight: Weight::Thin, style });
    above.into_iter().for_each(|mark| sketch.add(mark));
    curves::draw(state, &sketch, (slot, &x, &y), plot, pictures, buf);
}
