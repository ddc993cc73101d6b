//! `E`: the mathematics of the panel in focus, with the numbers of now.

use std::sync::Arc;
use std::time::Duration;

use crate::explain::Topic;
use crate::lab::{Command, Explained, Phase};
use crate::tui::effect::Effect;
use crate::tui::panel::Panel;
use crate::tui::state::{Explaining, Gravity, Overlay, State};

/// A cursor that moves on by itself, as with a film, is not asked for more often than this, nor for more than a fifth of the
/// time that answers take.
const PACE: Duration = Duration::from_millis(250);
const SHARE: u32 = 5;
/// While a run trains its numbers are asked for anew this often: an answer costs some network calls.
const AGAIN: Duration = Duration::from_secs(2);

/// Opens it on what the focused panel shows.
pub fn open(state: &mut State) -> Vec<Effect> {
    if state.only_compares() || state.live.info.is_none() {
        let why = match state.only_compares() {
            true => "an explanation is of one run: R lists them",
            false => "the run has not begun yet",
        };
        state.news.answer(state.now, Gravity::Info, why);
        return Vec::new();
    }
    let topic = match state.focus {
        Panel::Loss => Topic::Loss,
        Panel::Heatmap => Topic::Bound,
        Panel::Schedule => Topic::Forward,
        Panel::Denoising if state.plane.is_some() => Topic::Plane,
        Panel::Denoising => Topic::SamplingStep,
    };
    state.overlay = Some(Overlay::Explain(Explaining::new(topic)));
    ask(state)
}

/// Asks for what is to be seen, where it isn't already.
pub(super) fn ask(state: &mut State) -> Vec<Effect> {
    let (now, t) = (state.now, state.cursor_t);
    let Some(Overlay::Explain(explaining)) = &mut state.overlay else { return Vec::new() };
    let request = explaining.request(t);
    explaining.asked = Some((request, now));
    explaining.waits = true;
    vec![Effect::Send(Command::Explain(request))]
}

/// Time goes on: another cursor, or newer weights, want newer numbers.
pub fn tick(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Explain(explaining)) = &state.overlay else { return Vec::new() };
    if explaining.waits || state.frozen.is_some() || state.ended {
        return Vec::new();
    }
    let since = explaining.asked.map(|(_, at)| state.now.saturating_sub(at));
    let rested = since.is_none_or(|since| since >= PACE.max(explaining.took * SHARE));
    let moved = explaining.asked.is_none_or(|(asked, _)| asked != explaining.request(state.cursor_t));
    let stale = since.is_some_and(|since| since >= AGAIN);
    // Data stay as they are; a step by hand is of its own moment.
    let lives = !matches!(explaining.topic, Topic::Data | Topic::TrainingStep | Topic::Time | Topic::Forward);
    let trains = matches!(state.phase, Phase::Training);
    let wants = match explaining.topic {
        Topic::TrainingStep => explaining.answer.is_none(),
        _ => moved || (stale && lives && trains),
    };
    if wants && rested { ask(state) } else { Vec::new() }
}

/// An answer came.
pub fn answer(state: &mut State, explained: Arc<Explained>) {
    let now = state.now;
    let Some(Overlay::Explain(explaining)) = &mut state.overlay else { return };
    if explained.topic == explaining.topic {
        explaining.waits = false;
        explaining.took = explaining.asked.map_or(Duration::ZERO, |(_, at)| now.saturating_sub(at));
        explaining.read_since.get_or_insert(now);
        explaining.answer = Some(explained);
    }
}
