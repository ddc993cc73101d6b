//! The loss: raw faint, smoothed bright, held-out beside it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::sentence;
use super::{loss_chart, loss_range, loss_strips, other_curve, read_out};
use crate::lab::{Phase, StepRecord};
use crate::tui::chart::Marker;
use crate::tui::format::{duration, left, scientific, thousands, three_digits};
use crate::tui::layout;
use crate::tui::pictures::Pictures;
use crate::tui::state::{NOT_FINITE, Plotted, SMOOTHINGS, State};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words, columns};

/// "steps 200–400 of 500 · ▲ 3 points above · log · smooth 0.97".
pub fn subtitle(state: &State) -> Words {
    let plots = &state.plots;
    if plots.plotted != Plotted::Loss {
        let name = plots.plotted.name(state.plane.is_some());
        return beside_curve(state, Words::new(&state.theme).add(Role::Text, name));
    }
    let smoothing = SMOOTHINGS.get(plots.smoothing).copied().unwrap_or(0.0);
    let smoothing = if smoothing == 0.0 { "raw".to_string() } else { format!("smooth {smoothing}") };
    let words = Words::new(&state.theme).maybe(Role::Text, window(state));
    let words = beyond(state).into_iter().fold(words, |words, (role, text)| words.add(role, text));
    words.add(Role::Dim, if plots.log_y { "log" } else { "linear" }).add(Role::Dim, smoothing)
}

/// Of another curve than the loss, or of several runs: "steps 200–400 of 500 · log · smooth 0.97" behind `words`.
pub fn beside_curve(state: &State, words: Words) -> Words {
    let plots = &state.plots;
    let words = words.maybe(Role::Text, window(state));
    let words = match plots.plotted.may_be_log() {
        true => words.add(Role::Dim, if plots.log_y { "log" } else { "linear" }),
        false => words,
    };
    let smoothing = SMOOTHINGS.get(plots.smoothing).copied().unwrap_or(0.0);
    match (plots.plotted, smoothing) {
        (Plotted::Loss, 0.0) => words.add(Role::Dim, "raw"),
        (Plotted::Loss, smoothing) => words.add(Role::Dim, format!("smooth {smoothing}")),
        _ => words,
    }
}

/// "steps 200–400 of 500", while not all are shown.
fn window(state: &State) -> Option<String> {
    let window = state.plots.window?;
    let latest = state.read_history().latest.as_ref().map_or(0, |latest| latest.step);
    let dash = if state.plots.marker == Marker::Ascii { "-" } else { "–" };
    let step = |v: f64| thousands(v.round() as u64);
    Some(format!("steps {}{dash}{} of {}", step(window.first), step(window.last), thousands(latest)))
}

/// What the chart has no room for: "▲ 3 points above", "▼ 1 below", "× 2 not finite".
fn beyond(state: &State) -> Vec<(Role, String)> {
    let history = &state.data().history;
    if history.latest.is_none() {
        return Vec::new();
    }
    let axes = loss_range::axes(state, history);
    let ascii = state.plots.marker == Marker::Ascii;
    let [up, down, cross] = if ascii { ["^", "v", "x"] } else { ["▲", "▼", "×"] };
    let points = |n: usize| format!("{} {}", thousands(n as u64), if n == 1 { "point" } else { "points" });
    let mut all = Vec::new();
    let odd = history.not_finite().count();
    if odd > 0 {
        let more = if odd == NOT_FINITE { " or more" } else { "" };
        all.push((Role::Error, format!("{cross} {odd}{more} not finite")));
    }
    if axes.above > 0 {
        all.push((Role::Train, format!("{up} {} above", points(axes.above))));
    }
    if axes.below > 0 {
        all.push((Role::Train, format!("{down} {} below", points(axes.below))));
    }
    all
}

/// The chart, and two lines of numbers.
pub fn full(state: &State, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let few = state.theme.is_for_the_back_row();
    let pane = layout::loss_full(inner, few);
    let chart = pane.chart;
    let history = &state.data().history;
    match &history.latest {
        None => sentence(&waiting(state), chart, Role::Dim, &state.theme, buf),
        Some(_) if history.losses().is_empty() => {
            sentence("no finite loss so far", chart, Role::Error, &state.theme, buf);
        }
        Some(_) if state.plots.plotted != Plotted::Loss => other_curve::draw(state, chart, pictures, buf),
        Some(_) => loss_chart::draw(state, chart, pictures, buf),
    }
    let Some(latest) = &history.latest else { return };
    if !pane.strips.is_empty() {
        loss_strips::draw(state, pane.strips, pictures, buf);
    }
    let Rect { x, y, width, height } = pane.numbers;
    if let Some(lines) = read_out::lines(state) {
        for (y, line) in (y..y + height).zip(&lines) {
            buf.set_line(x, y, &line.fit(width), width);
        }
    } else if height == 2 {
        buf.set_line(x, y, &losses(state).fit(width), width);
        buf.set_line(x, y + 1, &rates(state, latest).fit(width), width);
    } else if height == 1 && few {
        buf.set_line(x, y, &losses(state).fit(width), width);
    } else if height == 1 {
        let words = losses(state).pair(Role::Dim, "lr", Role::Text, scientific(latest.lr)).pair(
            Role::Dim,
            "‖g‖",
            Role::Text,
            three_digits(latest.grad_norm),
        );
        buf.set_line(x, y, &words.fit(width), width);
    }
}

/// The one number, and a small curve.
pub fn brief(state: &State, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let history = &state.data().history;
    if history.latest.is_none() {
        sentence(&waiting(state), inner, Role::Dim, &state.theme, buf);
        return;
    }
    let smoothed = history.smoothed(state.plots.smoothing).unwrap_or(f64::NAN);
    let words = Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Train, "train", Role::Strong, left(three_digits(smoothed), 6))
        .pair(Role::HeldOut, "held-out", Role::Text, history.latest_held_out.map_or("–".into(), three_digits));
    buf.set_line(inner.x, inner.y, &words.fit(inner.width), inner.width);
    let curve = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    loss_chart::sparkline(state, curve, pictures, buf);
}

/// What the lab is doing before the first loss.
pub fn waiting(state: &State) -> String {
    match &state.phase {
        Phase::Starting(what) | Phase::Loading(what) => format!("{what} …"),
        Phase::Failed(_) => "the run failed before its first step".into(),
        Phase::Paused => "paused before the first step; space resumes".into(),
        Phase::Resting { state, why } => match why {
            Some(why) => format!("{} before its first step: {why}", state.word()),
            None => format!("{} before its first step", state.word()),
        },
        Phase::Training | Phase::Waiting(_) | Phase::Stopping | Phase::Finished => "step 1 …".into(),
    }
}

fn losses(state: &State) -> Words {
    let history = &state.data().history;
    let smoothed = history.smoothed(state.plots.smoothing).unwrap_or(f64::NAN);
    let held_out = history.latest_held_out.map_or("–".into(), three_digits);
    Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Train, "train", Role::Strong, left(three_digits(smoothed), 7))
        .pair(Role::HeldOut, "held-out", Role::Text, left(held_out, 7))
}

fn rates(state: &State, latest: &StepRecord) -> Words {
    let scale = state.controls.live.learning_rate_scale;
    let lr = match scale {
        1.0 => left(scientific(latest.lr), 6),
        // The number has the factor in it already.
        _ => format!("{} ({} × config)", scientific(latest.lr), three_digits(scale)),
    };
    let lr_role = if scale == 1.0 { Role::Text } else { Role::Warning };
    let speed = format!("{} {}", three_digits(latest.images_per_s), state.speed_unit());
    let remaining = state.remaining().map(|s| format!("{} left", duration(s)));
    Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Dim, "lr", lr_role, lr)
        .pair(Role::Dim, "‖g‖", Role::Text, left(three_digits(latest.grad_norm), 6))
        .add(Role::Text, left(speed, 6 + columns(state.speed_unit())))
        .maybe(Role::Text, remaining)
}
