//! The experiment behind the screen: what it tells, and which keys are meant for it.

use crossterm::event::{KeyCode, KeyEvent};

use crate::lab::AskAll;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::experiment::{ExperimentEnd, ExperimentNews, ExperimentPhase};
use crate::tui::guide::is_steering;
use crate::tui::state::{Gravity, Overlay, State};

/// Takes in what it tells.
pub fn news(state: &mut State, news: ExperimentNews) -> Vec<Effect> {
    let Some(experiment) = &mut state.experiment else { return Vec::new() };
    experiment.take(&news);
    let (phase, words) = (experiment.phase(), experiment.words());
    match news {
        ExperimentNews::Stands(_) => {}
        ExperimentNews::Said(line) => state.news.tell(state.now, Gravity::Info, line),
        ExperimentNews::Warned(line) => state.news.tell(state.now, Gravity::Warning, line),
        ExperimentNews::Ended(_) if state.leaving => return vec![Effect::Quit],
        ExperimentNews::Ended(end) => {
            if matches!(state.overlay, Some(Overlay::Quit)) {
                // What it asks is answered.
                state.overlay = None;
            }
            let gravity = if matches!(end, ExperimentEnd::Failed(_)) { Gravity::Error } else { Gravity::Info };
            state.news.tell(state.now, gravity, words);
        }
    }
    state.phase = phase;
    Vec::new()
}

/// What an action does to the experiment; `None`: nothing, and it means what it always does.
pub fn act(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let experiment = state.experiment.as_ref()?;
    let (over, kind) = (experiment.is_over(), experiment.facts.kind);
    match action {
        Action::Quit => Some(leave(state)),
        Action::Leave => Some(leave_at_once(state)),
        Action::TogglePause if !over => {
            let paused = matches!(experiment.standing.phase, ExperimentPhase::Paused | ExperimentPhase::Waiting);
            let (ask, what) = if paused { (AskAll::Resume, "goes on") } else { (AskAll::Pause, "pauses") };
            state.news.answer(state.now, Gravity::Info, format!("the {kind} {what}"));
            Some(vec![Effect::AskExperiment(ask)])
        }
        action if is_steering(action) => {
            let why = match over {
                true => format!("the {kind} is over; q leaves"),
                false => format!("the runs of a {kind} train as their configs say; space pauses them"),
            };
            state.news.answer(state.now, Gravity::Info, why);
            Some(Vec::new())
        }
        _ => None,
    }
}

/// Leaves the screen, after a question where something trains.
pub fn leave(state: &mut State) -> Vec<Effect> {
    if !state.trains_behind() {
        return vec![Effect::Quit];
    }
    if !state.leaving {
        state.overlay = Some(Overlay::Quit);
    }
    Vec::new()
}

/// Stops the experiment and leaves; asked a second time, leaves without waiting for it.
pub fn leave_at_once(state: &mut State) -> Vec<Effect> {
    state.overlay = None;
    if !state.trains_behind() || state.leaving {
        return vec![Effect::Quit];
    }
    state.leaving = true;
    let words = "saving, then leaving … (Ctrl-C again leaves the screen at once)";
    state.news.answer(state.now, Gravity::Info, words);
    vec![Effect::AskExperiment(AskAll::Stop)]
}

/// A key while it is asked whether to leave. Enter, pressed without reading, answers nothing.
pub fn quit_key(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    match event.code {
        KeyCode::Char('y' | 'Y' | 'q') => return leave_at_once(state),
        KeyCode::Char('n' | 'N') | KeyCode::Esc => state.overlay = None,
        _ => {}
    }
    Vec::new()
}

/// A signal asks to end. It has told the runs as well.
pub fn terminate(state: &mut State) -> Vec<Effect> {
    state.interrupted = true;
    // What was asked for before goes on.
    if state.leaving && state.trains_behind() { Vec::new() } else { leave_at_once(state) }
}
