//! Who takes a message: the list of runs, the run that is looked at, or the one that is trained here.

use crossterm::event::{KeyEvent, KeyEventKind};

use super::dispatch::of_run;
use super::{lesson, runs};
use crate::tui::action::Action;
use crate::tui::bindings;
use crate::tui::browser::RunsMode;
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::state::{Bench, State, refresh};

/// Takes one message into the state; returns what the shell should do.
pub fn update(state: &mut State, message: Message) -> Vec<Effect> {
    let before = (state.is_browsing, state.beside.is_some());
    let mut effects = match &state.lesson {
        Some(_) => lesson::in_front(state, message, routed),
        None => routed(state, message),
    };
    // What comes to light has to be drawn anew, with nothing left of what covered it.
    if (state.is_browsing, state.beside.is_some()) != before {
        if let Some(beside) = &mut state.beside {
            refresh(beside);
        } else if !state.is_browsing {
            refresh(state);
        }
        effects.push(Effect::Turn);
    }
    effects
}

fn routed(state: &mut State, message: Message) -> Vec<Effect> {
    match message {
        Message::Runs(news) => runs::news(state, news),
        Message::Beside(event) => beside(state, Message::Lab(event)),
        Message::BesidePreview(frame) => beside(state, Message::Preview(frame)),
        Message::BesideArchive(news) => beside(state, Message::Archive(news)),
        Message::Resize(..) | Message::CellSize(..) | Message::PicturePace(_) | Message::Tick(_) => {
            let effects = match state.is_browsing {
                // It is told when it comes to light.
                true if matches!(message, Message::Tick(_)) => Vec::new(),
                _ => beside(state, message.clone()),
            };
            [effects, of_run(state, message)].concat()
        }
        // Ctrl-C means the same wherever one is.
        Message::Key(event) if is_leave(&event, state) => [uncovered(state), of_run(state, message)].concat(),
        Message::Terminate => [uncovered(state), of_run(state, message)].concat(),
        Message::Key(_) | Message::Mouse(_) | Message::Paste(_) => match (&state.beside, state.is_browsing) {
            (_, true) if state.overlay.is_none() => runs::input(state, &message),
            (Some(_), false) => beside(state, message),
            _ => of_run(state, message),
        },
        message => of_run(state, message),
    }
}

fn is_leave(event: &KeyEvent, state: &State) -> bool {
    event.kind != KeyEventKind::Release && bindings::find(event, state.focus) == Some(Action::Leave)
}

/// Gives a message to the run that is looked at; what it asks for is done for it.
fn beside(state: &mut State, message: Message) -> Vec<Effect> {
    let Some(run) = &mut state.beside else { return Vec::new() };
    let effects = of_run(run, message);
    let mut asked = Vec::with_capacity(effects.len());
    for effect in effects {
        match effect {
            // It is left for where one came from.
            Effect::Quit => {
                if let Some(run) = state.beside.take() {
                    state.marked = run.marked;
                }
                asked.push(Effect::LookAway);
                asked.extend(runs::open(state));
                break;
            }
            effect => asked.extend(effect.beside()),
        }
    }
    if let Some(run) = state.beside.take_if(|run| run.is_browsing) {
        asked.push(Effect::LookAway);
        state.marked = run.marked;
        let dir = run.live.info.as_ref().map(|info| info.run_dir.clone());
        let forks = run.browser.is_some_and(|list| matches!(list.mode, RunsMode::Fork(_)));
        asked.extend(match dir.filter(|_| forks) {
            Some(dir) => runs::fork_of(state, &dir),
            None => runs::open(state),
        });
    }
    asked
}

/// The run that is trained here comes to light: it is about to be left.
fn uncovered(state: &mut State) -> Vec<Effect> {
    state.is_browsing &= state.bench == Bench::Browsing;
    state.beside.take().map(|_| Effect::LookAway).into_iter().collect()
}
