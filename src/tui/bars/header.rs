//! The first line: what is trained, and how far it is.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{Piece, compared, experiment};
use crate::config::{Config, PredictionType};
use crate::data::shown_text;
use crate::lab::Phase;
use crate::tui::action::Action;
use crate::tui::chart::Marker;
use crate::tui::format::{count, duration, right, thousands, three_digits};
use crate::tui::run_state;
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::Words;

/// Words with what a click on each does.
struct Pressable {
    words: Words,
    actions: Vec<Option<Action>>,
}

/// The line's pieces: the name, what is trained, and the progress at the right.
pub fn header(state: &State, area: Rect) -> Vec<Piece> {
    if let Some(under_way) = &state.experiment {
        return experiment::header(state, under_way, area);
    }
    if state.only_compares() {
        return compared::header(state, area);
    }
    let room = area.width.saturating_sub(2);
    let name = Words::new(&state.theme).add(Role::Strong, "difflab").fit(room);
    let begin = area.x + 1 + name.width() as u16 + 2;
    let room = room.saturating_sub(name.width() as u16 + 2);
    // The step first, then what is trained, then the rest of the progress.
    let least = core(state).words.fit(room).width() as u16;
    let facts = facts(state).fit(room.saturating_sub(least + 3));
    let progress = progress(state);
    let (line, places) = progress.words.fit_with_places(room.saturating_sub(facts.width() as u16 + 3).max(least));
    let x = area.right().saturating_sub(line.width() as u16 + 1);
    let mut pieces = vec![
        Piece { x: area.x + 1, line: name, action: None },
        Piece { x: begin, line: facts, action: None },
        Piece { x, line, action: None },
    ];
    let pressable = places.into_iter().zip(progress.actions).filter_map(|(place, action)| {
        let blank = " ".repeat(usize::from(place.end - place.start));
        action.map(|action| Piece { x: x + place.start, line: blank.into(), action: Some(action) })
    });
    // Blank, since the line itself is drawn; first, since they are what a click finds.
    let mut all: Vec<Piece> = pressable.collect();
    all.append(&mut pieces);
    all
}

/// How far the run is, in so many columns: "● training · step 12,480 / 40,000".
pub fn progress_in_brief(state: &State, room: u16) -> Line<'static> {
    core(state).words.fit(room)
}

/// "mnist · U-Net 1.1 M · cosine T 1,000 · predicts ε · cpu × 2".
fn facts(state: &State) -> Words {
    let words = Words::new(&state.theme);
    let Some(config) = &state.config else { return words };
    // Of runs that are looked at one after the other, which it is.
    let folder = state.live.info.as_ref().filter(|_| state.is_watched()).and_then(|info| info.run_dir.file_name());
    let name = folder.map_or(config.name.clone(), |folder| shown_text(&folder.to_string_lossy()));
    let words = words.add_shortened(Role::Text, name, 8);
    let words = match state.live.info.as_ref().and_then(|info| info.stage.as_ref()) {
        // Where there is no room for all of it, its number stays.
        Some(stage) if state.size.0 < WIDE => words.add(Role::Strong, stage.brief()),
        Some(stage) => words.add(Role::Strong, stage.words()),
        None => words,
    };
    if state.theme.is_for_the_back_row() {
        return match config.trains_autoencoder() {
            true => words.add(Role::Dim, "autoencoder"),
            false => words.add(Role::Dim, target(config)),
        };
    }
    let words = match &state.live.info {
        // Of a run that is looked at nobody may know them.
        Some(info) if info.parameters == 0 => words.add(Role::Dim, info.network.clone()),
        Some(info) => words.add(Role::Dim, format!("{} {}", info.network, count(info.parameters))),
        None => words,
    };
    let words = match config.trains_autoencoder() {
        true => words.add(Role::Dim, latents(config)),
        false => words
            .add(Role::Dim, format!("{} T {}", config.diffusion.label(), thousands(config.diffusion.timesteps as u64)))
            .add(Role::Dim, target(config)),
    };
    match &state.live.info {
        Some(info) if !info.device.is_empty() => words.add(Role::Dim, format!("{} × {}", info.device, info.threads)),
        _ => words,
    }
}

/// What an autoencoder's latents are: "kl, f4, 4 latent channels".
fn latents(config: &Config) -> String {
    let stage = &config.autoencoder;
    let factor = 1_usize << stage.block_out_channels.len().saturating_sub(1).min(20);
    let channels = stage.latent_channels;
    format!("{}, f{factor}, {channels} latent channel{}", stage.kind.name(), if channels == 1 { "" } else { "s" })
}

/// Columns from which on a stage is named in full.
const WIDE: u16 = 120;

/// What the network is trained to say.
fn target(config: &Config) -> &'static str {
    match config.diffusion.prediction_type {
        PredictionType::Epsilon => "predicts ε",
        PredictionType::Sample => "predicts x_0",
        PredictionType::VPrediction => "predicts v",
        PredictionType::Score => "predicts the score",
        PredictionType::Flow => "predicts the flow",
        PredictionType::Edm => "predicts EDM's F",
    }
}

/// "● training · step 12,480 / 40,000".
fn core(state: &State) -> Pressable {
    let ascii = state.plots.marker == Marker::Ascii;
    let dot = |symbol: &'static str, plain: &'static str| if ascii { plain } else { symbol };
    let (symbol, word, role, action) = match &state.phase {
        _ if state.leaving && !state.ended => (dot("●", "*"), "leaving", Role::Warning, None),
        Phase::Starting(_) | Phase::Loading(_) => (dot("○", "o"), "starting", Role::Dim, None),
        Phase::Training => (dot("●", "*"), "training", Role::Good, Some(Action::TogglePause)),
        Phase::Paused => (dot("‖", "="), "paused", Role::Warning, Some(Action::TogglePause)),
        Phase::Waiting(_) => (dot("‖", "="), "waiting", Role::Error, Some(Action::TogglePause)),
        Phase::Stopping => (dot("●", "*"), "leaving", Role::Warning, None),
        Phase::Finished => (dot("✓", "+"), "finished", Role::Good, None),
        Phase::Failed(_) => (dot("✗", "x"), "failed", Role::Error, None),
        Phase::Resting { state: resting, .. } => {
            let (symbol, role) = run_state::looks(*resting, ascii);
            (symbol, resting.word(), role, None)
        }
    };
    let mut line = Pressable { words: Words::new(&state.theme), actions: Vec::new() };
    if state.frozen.is_some() {
        line = line.add(Role::Accent, "display frozen".into(), Some(Action::ToggleFreeze));
    }
    if let Some(warnings) = warnings(state) {
        line = line.add(Role::Warning, warnings, Some(Action::Messages));
    }
    if state.is_watched() {
        line = line.add(Role::Dim, "watched".into(), Some(Action::Runs));
    }
    line = line.add(role, format!("{symbol} {word}"), action);
    let all = thousands(state.config.as_ref().map_or(0, |c| c.train.steps));
    let step = thousands(state.live.history.latest.as_ref().map_or(0, |r| r.step));
    line.words = line.words.pair(Role::Dim, "step", Role::Text, format!("{step} / {all}"));
    line.actions.push(None);
    line
}

/// "● training · step 12,480 / 40,000 · 18 min left · epoch 13.3 · 412 images/s"; of a run that several processes train also
/// the part of a step that their talk takes: "comm 12 %".
fn progress(state: &State) -> Pressable {
    let mut line = core(state);
    let Some(latest) = &state.live.history.latest else { return line };
    if let Some(seconds) = state.remaining() {
        line = line.add(Role::Dim, format!("{} left", duration(seconds)), None);
    }
    if state.theme.is_for_the_back_row() {
        return line;
    }
    // What goes up and down stands last, where its width moves nothing else.
    let speed = format!("{} {}", right(three_digits(latest.images_per_s), 4), state.speed_unit());
    line = line.add(Role::Dim, format!("epoch {:.1}", latest.epoch), None);
    if let Some(share) = latest.comm_share {
        line = line.add(Role::Dim, format!("comm {} %", right(format!("{:.0}", 100.0 * share), 2)), None);
    }
    line.add(Role::Dim, speed, None)
}

fn warnings(state: &State) -> Option<String> {
    let n = state.news.warnings();
    (n > 0).then(|| if n == 1 { "! 1 warning".into() } else { format!("! {n} warnings") })
}

impl Pressable {
    fn add(mut self, role: Role, text: String, action: Option<Action>) -> Self {
        self.words = self.words.add(role, text);
        self.actions.push(action);
        self
    }
}
