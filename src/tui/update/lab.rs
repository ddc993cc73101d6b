//! News from the worker.

use std::sync::Arc;

use super::{archive, change, explaining};
use crate::lab::{Event, Phase, PreviewFrame, RunInfo};
use crate::nn::{self, NetConfig};
use crate::run::catalogue::RunState;
use crate::tui::effect::Effect;
use crate::tui::format::{duration, thousands};
use crate::tui::state::{Controls, Curves, Gravity, Heat, MarkKind, Overlay, Plane, State, StepCosts};

/// Takes an event in.
pub fn event(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Phase(phase) => phase_changed(state, phase),
        Event::Ready(info) => {
            ready(state, info);
            return archive::ask_for_bookmarks(state);
        }
        Event::Step(record) => state.live.history.push(record),
        Event::TimestepLoss(row) => state.live.heat.push(&row),
        Event::SnapshotSaved { step, dir } => {
            state.live.history.mark_with(step, MarkKind::Snapshot, dir.display().to_string());
            let text = format!("◆ snapshot of step {} saved in {}", thousands(step), dir.display());
            // Whoever asked for it waits for the place.
            match state.snapshots_awaited.checked_sub(1) {
                None => say(state, Gravity::Info, text),
                Some(left) => {
                    state.snapshots_awaited = left;
                    state.news.answer(state.now, Gravity::Info, text);
                }
            }
        }
        Event::SnapshotLost { message, .. } => {
            state.snapshots_awaited = state.snapshots_awaited.saturating_sub(1);
            say(state, Gravity::Warning, message);
        }
        // The run folder keeps them; the screen shows the moving preview anyway.
        Event::PreviewSaved { .. } => {}
        // The model card has it.
        Event::PeakMemory { .. } => {}
        Event::CheckpointSaved { step, took, .. } => {
            state.saved = Some((step, state.controls.live.clone()));
            state.live.history.mark(step, MarkKind::Checkpoint);
            let took = took.as_secs_f64();
            let took = match took {
                // Of a run that is looked at nobody knows.
                0.0 => String::new(),
                ..10.0 => format!(" in {took:.1} s"),
                _ => format!(" in {}", duration(took)),
            };
            say(state, Gravity::Info, format!("▴ checkpoint of step {} saved{took}", thousands(step)));
        }
        Event::SettingChanged { step, what } => {
            state.live.history.mark_with(step, MarkKind::Setting, what.clone());
            // What a key has asked for; where its answer still shows, that has said what was and what is.
            state.news.confirm(state.now, format!("▾ from step {} on: {what}", thousands(step)));
        }
        Event::TimeUse { time_use, .. } => {
            let gravity = if time_use.is_used() { Gravity::Info } else { Gravity::Warning };
            say(state, gravity, time_use.verdict());
        }
        Event::Explained(explained) => explaining::answer(state, explained),
        Event::Warning { message, .. } => say(state, Gravity::Warning, message),
        Event::Note { message, .. } => say(state, Gravity::Info, message),
        Event::FolderMoved { dir, message, .. } => {
            if let Some(info) = &state.live.info {
                state.live.info = Some(Arc::new(RunInfo { run_dir: dir, ..info.as_ref().clone() }));
            }
            say(state, Gravity::Warning, message);
        }
        Event::CannotSave { reason, elsewhere, .. } => {
            // Nothing was lost: the run goes on until the person has decided.
            state.leaving = false;
            if state.change.is_some() {
                return change::cannot_save(state, &reason);
            }
            state.overlay = Some(Overlay::CannotSave { reason, path: elsewhere.display().to_string() });
        }
        Event::Anew { why } => {
            state.live.history = state.live.history.anew();
            state.live.heat = Heat::default();
            state.cursor_step = None;
            say(state, Gravity::Info, why);
        }
        Event::StandsAside { .. } => return change::stands_aside(state),
        Event::History { steps, rows, marks } => {
            steps.into_iter().for_each(|record| state.live.history.push(record));
            rows.iter().for_each(|row| state.live.heat.push(row));
            for mark in marks {
                state.live.history.mark_with(mark.step, MarkKind::of_word(&mark.kind), mark.what);
            }
        }
        Event::Ended(result) => return ended(state, result),
    }
    Vec::new()
}

/// Takes a frame of the moving preview in.
pub fn preview(state: &mut State, frame: &PreviewFrame) {
    if !state.controls.sampling_touched {
        state.controls.live.sampling = frame.settings.as_ref().clone();
    }
    state.live.films.push(frame, state.playhead.map(|head| (head.trajectory, head.index)));
}

fn say(state: &mut State, gravity: Gravity, text: String) {
    state.news.tell(state.now, gravity, text);
}

fn phase_changed(state: &mut State, phase: Phase) {
    // Another process goes on with it.
    if let Phase::Resting { state: resting, why: Some(why) } = &state.phase
        && state.phase != phase
    {
        let said = resting_words(*resting, why);
        state.news.withdraw(&said);
    }
    match &phase {
        Phase::Failed(why) => {
            state.overlay = Some(Overlay::Failure);
            say(state, Gravity::Error, why.clone());
        }
        Phase::Waiting(why) => say(state, Gravity::Error, format!("training waits: {why}")),
        Phase::Resting { state: resting, why: Some(why) } if state.phase != phase => {
            let gravity = if *resting == RunState::Failed { Gravity::Warning } else { Gravity::Info };
            say(state, gravity, resting_words(*resting, why));
        }
        Phase::Finished if state.phase != phase => {
            say(
                state,
                Gravity::Info,
                match next_stage(state) {
                    Some(next) => format!("all steps are done and saved; next comes {next}"),
                    None => "all steps are done and saved; q leaves".into(),
                },
            );
        }
        _ => {}
    }
    state.phase = phase;
}

/// What is trained in this lab after this run, if anything is.
pub(super) fn next_stage(state: &State) -> Option<String> {
    state.live.info.as_ref()?.stage.as_ref()?.next.clone()
}

/// Once this run is done and saved, and nobody is asked anything, the lab goes on to the next stage.
pub(super) fn go_on_to_next_stage(state: &State) -> Vec<Effect> {
    let done = state.phase == Phase::Finished && state.has_all_saved() && !state.leaving && !state.ended;
    match done && state.overlay.is_none() && !state.is_browsing && next_stage(state).is_some() {
        true => vec![Effect::NextStage],
        false => Vec::new(),
    }
}

fn resting_words(state: RunState, why: &str) -> String {
    format!("{}: {why}", state.word())
}

fn ready(state: &mut State, info: Arc<RunInfo>) {
    for choice in &info.chosen {
        say(state, Gravity::Info, choice.clone());
    }
    for warning in &info.warnings {
        say(state, Gravity::Warning, warning.clone());
    }
    if info.start_step > 0 {
        state.saved = Some((info.start_step, info.live.clone()));
        state.live.history.mark(info.start_step, MarkKind::Resume);
    }
    if let Some(going_on) = info.going_on() {
        say(state, Gravity::Info, format!("↻ {going_on}"));
    }
    // What was set before the run was opened it is about to hear.
    if !state.controls.sampling_touched && state.undo.is_empty() {
        state.controls = Controls::of(&info.live);
    }
    state.live.history.set_costs(costs(&info));
    state.curves = Curves::new(&info.config.diffusion);
    state.config = Some(info.config.clone());
    state.plane = Plane::new(&info);
    state.live.info = Some(info);
}

/// What a step of the run costs.
fn costs(info: &RunInfo) -> StepCosts {
    let (height, width, channels) = info.image_shape;
    let classes = info.conditional.then_some(info.classes.len());
    let network = NetConfig::new(&info.config, height, width, channels, classes);
    let images = info.config.train.batch_size as f64;
    // A network that nobody can count.
    let flops = nn::flops(&network, height, width).map_or(0.0, |flops| flops.training as f64);
    StepCosts { images, flops: images * flops }
}

fn ended(state: &mut State, result: Result<(), String>) -> Vec<Effect> {
    state.ended = true;
    match result {
        // It was left before it began. (Of a failure the worker speaks before.)
        Err(_) if state.leaving && !matches!(state.phase, Phase::Failed(_)) => vec![change::left(state)],
        Err(why) => {
            if !matches!(state.phase, Phase::Failed(_)) {
                phase_changed(state, Phase::Failed(why));
            }
            // The screen stays, so that the reason can be read.
            state.leaving = false;
            change::forget(state)
        }
        Ok(()) if state.leaving => vec![change::left(state)],
        Ok(()) => {
            if !matches!(state.phase, Phase::Failed(_) | Phase::Finished) {
                say(state, Gravity::Info, "the run has ended; q leaves".into());
            }
            Vec::new()
        }
    }
}
