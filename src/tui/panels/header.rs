//! The first line: what is trained, and how far it is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::loss::remaining;
use crate::config::{Config, PredictionType};
use crate::lab::Phase;
use crate::tui::chart::Marker;
use crate::tui::format::{count, duration, right, thousands, three_digits};
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::Words;

/// Draws it.
pub fn header(state: &State, area: Rect, buf: &mut Buffer) {
    let room = area.width.saturating_sub(2);
    let name = Words::new(&state.theme).add(Role::Strong, "difflab").fit(room);
    buf.set_line(area.x + 1, area.y, &name, room);
    let room = room.saturating_sub(name.width() as u16 + 2);
    // The step first, then what is trained, then the rest of the progress.
    let least = core(state).fit(room).width() as u16;
    let facts = facts(state).fit(room.saturating_sub(least + 3));
    let progress = progress(state).fit(room.saturating_sub(facts.width() as u16 + 3).max(least));
    let (begin, width) = (area.x + 1 + name.width() as u16 + 2, progress.width() as u16);
    buf.set_line(begin, area.y, &facts, facts.width() as u16);
    buf.set_line(area.right().saturating_sub(width + 1), area.y, &progress, width);
}

/// "mnist · U-Net 1.1 M · cosine T 1,000 · ε · cpu × 2".
fn facts(state: &State) -> Words {
    let words = Words::new(&state.theme);
    let Some(config) = &state.config else { return words };
    let words = words.add(Role::Text, config.name.clone());
    let words = match &state.live.info {
        Some(info) => words.add(Role::Dim, format!("{} {}", info.network, count(info.parameters))),
        None => words,
    };
    let words = words
        .add(Role::Dim, format!("{} T {}", config.diffusion.label(), thousands(config.diffusion.timesteps as u64)))
        .add(Role::Dim, target(config));
    match &state.live.info {
        Some(info) => words.add(Role::Dim, format!("{} × {}", info.device, info.threads)),
        None => words,
    }
}

/// What the network predicts, as a symbol.
fn target(config: &Config) -> &'static str {
    match config.diffusion.prediction_type {
        PredictionType::Epsilon => "ε",
        PredictionType::Sample => "x_0",
        PredictionType::VPrediction => "v",
        PredictionType::Score => "score",
        PredictionType::Flow => "flow",
        PredictionType::Edm => "F",
    }
}

/// "● training · step 12,480 / 40,000".
fn core(state: &State) -> Words {
    let ascii = state.plots.marker == Marker::Ascii;
    let dot = |symbol: &'static str, plain: &'static str| if ascii { plain } else { symbol };
    let (symbol, word, role) = match &state.phase {
        _ if state.leaving && !state.ended => (dot("●", "*"), "leaving", Role::Warning),
        Phase::Starting(_) | Phase::Loading(_) => (dot("○", "o"), "starting", Role::Dim),
        Phase::Training => (dot("●", "*"), "training", Role::Good),
        Phase::Paused => (dot("‖", "="), "paused", Role::Warning),
        Phase::Waiting(_) => (dot("‖", "="), "waiting", Role::Error),
        Phase::Stopping => (dot("●", "*"), "leaving", Role::Warning),
        Phase::Finished => (dot("✓", "+"), "finished", Role::Good),
        Phase::Failed(_) => (dot("✗", "x"), "failed", Role::Error),
    };
    let words = Words::new(&state.theme);
    let words = if state.frozen.is_some() { words.add(Role::Accent, "display frozen") } else { words };
    let all = thousands(state.config.as_ref().map_or(0, |c| c.train.steps));
    let step = thousands(state.live.history.latest.as_ref().map_or(0, |r| r.step));
    words.maybe(Role::Warning, warnings(state)).add(role, format!("{symbol} {word:<8}")).pair(
        Role::Dim,
        "step",
        Role::Text,
        format!("{} / {all}", right(step, all.len())),
    )
}

/// "● training · step 12,480 / 40,000 · 18 min left · epoch 13.3 · 412 img/s".
fn progress(state: &State) -> Words {
    let words = core(state);
    let Some(latest) = &state.live.history.latest else { return words };
    let left = remaining(state, latest).filter(|_| matches!(state.phase, Phase::Training));
    words
        .maybe(Role::Dim, left.map(|s| format!("{} left", right(duration(s), 6))))
        .add(Role::Dim, format!("epoch {}", right(format!("{:.1}", latest.epoch), 5)))
        .add(Role::Dim, format!("{} {}", right(three_digits(latest.images_per_s), 4), state.speed_unit()))
}

fn warnings(state: &State) -> Option<String> {
    let n = state.news.warnings();
    (n > 0).then(|| if n == 1 { "! 1 warning".into() } else { format!("! {n} warnings") })
}
