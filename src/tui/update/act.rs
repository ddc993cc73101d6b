//! What each action does.

use std::path::PathBuf;

use super::{sampling, zoom};
use crate::config::Config;
use crate::lab::{Command, Phase};
use crate::tui::action::Action;
use crate::tui::chart::Marker;
use crate::tui::effect::Effect;
use crate::tui::state::{CommandPalette, Gravity, Overlay, Playback, SMOOTHINGS, STILL_FOR, State};

/// The learning rate can be changed by this factor either way.
pub const MOST_LEARNING_RATE_SCALE: f64 = 1024.0;
const BUDGET_STEP: f64 = 0.05;

/// Does it.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::FocusNext => focus(state, state.focus.next()),
        Action::FocusPrevious => focus(state, state.focus.previous()),
        Action::Focus(panel) => focus(state, panel),
        Action::Zoom => state.zoomed = !state.zoomed,
        Action::Back => back(state),
        Action::TogglePause => return toggle_pause(state),
        Action::StepOnce => return command(state, Command::StepOnce),
        Action::Snapshot => {
            let effects = command(state, Command::Snapshot);
            if !effects.is_empty() {
                tell(state, "snapshot: drawing the samples …");
            }
            return effects;
        }
        Action::Checkpoint => return command(state, Command::Checkpoint),
        Action::SampleNow => {
            let effects = command(state, Command::SampleNow);
            if !effects.is_empty() {
                state.playback = Playback::Live;
            }
            return effects;
        }
        Action::TogglePreview => return toggle_preview(state),
        Action::MorePreview => return preview_budget(state, BUDGET_STEP),
        Action::LessPreview => return preview_budget(state, -BUDGET_STEP),
        Action::CursorUp => move_cursor(state, hundredth(state)),
        Action::CursorDown => move_cursor(state, -hundredth(state)),
        Action::CursorFarUp => move_cursor(state, 10 * hundredth(state)),
        Action::CursorFarDown => move_cursor(state, -10 * hundredth(state)),
        Action::CursorOneUp => move_cursor(state, 1),
        Action::CursorOneDown => move_cursor(state, -1),
        Action::CursorFirst => put_cursor(state, 0),
        Action::CursorLast => put_cursor(state, usize::MAX),
        Action::EarlierColumn => move_column(state, -1),
        Action::LaterColumn => move_column(state, 1),
        Action::FramePrevious => move_frame(state, -1),
        Action::FrameNext => move_frame(state, 1),
        Action::ToggleFilm => toggle_film(state),
        Action::ClassNext
        | Action::ClassPrevious
        | Action::GuidanceUp
        | Action::GuidanceDown
        | Action::NextSampler
        | Action::MoreSteps
        | Action::FewerSteps
        | Action::NextEta => {
            if state.ended {
                return command(state, Command::SampleNow);
            }
            return sampling::change(state, action);
        }
        Action::LearningRateUp => return learning_rate(state, state.controls.live.learning_rate_scale * 2.0),
        Action::LearningRateDown => return learning_rate(state, state.controls.live.learning_rate_scale / 2.0),
        Action::LearningRateReset => return learning_rate(state, 1.0),
        Action::ToggleLogY => state.plots.log_y = !state.plots.log_y,
        Action::NextXAxis => state.plots.x_axis = state.plots.x_axis.next(),
        Action::NextSmoothing => state.plots.smoothing = (state.plots.smoothing + 1) % SMOOTHINGS.len(),
        Action::LossCloser => zoom::by_key(state, zoom::CLOSER),
        Action::LossWider => zoom::by_key(state, 1.0 / zoom::CLOSER),
        Action::LossEarlier => zoom::pan_by_key(state, -0.25),
        Action::LossLater => zoom::pan_by_key(state, 0.25),
        Action::LossWhole => zoom::whole(state),
        Action::ToggleHeatScale => state.plots.heat_relative = !state.plots.heat_relative,
        Action::ToggleBound => match state.curves.as_ref().and_then(|curves| curves.bound.as_ref()) {
            Some(_) => state.plots.heat_bound = !state.plots.heat_bound,
            None => tell(state, "only path vp has a term of the bound for each t"),
        },
        Action::NextScheduleView => state.plots.schedule_view = state.plots.schedule_view.next(),
        Action::NextTimeAxis => state.plots.time_axis = state.plots.time_axis.next(),
        Action::NextExample => {
            let examples = state.live.info.as_ref().map_or(1, |info| info.examples.len().max(1));
            state.plots.example = (state.plots.example + 1) % examples;
        }
        Action::NextPointsView if state.plane.is_none() => {
            tell(state, "points, density and field are for data in the plane, such as two-moons");
        }
        Action::NextPointsView => state.plots.points_view = state.plots.points_view.next(),
        Action::ToggleFreeze => {
            state.frozen = match state.frozen {
                Some(_) => None,
                None => Some(Box::new(state.live.clone())),
            };
        }
        Action::ToggleTheme => state.theme.toggle(),
        Action::NextMarker => {
            let pictures = state.can_draw_pictures();
            match (state.draws_pictures(), state.plots.marker.next(state.has_octants)) {
                // From pictures to the first of the characters, and from the last of them to pictures.
                (true, _) => (state.plots.pictures, state.plots.marker) = (false, Marker::Braille),
                (false, next) => {
                    state.plots.pictures = pictures && next == Marker::Braille;
                    state.plots.marker = next;
                }
            }
            let name = if state.draws_pictures() { "smooth lines" } else { state.plots.marker.name() };
            tell(state, format!("curves in {name}"));
        }
        Action::Messages => state.overlay = Some(Overlay::Messages { scroll: 0 }),
        Action::Help => state.overlay = Some(Overlay::Help { scroll: 0 }),
        Action::Palette => state.overlay = Some(Overlay::Palette(CommandPalette::default())),
        Action::Redraw => return vec![Effect::Redraw],
        Action::Quit if state.ended => return vec![Effect::Quit],
        Action::Quit if state.leaving => {}
        Action::Quit => state.overlay = Some(Overlay::Quit),
        Action::Leave => return leave(state),
    }
    Vec::new()
}

/// Tells the worker to end without a checkpoint.
pub fn leave_without_saving(state: &mut State) -> Vec<Effect> {
    if state.ended {
        return vec![Effect::Quit];
    }
    state.leaving = true;
    vec![Effect::Send(Command::Quit { save: false })]
}

/// Stays after all: the run could not be saved.
pub fn stay(state: &mut State) -> Vec<Effect> {
    state.next = None;
    state.interrupted = false;
    tell(state, "the run stays open; it is saved as soon as that works");
    Vec::new()
}

/// Has the whole run saved in a folder that the person names, then leaves.
pub fn save_elsewhere(state: &mut State, dir: PathBuf) -> Vec<Effect> {
    if state.ended {
        return vec![Effect::Quit];
    }
    state.leaving = true;
    tell(state, format!("saving the run in {} …", dir.display()));
    vec![Effect::Send(Command::SaveElsewhere { dir })]
}

/// A signal asks to end: saved here or elsewhere, without a question.
pub fn terminate(state: &mut State) -> Vec<Effect> {
    state.overlay = None;
    state.next = None;
    if state.ended {
        return vec![Effect::Quit];
    }
    state.leaving = true;
    tell(state, "saving, then leaving …");
    vec![Effect::Send(Command::Quit { save: true })]
}

/// Saves, leaves, and has the lab opened again with another config.
pub fn leave_for(state: &mut State, config: Config) -> Vec<Effect> {
    let config = Box::new(config);
    if state.ended {
        return vec![Effect::Again(config)];
    }
    state.next = Some(config);
    if state.leaving {
        return Vec::new();
    }
    state.leaving = true;
    tell(state, "saving, then starting the new run … (Ctrl-C leaves instead)");
    vec![Effect::Send(Command::Leave)]
}

/// Save and leave; asked a second time, leave without waiting.
fn leave(state: &mut State) -> Vec<Effect> {
    state.overlay = None;
    if state.ended {
        return vec![Effect::Quit];
    }
    if state.leaving && state.next.take().is_some() {
        tell(state, "saving, then leaving … (Ctrl-C again leaves at once)");
        return Vec::new();
    }
    if state.leaving {
        return vec![Effect::Send(Command::Quit { save: false }), Effect::Quit];
    }
    state.leaving = true;
    tell(state, "saving, then leaving … (Ctrl-C again leaves at once)");
    vec![Effect::Send(Command::Leave)]
}

fn tell(state: &mut State, text: impl Into<String>) {
    state.news.tell(state.now, Gravity::Info, text);
}

/// Sends a command, or says that nobody would hear it.
fn command(state: &mut State, command: Command) -> Vec<Effect> {
    if state.ended {
        tell(state, "the run has ended; q leaves");
        return Vec::new();
    }
    vec![Effect::Send(command)]
}

fn focus(state: &mut State, panel: crate::tui::panel::Panel) {
    state.focus = panel;
}

fn back(state: &mut State) {
    if state.news.dismiss() {
    } else if state.zoomed {
        state.zoomed = false;
    } else if state.playback != Playback::Live {
        state.playback = Playback::Live;
    } else {
        state.cursor_step = None;
    }
}

fn toggle_pause(state: &mut State) -> Vec<Effect> {
    match state.phase {
        // Waiting for room: tried again at once.
        Phase::Paused | Phase::Waiting(_) => command(state, Command::Resume),
        Phase::Training | Phase::Starting(_) | Phase::Loading(_) => command(state, Command::Pause),
        Phase::Finished => {
            tell(state, "all steps are done; there is nothing to pause");
            Vec::new()
        }
        Phase::Stopping | Phase::Failed(_) => Vec::new(),
    }
}

fn toggle_preview(state: &mut State) -> Vec<Effect> {
    let enabled = !state.controls.live.previews;
    let effects = command(state, Command::SetPreviewEnabled(enabled));
    if !effects.is_empty() {
        state.controls.live.previews = enabled;
        tell(state, if enabled { "previews on" } else { "previews off; training gets all the time" });
    }
    effects
}

fn preview_budget(state: &mut State, by: f64) -> Vec<Effect> {
    let steps = ((state.controls.live.preview_budget + by) / BUDGET_STEP).round();
    let budget = (steps * BUDGET_STEP).clamp(BUDGET_STEP, 0.5);
    let effects = command(state, Command::SetPreviewBudget(budget));
    if !effects.is_empty() {
        state.controls.live.preview_budget = budget;
        tell(state, format!("previews may take {:.0} % of the time", budget * 100.0));
    }
    effects
}

fn learning_rate(state: &mut State, scale: f64) -> Vec<Effect> {
    let scale = scale.clamp(1.0 / MOST_LEARNING_RATE_SCALE, MOST_LEARNING_RATE_SCALE);
    if scale == state.controls.live.learning_rate_scale {
        return Vec::new();
    }
    let effects = command(state, Command::SetLearningRateScale(scale));
    if !effects.is_empty() {
        state.controls.live.learning_rate_scale = scale;
    }
    effects
}

/// A hundredth of T, at least 1.
fn hundredth(state: &State) -> isize {
    (state.timesteps() / 100).max(1) as isize
}

/// Moves the cursor by so many timesteps.
pub fn move_cursor(state: &mut State, by: isize) {
    put_cursor(state, state.cursor_t.saturating_add_signed(by));
}

/// Puts the cursor at a timestep; the film stands where it belongs to that t.
pub fn put_cursor(state: &mut State, t: usize) {
    state.cursor_t = t.min(state.timesteps() - 1);
    state.playback = Playback::Held { index: None };
}

/// Moves the heatmap's read-out by so many columns; beyond the newest it is live again.
pub fn move_column(state: &mut State, by: isize) {
    let heat = &state.data().heat;
    let columns = heat.columns();
    let Some(newest) = columns.len().checked_sub(1) else { return };
    let at = state.cursor_step.and_then(|step| heat.column_at(step)).unwrap_or(newest);
    let to = at.saturating_add_signed(by);
    state.cursor_step = (to < newest).then(|| columns[to].last_step);
}

/// Moves the film by so many stills and holds it there; the cursor t goes with it.
pub fn move_frame(state: &mut State, by: isize) {
    let at = state.shown_still().map(|(film, still)| (film.trajectory, still.index));
    let Some(film) = state.data().films.complete() else { return };
    let at = match at {
        Some((trajectory, index)) if trajectory == film.trajectory => film.position(index),
        Some(_) | None => film.nearest(state.cursor_t),
    };
    let to = at.saturating_add_signed(by).min(film.stills().len().saturating_sub(1));
    if let Some(still) = film.stills().get(to) {
        state.cursor_t = still.t.min(state.timesteps() - 1);
        state.playback = Playback::Held { index: Some(to) };
    }
}

fn toggle_film(state: &mut State) {
    match state.playback {
        Playback::Live | Playback::Playing { .. } => {
            move_frame(state, 0);
            state.playback = match state.playback {
                held @ Playback::Held { .. } => held,
                _ => Playback::Held { index: None },
            };
        }
        Playback::Held { .. } => {
            let film = state.data().films.complete();
            let end = film.map_or(0, |film| film.stills().len().saturating_sub(1));
            let at = match (state.shown_still(), film) {
                (Some((_, still)), Some(film)) => film.position(still.index),
                _ => 0,
            };
            let index = if at >= end { 0 } else { at };
            state.playback = Playback::Playing { index, next_at: state.now + STILL_FOR };
        }
    }
}
