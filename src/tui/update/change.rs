//! From one run to another: the old one is saved and stands still, the new one is tried beside it, and only when
//! that has made a step is the old one left. Whatever goes wrong on the way, the old one goes on.

use crate::lab::{Command, Event, Phase};
use crate::tui::effect::Effect;
use crate::tui::state::{Change, ChangeStage, Gravity, NewRun, Overlay, State};

/// A yes to another run.
pub fn begin(state: &mut State, wanted: Box<NewRun>) -> Vec<Effect> {
    if state.leaving {
        return Vec::new();
    }
    let stage = if state.ended { ChangeStage::Opening } else { ChangeStage::Saving };
    state.change = Some(Change { wanted: wanted.clone(), stage, doing: String::new() });
    state.overlay = Some(Overlay::Opening);
    match stage {
        ChangeStage::Opening => vec![Effect::Try(wanted)],
        _ => vec![Effect::Send(Command::StandAside)],
    }
}

/// The run on the screen is saved and stands still.
pub fn stands_aside(state: &mut State) -> Vec<Effect> {
    match &mut state.change {
        Some(change) if change.stage == ChangeStage::Saving => {
            change.stage = ChangeStage::Opening;
            vec![Effect::Try(change.wanted.clone())]
        }
        // Nobody wants the other run any more.
        _ => vec![Effect::Send(Command::GoOn)],
    }
}

/// News of the run that is tried.
pub fn tried(state: &mut State, event: &Event) -> Vec<Effect> {
    let Some(change) = &mut state.change else { return Vec::new() };
    match event {
        Event::Phase(Phase::Starting(text) | Phase::Loading(text)) => change.doing.clone_from(text),
        Event::Ready(_) => change.doing = "making its first step".into(),
        Event::Step(_) if change.stage == ChangeStage::Opening => {
            change.stage = ChangeStage::Leaving;
            change.doing.clear();
            if state.ended {
                return vec![Effect::Switch];
            }
            state.leaving = true;
            return vec![Effect::Send(Command::Leave)];
        }
        Event::Ended(Ok(())) => return failed(state, "it ended before its first step".into()),
        Event::Ended(Err(why)) => {
            let why = why.clone();
            return failed(state, why);
        }
        _ => {}
    }
    Vec::new()
}

/// The other run cannot be had: why, and the line to mend.
pub fn failed(state: &mut State, why: String) -> Vec<Effect> {
    let Some(change) = state.change.take() else { return Vec::new() };
    let text = format!("the other run could not begin: {}", why.lines().next().unwrap_or_default());
    state.news.tell(state.now, Gravity::Warning, text);
    state.overlay = Some(Overlay::NotBegun { why, line: change.wanted.line });
    on_as_before(state)
}

/// A person stays with the run on the screen after all.
pub fn stay(state: &mut State) -> Vec<Effect> {
    state.change = None;
    state.overlay = None;
    state.news.tell(state.now, Gravity::Info, "staying with this run");
    on_as_before(state)
}

/// Ends the run that is tried, if one is, because the one on the screen is to be left alone.
pub fn forget(state: &mut State) -> Vec<Effect> {
    match state.change.take() {
        Some(_) => vec![Effect::Abandon],
        None => Vec::new(),
    }
}

fn on_as_before(state: &mut State) -> Vec<Effect> {
    state.leaving = false;
    let mut effects = vec![Effect::Abandon];
    if !state.ended {
        effects.push(Effect::Send(Command::GoOn));
    }
    effects
}

/// Where the run that was left, or has failed, gives way: to the other one, or to the shell.
pub fn left(state: &State) -> Effect {
    match &state.change {
        Some(_) => Effect::Switch,
        None => Effect::Quit,
    }
}

/// The run cannot be saved: it is not left for another then.
pub fn cannot_save(state: &mut State, reason: &str) -> Vec<Effect> {
    failed(state, format!("this run cannot be saved, so it is not left for another: {reason}"))
}
