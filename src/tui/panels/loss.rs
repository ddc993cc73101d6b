//! The loss: raw faint, smoothed bright, held-out beside it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::sentence;
use super::{loss_chart, loss_strips};
use crate::lab::{Phase, StepRecord};
use crate::tui::format::{duration, right, scientific, three_digits};
use crate::tui::state::{SMOOTHINGS, State};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words};

/// From this height on there is room for learning rate, gradient norm and speed as curves.
const STRIPS_FROM: u16 = 28;

/// "log · smooth 0.97 · over steps".
pub fn subtitle(state: &State) -> Words {
    let plots = &state.plots;
    let smoothing = SMOOTHINGS.get(plots.smoothing).copied().unwrap_or(0.0);
    let smoothing = if smoothing == 0.0 { "raw".to_string() } else { format!("smooth {smoothing}") };
    Words::new(&state.theme).add(Role::Dim, if plots.log_y { "log" } else { "linear" }).add(Role::Dim, smoothing)
}

/// The chart, and two lines of numbers.
pub fn full(state: &State, inner: Rect, buf: &mut Buffer) {
    let few = state.theme.is_for_the_back_row();
    let lines = if inner.height >= 12 && !few { 2 } else { 1 };
    let strips = if inner.height >= STRIPS_FROM && !few { inner.height / 4 } else { 0 };
    let chart = Rect { height: inner.height.saturating_sub(lines + strips), ..inner };
    let history = &state.data().history;
    match &history.latest {
        None => sentence(&waiting(state), chart, Role::Dim, &state.theme, buf),
        Some(_) if history.losses().is_empty() => {
            sentence("no finite loss so far", chart, Role::Error, &state.theme, buf);
        }
        Some(_) => loss_chart::draw(state, chart, buf),
    }
    let Some(latest) = &history.latest else { return };
    if strips > 0 {
        loss_strips::draw(state, Rect { y: chart.bottom(), height: strips, ..inner }, buf);
    }
    if lines == 2 {
        let y = inner.bottom() - 2;
        buf.set_line(inner.x, y, &losses(state).fit(inner.width), inner.width);
        buf.set_line(inner.x, y + 1, &rates(state, latest).fit(inner.width), inner.width);
    } else if few {
        buf.set_line(inner.x, chart.bottom(), &losses(state).fit(inner.width), inner.width);
    } else if chart.bottom() < inner.bottom() {
        let words = losses(state).pair(Role::Dim, "lr", Role::Text, scientific(latest.lr)).pair(
            Role::Dim,
            "‖g‖",
            Role::Text,
            three_digits(latest.grad_norm),
        );
        buf.set_line(inner.x, chart.bottom(), &words.fit(inner.width), inner.width);
    }
}

/// The one number, and a small curve.
pub fn brief(state: &State, inner: Rect, buf: &mut Buffer) {
    let history = &state.data().history;
    if history.latest.is_none() {
        sentence(&waiting(state), inner, Role::Dim, &state.theme, buf);
        return;
    }
    let smoothed = history.smoothed(state.plots.smoothing).unwrap_or(f64::NAN);
    let words = Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Train, "train", Role::Strong, right(three_digits(smoothed), 6))
        .pair(Role::HeldOut, "held-out", Role::Text, history.latest_held_out.map_or("–".into(), three_digits));
    buf.set_line(inner.x, inner.y, &words.fit(inner.width), inner.width);
    let curve = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    loss_chart::sparkline(state, curve, buf);
}

/// What the lab is doing before the first loss.
pub fn waiting(state: &State) -> String {
    match &state.phase {
        Phase::Starting(what) | Phase::Loading(what) => format!("{what} …"),
        Phase::Failed(_) => "the run failed before its first step".into(),
        Phase::Paused => "paused before the first step; space resumes".into(),
        Phase::Training | Phase::Waiting(_) | Phase::Stopping | Phase::Finished => "step 1 …".into(),
    }
}

fn losses(state: &State) -> Words {
    let history = &state.data().history;
    let smoothed = history.smoothed(state.plots.smoothing).unwrap_or(f64::NAN);
    let held_out = history.latest_held_out.map_or("–".into(), three_digits);
    Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Train, "train", Role::Strong, right(three_digits(smoothed), 7))
        .pair(Role::HeldOut, "held-out", Role::Text, right(held_out, 7))
}

fn rates(state: &State, latest: &StepRecord) -> Words {
    let scale = state.controls.live.learning_rate_scale;
    let scaled = (scale != 1.0).then(|| format!("× {}", three_digits(scale)));
    let left = state.remaining().map(|s| format!("{} left", right(duration(s), 6)));
    Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Dim, "lr", Role::Text, right(scientific(latest.lr), 6))
        .maybe(Role::Warning, scaled)
        .pair(Role::Dim, "‖g‖", Role::Text, right(three_digits(latest.grad_norm), 6))
        .pair(Role::Text, &right(three_digits(latest.images_per_s), 5), Role::Dim, state.speed_unit())
        .maybe(Role::Text, left)
}
