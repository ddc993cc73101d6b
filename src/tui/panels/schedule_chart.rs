//! The curves of the schedule panel.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::config::PathName;
use crate::diffusion::Schedule;
use crate::tui::chart::{
    Layer, Marker, Pen, Scale, Sketch, Tick, Weight, nice_ceil, step_ticks, value_ticks, x_axis, y_axis,
};
use crate::tui::format::three_digits;
use crate::tui::layout;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Curves, Quantity, ScheduleView, State, TimeAxis, has_alpha};
use crate::tui::theme::Role;
use crate::tui::words::columns;

/// Signal-to-noise ratios beyond this many decibels leave the chart.
const MOST_DECIBELS: f64 = 40.0;
/// Where α is 1, σ spans more of them.
const MOST_DECIBELS_OF_SIGMA: f64 = 60.0;

/// Axes, faint curves, the run's curve, the cursor, the legend.
pub fn draw(state: &State, curves: &Curves, area: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let mut pane = layout::plot(area);
    if pane.plot.width < 4 || pane.plot.height < 2 {
        return;
    }
    let as_picture = state.draws_pictures() && pane.line.height > 0;
    if as_picture {
        // Nothing can be written on a picture: the names stand above it.
        let names = Rect { height: 1, ..pane.plot };
        (pane.plot.y, pane.plot.height) = (names.bottom(), pane.plot.height - 1);
        (pane.labels.y, pane.labels.height) = (pane.plot.y, pane.plot.height);
        names_above(state, curves, names, buf);
    }
    let (plot, theme) = (pane.plot, &state.theme);
    let last = (curves.timesteps() - 1) as f64;
    let (x, y) = (Scale::new(0.0, last, false), y_scale(state, curves));
    let pen = Pen { marker: state.plots.marker, label: theme.style(Role::Dim), line: theme.style(Role::Border) };
    let most = theme.ticks(usize::from(plot.height / 2).clamp(2, 6));
    y_axis(&pane, &y, &value_ticks(&y, most), &pen, buf);
    let ticks = t_ticks(state, curves, theme.ticks(usize::from(plot.width / 10).clamp(1, 8)));
    x_axis(&pane, &x, &ticks, state.plots.time_axis.name(), &pen, buf);
    let sketch = sketch(state, curves, plot, &y);
    if as_picture {
        // The cursor moves with the film; it stands on the axis, so that the picture stays as it is.
        buf.set_string(cursor_column(state, last, plot), pane.line.y, "▲", theme.style(Role::Accent));
        super::curves::draw(state, &sketch, (PictureSlot::ScheduleChart, &x, &y), plot, pictures, buf);
    } else {
        cursor(state, last, plot, buf);
        sketch.draw(plot, state.plots.marker, buf);
        legend(state, curves, plot, buf);
    }
}

/// The curves alone.
pub fn sparkline(state: &State, curves: &Curves, area: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let (last, y) = ((curves.timesteps() - 1) as f64, y_scale(state, curves));
    if state.draws_pictures() && area.height >= 3 {
        // As above: the cursor stands below the picture.
        let plot = Rect { height: area.height - 1, ..area };
        buf.set_string(cursor_column(state, last, plot), plot.bottom(), "▲", state.theme.style(Role::Accent));
        let (sketch, x) = (sketch(state, curves, plot, &y), Scale::new(0.0, last, false));
        super::curves::draw(state, &sketch, (PictureSlot::ScheduleChart, &x, &y), plot, pictures, buf);
    } else {
        cursor(state, last, area, buf);
        sketch(state, curves, area, &y).draw(area, state.plots.marker, buf);
    }
}

/// Round t, labelled in the unit of the axis.
pub(super) fn t_ticks(state: &State, curves: &Curves, most: usize) -> Vec<Tick> {
    let last = curves.timesteps() - 1;
    let mut ticks = step_ticks(&Scale::new(0.0, last as f64, false), most);
    ticks.retain(|tick| tick.value.fract() == 0.0);
    if state.plots.time_axis != TimeAxis::T {
        for tick in &mut ticks {
            tick.label = three_digits(curves.read(state.plots.time_axis, tick.value as usize));
        }
    }
    ticks
}

/// The view that is shown: the chosen one, where the path has it.
pub(super) fn view(state: &State, curves: &Curves) -> ScheduleView {
    state.plots.schedule_view.on(curves.path())
}

pub(super) fn y_scale(state: &State, curves: &Curves) -> Scale {
    let all = |value: &dyn Fn(usize) -> f64| (0..curves.timesteps()).map(value).fold((f64::MAX, 0.0), least_and_most);
    match view(state, curves) {
        // σ grows over decades, and beyond 1.
        ScheduleView::Coefficients if !has_alpha(curves.path()) => {
            let (low, high) = all(&|t| curves.run.sigma(t));
            Scale::new(low, nice_ceil(high), true)
        }
        ScheduleView::AlphasCumprod | ScheduleView::Coefficients => Scale::new(0.0, 1.0, false),
        ScheduleView::Betas if curves.path() != PathName::Vp => {
            Scale::new(0.0, nice_ceil(all(&|t| curves.value(Quantity::Beta, t)).1), false)
        }
        // Cosine's last β is near 1 and would flatten everything else.
        ScheduleView::Betas => Scale::new(0.0, nice_ceil(all(&|t| curves.run.betas[t]).1.clamp(1e-6, 0.04)), false),
        ScheduleView::Snr if has_alpha(curves.path()) => Scale::new(-MOST_DECIBELS, MOST_DECIBELS, false),
        ScheduleView::Snr => Scale::new(-MOST_DECIBELS_OF_SIGMA, MOST_DECIBELS_OF_SIGMA, false),
    }
}

fn least_and_most((least, most): (f64, f64), value: f64) -> (f64, f64) {
    (least.min(value), most.max(value))
}

/// Below this many rows lines are thin.
const THICK_FROM: u16 = 8;

/// The curves to compare with, and over them the run's.
fn sketch(state: &State, curves: &Curves, plot: Rect, y: &Scale) -> Sketch {
    let (view, path, theme) = (view(state, curves), curves.path(), &state.theme);
    let line = |at: &dyn Fn(usize) -> f64, role, weight| {
        let points = points(curves.timesteps(), plot, |t| y.share(at(t)));
        Layer::Line { points, weight, style: theme.style(role) }
    };
    let own = if plot.height < THICK_FROM { Weight::Thin } else { Weight::Thick };
    let mut sketch = Sketch::default();
    for schedule in others(view, curves) {
        let role = Role::ScheduleFaint(schedule.name);
        sketch.add(line(&|t| view.value(schedule, path, t), role, Weight::Thin));
    }
    let run = &curves.run;
    if view == ScheduleView::Coefficients {
        // Signal and noise have their own colours everywhere.
        sketch.add(line(&|t| run.sigma(t), Role::Noisy, own));
        if has_alpha(path) {
            sketch.add(line(&|t| run.alpha(t), Role::Clean, own));
        }
    } else {
        sketch.add(line(&|t| view.value(run, path, t), Role::Schedule(run.name), own));
    }
    sketch
}

/// The schedules that the run's is compared with. Where α is 1 all along, another's α or σ alone says nothing.
fn others(view: ScheduleView, curves: &Curves) -> &[Schedule] {
    let alone = view == ScheduleView::Coefficients && !has_alpha(curves.path());
    if alone { &[] } else { &curves.others }
}

/// A curve over all t, as finely as it can be seen. What leaves the chart ends at its edge.
pub(super) fn points(timesteps: usize, plot: Rect, share: impl Fn(usize) -> f64) -> Vec<(f64, f64)> {
    let samples = timesteps.min(4 * usize::from(plot.width.max(2)));
    let last = (timesteps - 1).max(1);
    (0..samples)
        .map(|i| i * (timesteps - 1) / (samples - 1).max(1))
        .map(|t| (t as f64 / last as f64, share(t)))
        .collect()
}

/// The cursor t: an upright line of the accent colour.
pub(super) fn cursor(state: &State, last: f64, plot: Rect, buf: &mut Buffer) {
    if plot.width == 0 {
        return;
    }
    let x = cursor_column(state, last, plot);
    let symbol = if state.plots.marker == Marker::Ascii { "|" } else { "┊" };
    for y in plot.top()..plot.bottom() {
        buf.set_string(x, y, symbol, state.theme.style(Role::Accent));
    }
}

/// Where the cursor t is on `plot`, which has columns; `last`: the last t.
fn cursor_column(state: &State, last: f64, plot: Rect) -> u16 {
    let share = if last > 0.0 { state.cursor_t as f64 / last } else { 0.0 };
    plot.x + (share.clamp(0.0, 1.0) * f64::from(plot.width - 1)).round() as u16
}

/// What the curves are called: the run's own, then those to compare with.
fn names(state: &State, curves: &Curves, plot: Rect) -> Vec<(String, Role)> {
    let (view, path) = (view(state, curves), curves.path());
    let mut names: Vec<(String, Role)> = if view == ScheduleView::Coefficients {
        // The formula where there is room for it.
        let roomy = plot.width >= 48;
        let name = |quantity: Quantity| match quantity.formula(path).filter(|_| roomy) {
            Some(formula) => formula.to_string(),
            None => quantity.symbol(path).to_string(),
        };
        let alpha = has_alpha(path).then(|| (name(Quantity::Alpha), Role::Clean));
        alpha.into_iter().chain([(name(Quantity::Sigma), Role::Noisy)]).collect()
    } else {
        vec![(curves.run.label().to_string(), Role::Schedule(curves.run.name))]
    };
    names.extend(others(view, curves).iter().map(|s| (s.label().to_string(), Role::ScheduleFaint(s.name))));
    names
}

/// The run's own names stand out.
fn name_style(state: &State, role: Role) -> Style {
    let style = state.theme.style(role);
    if matches!(role, Role::ScheduleFaint(_)) { style } else { style.add_modifier(Modifier::BOLD) }
}

/// In one row, as many as fit.
fn names_above(state: &State, curves: &Curves, row: Rect, buf: &mut Buffer) {
    let mut x = row.x + 1;
    for (name, role) in names(state, curves, row) {
        let width = columns(&name) as u16;
        if x + width > row.right() {
            return;
        }
        buf.set_string(x, row.y, &name, name_style(state, role));
        x += width + 2;
    }
}

/// Names at the right, where most curves leave room; where they don't, over the curves.
fn legend(state: &State, curves: &Curves, plot: Rect, buf: &mut Buffer) {
    let (view, path) = (view(state, curves), curves.path());
    let names = names(state, curves, plot);
    let widest = names.iter().map(|(name, _)| columns(name)).max().unwrap_or(0) as u16;
    if plot.width < widest + 14 || usize::from(plot.height) < names.len() + 2 {
        return;
    }
    // β and σ without α rise to the right: their legend stands at the left. σ rises at the top, α falls to the bottom:
    // theirs stands between the two.
    let at_left = view == ScheduleView::Betas || (view == ScheduleView::Coefficients && !has_alpha(path));
    let top = match view {
        ScheduleView::Coefficients if has_alpha(path) => plot.y + (plot.height - names.len() as u16) / 2,
        _ => plot.y,
    };
    for (i, (name, role)) in names.iter().enumerate() {
        let x = if at_left { plot.x + 2 } else { plot.right() - columns(name) as u16 };
        buf.set_string(x, top + i as u16, name, name_style(state, *role));
    }
}
