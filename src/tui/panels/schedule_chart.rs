//! The curves of the schedule panel.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::diffusion::Schedule;
use crate::tui::chart::{Dots, Marker, Pen, Scale, Tick, nice_ceil, step_ticks, value_ticks, x_axis, y_axis};
use crate::tui::format::three_digits;
use crate::tui::layout;
use crate::tui::state::{Curves, ScheduleView, State, TimeAxis};
use crate::tui::theme::Role;
use crate::tui::words::columns;

/// Signal-to-noise ratios beyond this many decibels leave the chart.
const MOST_DECIBELS: f64 = 40.0;

/// Axes, faint curves, the run's curve, the cursor, the legend.
pub fn draw(state: &State, curves: &Curves, area: Rect, buf: &mut Buffer) {
    let pane = layout::plot(area);
    let (plot, theme) = (pane.plot, &state.theme);
    if plot.width < 4 || plot.height < 2 {
        return;
    }
    let last = (curves.timesteps() - 1) as f64;
    let (x, y) = (Scale::new(0.0, last, false), y_scale(state, curves));
    let pen = Pen { marker: state.plots.marker, label: theme.style(Role::Dim), line: theme.style(Role::Border) };
    let most = theme.ticks(usize::from(plot.height / 2).clamp(2, 6));
    y_axis(&pane, &y, &value_ticks(&y, most), &pen, buf);
    let ticks = t_ticks(state, curves, theme.ticks(usize::from(plot.width / 10).clamp(1, 8)));
    x_axis(&pane, &x, &ticks, state.plots.time_axis.name(), &pen, buf);
    cursor(state, last, plot, buf);
    lines(state, curves, plot, &y, buf);
    legend(state, curves, plot, buf);
}

/// The curves alone.
pub fn sparkline(state: &State, curves: &Curves, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    cursor(state, (curves.timesteps() - 1) as f64, area, buf);
    lines(state, curves, area, &y_scale(state, curves), buf);
}

/// Round t, labelled in the unit of the axis.
fn t_ticks(state: &State, curves: &Curves, most: usize) -> Vec<Tick> {
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

fn y_scale(state: &State, curves: &Curves) -> Scale {
    let highest = |of: fn(&Schedule) -> &Vec<f64>| of(&curves.run).iter().copied().fold(0.0, f64::max);
    match state.plots.schedule_view {
        ScheduleView::AlphasCumprod | ScheduleView::Coefficients => Scale::new(0.0, 1.0, false),
        // Cosine's last β is near 1 and would flatten everything else.
        ScheduleView::Betas => Scale::new(0.0, nice_ceil(highest(|s| &s.betas).clamp(1e-6, 0.04)), false),
        ScheduleView::Snr => Scale::new(-MOST_DECIBELS, MOST_DECIBELS, false),
    }
}

fn value(schedule: &Schedule, view: ScheduleView, t: usize) -> f64 {
    match view {
        ScheduleView::AlphasCumprod => schedule.alphas_cumprod[t],
        ScheduleView::Betas => schedule.betas[t],
        ScheduleView::Coefficients => schedule.alpha(t),
        ScheduleView::Snr => schedule.snr_db(t),
    }
}

fn lines(state: &State, curves: &Curves, plot: Rect, y: &Scale, buf: &mut Buffer) {
    let view = state.plots.schedule_view;
    for schedule in &curves.others {
        let style = state.theme.style(Role::ScheduleFaint(schedule.name));
        line(state, plot, y, curves.timesteps(), |t| value(schedule, view, t), style, buf);
    }
    let run = &curves.run;
    if view == ScheduleView::Coefficients {
        // Signal and noise have their own colours everywhere.
        line(state, plot, y, curves.timesteps(), |t| run.sigma(t), state.theme.style(Role::Noisy), buf);
        line(state, plot, y, curves.timesteps(), |t| run.alpha(t), state.theme.style(Role::Clean), buf);
    } else {
        let style = state.theme.style(Role::Schedule(run.name));
        line(state, plot, y, curves.timesteps(), |t| value(run, view, t), style, buf);
    }
}

fn line(
    state: &State,
    plot: Rect,
    y: &Scale,
    timesteps: usize,
    at: impl Fn(usize) -> f64,
    style: Style,
    buf: &mut Buffer,
) {
    let mut dots = Dots::new(plot, state.plots.marker);
    let samples = timesteps.min(2 * dots.size().0.max(2));
    let last = (timesteps - 1).max(1);
    // What leaves the chart ends at its edge.
    let inside = |(_, y): &(f64, f64)| (-0.02..=1.02).contains(y);
    let points: Vec<(f64, f64)> = (0..samples)
        .map(|i| i * (timesteps - 1) / (samples - 1).max(1))
        .map(|t| (t as f64 / last as f64, y.share(at(t))))
        .collect();
    for piece in points.chunk_by(|a, b| inside(a) && inside(b)).filter(|piece| inside(&piece[0])) {
        dots.path(piece.iter().copied());
    }
    dots.draw(style, buf);
}

/// The cursor t: an upright line of the accent colour.
fn cursor(state: &State, last: f64, plot: Rect, buf: &mut Buffer) {
    if plot.width == 0 {
        return;
    }
    let share = if last > 0.0 { state.cursor_t as f64 / last } else { 0.0 };
    let x = plot.x + (share.clamp(0.0, 1.0) * f64::from(plot.width - 1)).round() as u16;
    let symbol = if state.plots.marker == Marker::Ascii { "|" } else { "┊" };
    for y in plot.top()..plot.bottom() {
        buf.set_string(x, y, symbol, state.theme.style(Role::Accent));
    }
}

/// Names at the right, where most curves leave room; where they don't, over the curves.
fn legend(state: &State, curves: &Curves, plot: Rect, buf: &mut Buffer) {
    let view = state.plots.schedule_view;
    let mut names: Vec<(String, Role)> = if view == ScheduleView::Coefficients {
        vec![("√ᾱ".into(), Role::Clean), ("√(1−ᾱ)".into(), Role::Noisy)]
    } else {
        vec![(curves.run.label().to_string(), Role::Schedule(curves.run.name))]
    };
    names.extend(curves.others.iter().map(|s| (s.label().to_string(), Role::ScheduleFaint(s.name))));
    let widest = names.iter().map(|(name, _)| columns(name)).max().unwrap_or(0) as u16;
    if plot.width < widest + 14 || usize::from(plot.height) < names.len() + 2 {
        return;
    }
    // β rises to the right: its legend stands at the left. σ rises at the top, α falls to the bottom:
    // theirs stands between the two.
    let at_left = view == ScheduleView::Betas;
    let top = match view {
        ScheduleView::Coefficients => plot.y + (plot.height - names.len() as u16) / 2,
        _ => plot.y,
    };
    for (i, (name, role)) in names.iter().enumerate() {
        let x = if at_left { plot.x + 2 } else { plot.right() - columns(name) as u16 };
        // The run's own names stand out.
        let mut style = state.theme.style(*role);
        if !matches!(role, Role::ScheduleFaint(_)) {
            style = style.add_modifier(Modifier::BOLD);
        }
        buf.set_string(x, top + i as u16, name, style);
    }
}
