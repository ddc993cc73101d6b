//! Takes live settings back, and does them again.

use crate::lab::Command;
use crate::tui::effect::Effect;
use crate::tui::state::{Controls, Gravity, State};

/// After what a person did: was anything set that was `before` otherwise?
pub fn note(state: &mut State, before: Controls) {
    // What undo and redo set stands in the list already.
    let is_new = state.undo.now().is_none_or(|now| now.live != state.controls.live);
    if before.live != state.controls.live && is_new {
        state.undo.push(before, state.controls.clone());
    }
}

/// Takes the newest change back.
pub fn undo(state: &mut State) -> Vec<Effect> {
    let before = if state.ended { None } else { state.undo.undo() };
    set(state, before, "undo", "undone")
}

/// Makes the change again that was undone last.
pub fn redo(state: &mut State) -> Vec<Effect> {
    let after = if state.ended { None } else { state.undo.redo() };
    set(state, after, "redo", "redone")
}

fn set(state: &mut State, controls: Option<Controls>, verb: &str, done: &str) -> Vec<Effect> {
    let Some(controls) = controls else {
        let why = match state.ended {
            _ if state.trains_behind() => format!("nothing to {verb}: the runs train as their configs say"),
            true if state.only_compares() => format!("nothing to {verb}: these runs are only looked at"),
            true => "the run has ended; q leaves".to_owned(),
            false if verb == "undo" => "nothing to undo: no setting was changed here".to_owned(),
            false => "nothing to redo".to_owned(),
        };
        state.news.answer(state.now, Gravity::Info, why);
        return Vec::new();
    };
    let config = state.config.clone().unwrap_or_default();
    let words = state.controls.told(&controls, &config, |class| state.class_name(class));
    state.news.answer_setting(state.now, format!("{words} ({done})"));
    let (now, then) = (&state.controls.live, &controls.live);
    let mut effects = Vec::new();
    if now.learning_rate_scale != then.learning_rate_scale {
        effects.push(Effect::Send(Command::SetLearningRateScale(then.learning_rate_scale)));
    }
    if now.previews != then.previews {
        effects.push(Effect::Send(Command::SetPreviewEnabled(then.previews)));
    }
    if now.preview_budget != then.preview_budget {
        effects.push(Effect::Send(Command::SetPreviewBudget(then.preview_budget)));
    }
    if now.sampling != then.sampling {
        effects.push(Effect::Send(Command::SetSampling(Box::new(then.sampling.clone()))));
    }
    // Nothing that a preview was drawn with is taken for a person's wish again.
    state.controls = Controls { sampling_touched: state.controls.sampling_touched, ..controls };
    effects
}
