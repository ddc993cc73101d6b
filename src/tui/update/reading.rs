//! The cursor that reads the loss panel's curves, and the marks on them.

use crate::tui::action::Action;
use crate::tui::archive::ArchiveRequest;
use crate::tui::effect::Effect;
use crate::tui::format::thousands;
use crate::tui::panel::Panel;
use crate::tui::state::{AskedFor, Gravity, MarkKind, Overlay, State};

/// Logged steps that a far step of the cursor goes over, as a share of those in view.
const FAR: f64 = 0.1;

/// Puts the cursor on the newest step, or takes it away.
pub fn toggle(state: &mut State) {
    if state.reading.take().is_some() {
        return;
    }
    if state.read_history().losses().is_empty() {
        return tell(state, "there is no logged step to read yet");
    }
    state.move_reading(0);
    let how = if state.focus == Panel::Loss {
        "← → go from one logged step to the next"
    } else {
        "in Loss ← → go on"
    };
    tell(state, &format!("reading the curves: {how}, r ends it"));
}

/// What left and right do in the loss panel while nothing is read: they go through t.
pub fn through_t(action: Action) -> Action {
    match action {
        Action::ReadEarlier => Action::CursorDown,
        Action::ReadFarEarlier => Action::CursorFarDown,
        Action::ReadFarLater => Action::CursorFarUp,
        _ => Action::CursorUp,
    }
}

/// Left and right in the loss panel while its curves are read: through the logged steps.
pub fn step(state: &mut State, action: Action) {
    let (in_view, axis) = (state.loss_axis(), state.read_history().axis(state.plots.x_axis));
    let inside = |at: f64| (in_view.low..=in_view.high).contains(&at);
    let steps = state.read_history().losses().iter().filter(|b| inside(b.last.on(axis))).count();
    let far = ((steps as f64 * FAR) as isize).max(2);
    state.move_reading(match action {
        Action::ReadEarlier => -1,
        Action::ReadFarEarlier => -far,
        Action::ReadFarLater => far,
        _ => 1,
    });
    keep_in_view(state);
}

/// The next mark on one side: the cursor goes there, and what happened is said.
pub fn to_mark(state: &mut State, later: bool) {
    let Some((mark, at, of)) = state.mark_beside(later) else {
        let text = match (state.read_history().marks().is_empty(), later) {
            (true, _) => "this run has no marks: no snapshot, checkpoint, changed setting or bookmark",
            (false, true) => "there is no later mark",
            (false, false) => "there is no earlier mark",
        };
        return tell(state, text);
    };
    (state.reading, state.told_mark) = (Some(mark.step), Some(at));
    keep_in_view(state);
    let (symbol, kind) = match mark.kind {
        MarkKind::Snapshot => ("◆", "snapshot"),
        MarkKind::Checkpoint => ("▴", "checkpoint"),
        MarkKind::Setting => ("▾", "changed"),
        MarkKind::Resume => ("↻", "went on"),
        MarkKind::Fork => ("↳", "fork"),
        MarkKind::Bookmark => ("■", "bookmark"),
        MarkKind::Other => ("·", "event"),
    };
    let what = if mark.what.is_empty() { String::new() } else { format!(": {}", mark.what) };
    let text = format!("{symbol} step {}, {kind}{what} (mark {} of {of})", thousands(mark.step), at + 1);
    state.news.answer(state.now, Gravity::Info, text);
}

/// Asks for the word to put on the step that is read.
pub fn ask_for_bookmark(state: &mut State) {
    let step = state.reading_moment().map(|moment| moment.step);
    let newest = state.read_history().latest.as_ref().map(|latest| latest.step);
    let Some(step) = step.or(newest) else { return tell(state, "there is no step to put a bookmark on yet") };
    if dir(state).is_none() {
        return tell(state, "a bookmark is kept in the run's folder, which is not there yet");
    }
    let known = state.read_history().marks().iter().find(|mark| mark.kind == MarkKind::Bookmark && mark.step == step);
    let text = known.map(|mark| mark.what.clone()).unwrap_or_default();
    state.overlay = Some(Overlay::Ask { what: AskedFor::Bookmark { step }, text, refusal: None });
}

/// Keeps a word on a step.
pub fn bookmark(state: &mut State, step: u64, word: String) -> Vec<Effect> {
    let Some(dir) = dir(state) else { return Vec::new() };
    // Of several runs it is said which.
    let of = state.chosen_run().map_or(String::new(), |run| format!(" of {}", run.name));
    let text = match word.trim() {
        "" => format!("no bookmark on step {}{of}", thousands(step)),
        word => format!("■ step {}{of}: {word}, kept in its notes.toml", thousands(step)),
    };
    tell(state, &text);
    vec![Effect::Ask(ArchiveRequest::Bookmark { dir, step, word })]
}

/// The folder of the run that is read.
fn dir(state: &State) -> Option<std::path::PathBuf> {
    match state.chosen_run() {
        Some(run) => Some(run.dir.clone()),
        None => state.live.info.as_ref().map(|info| info.run_dir.clone()),
    }
}

/// What the cursor stands on is seen.
fn keep_in_view(state: &mut State) {
    let (Some(window), Some(moment)) = (state.plots.window, state.reading_moment()) else { return };
    let (step, length) = (moment.step as f64, window.last - window.first);
    let beyond = if step < window.first { step - window.first } else { (step - window.last).max(0.0) };
    if beyond != 0.0 && length > 0.0 {
        state.plots.window = Some(window.moved(state.all_steps(), beyond / length));
    }
}

fn tell(state: &mut State, text: &str) {
    state.news.answer(state.now, Gravity::Info, text);
}
