//! Each run's schedule, in the run's colour.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::chart::{Layer, Pen, Scale, Sketch, Weight, value_ticks, x_axis, y_axis};
use crate::tui::format::{left, three_digits};
use crate::tui::layout;
use crate::tui::panels::curves;
use crate::tui::panels::frame::sentence;
use crate::tui::panels::schedule_chart::{cursor, points, t_ticks, view, y_scale};
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{ComparedRun, Curves, Quantity, State};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words};

/// The curve that is drawn: "ᾱ".
pub fn subtitle(state: &State) -> Words {
    let words = Words::new(&state.theme);
    match state.chosen_run().and_then(|run| state.curves_of(run)) {
        Some(curves) => words.add(Role::Text, view(state, curves).name(curves.path())),
        None => words,
    }
}

/// The runs whose schedule is known, the one under the cursor last.
fn known(state: &State) -> Vec<(&ComparedRun, &Curves, bool)> {
    let chosen = state.comparison.chosen;
    let runs = state.compared().iter().enumerate();
    let mut all: Vec<_> = runs.filter_map(|(i, run)| Some((run, state.curves_of(run)?, i == chosen))).collect();
    all.sort_by_key(|(.., on_top)| *on_top);
    all
}

/// The curves, and their values at the cursor's t.
pub fn draw(state: &State, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let all = known(state);
    // Its path says what the axis is.
    let Some((_, main, _)) = all.last() else {
        sentence("the schedules are not known yet", inner, Role::Dim, &state.theme, buf);
        return;
    };
    let readout = Rect { y: inner.bottom().saturating_sub(1), height: inner.height.min(1), ..inner };
    let chart = Rect { height: inner.height.saturating_sub(1), ..inner };
    let pane = layout::plot(chart);
    let (plot, theme, plots) = (pane.plot, &state.theme, &state.plots);
    if plot.width >= 4 && plot.height >= 2 {
        let last = (main.timesteps() - 1) as f64;
        let (x, y) = (Scale::new(0.0, last, false), y_scale(state, main));
        let pen = Pen { marker: plots.marker, label: theme.style(Role::Dim), line: theme.style(Role::Border) };
        y_axis(&pane, &y, &value_ticks(&y, theme.ticks(usize::from(plot.height / 2).clamp(2, 6))), &pen, buf);
        let ticks = t_ticks(state, main, theme.ticks(usize::from(plot.width / 10).clamp(1, 8)));
        x_axis(&pane, &x, &ticks, plots.time_axis.name(), &pen, buf);
        let mut sketch = Sketch::default();
        for (run, curves, chosen) in &all {
            let (view, path) = (view(state, curves), curves.path());
            let weight = if *chosen { Weight::Thick } else { Weight::Thin };
            let points = points(curves.timesteps(), plot, |t| y.share(view.value(&curves.run, path, t)));
            sketch.add(Layer::Line { points, weight, style: theme.run(run.color) });
        }
        if state.draws_pictures() {
            let share = if last > 0.0 { (state.cursor_t as f64 / last).clamp(0.0, 1.0) } else { 0.0 };
            let at = plot.x + (share * f64::from(plot.width - 1)).round() as u16;
            curves::draw(state, &sketch, (PictureSlot::ScheduleChart, &x, &y), plot, pictures, buf);
            if pane.line.height > 0 {
                buf.set_string(at, pane.line.y, "▲", theme.style(Role::Accent));
            }
        } else {
            cursor(state, last, plot, buf);
            sketch.draw(plot, plots.marker, buf);
        }
    }
    buf.set_line(readout.x, readout.y, &values(state, &all).fit(readout.width), readout.width);
}

/// "t 430  cosine 0.56  linear 0.21": each run's schedule once.
fn values(state: &State, all: &[(&ComparedRun, &Curves, bool)]) -> Words {
    let digits = (state.timesteps() - 1).to_string().len();
    let words = Words::new(&state.theme).joined_by(COLUMNS);
    let words = words.pair(Role::Accent, "t", Role::Accent, left(state.cursor_t.to_string(), digits));
    let mut told: Vec<(String, String)> = Vec::new();
    all.iter().rev().fold(words, |words, (run, curves, _)| {
        let t = state.cursor_t * curves.timesteps() / state.timesteps();
        let main = Quantity::main(curves.path());
        let value = format!(
            "{} {}",
            main.symbol(curves.path()),
            three_digits(curves.value(main, t.min(curves.timesteps() - 1)))
        );
        let name = curves.run.label().to_string();
        if told.contains(&(name.clone(), value.clone())) {
            return words;
        }
        told.push((name.clone(), value.clone()));
        words.styled(state.theme.run(run.color), format!("{name} {value}"))
    })
}
