//! What each action does.

use std::path::PathBuf;

pub use super::film::{move_cursor, move_frame, put_cursor};
use super::{
    album, autoencoder, change, comparing, experiment, explaining, film, ladder, panes, reading, runs, sampling, undo,
    zoom,
};
use crate::config::PathName;
use crate::lab::{Command, Phase};
use crate::tui::action::Action;
use crate::tui::chart::Marker;
use crate::tui::effect::Effect;
use crate::tui::guide::is_steering;
use crate::tui::panel::Panel;
use crate::tui::state::{Bench, CommandPalette, Curves, Gravity, Overlay, Playback, SMOOTHINGS, State};

/// The learning rate can be changed by this factor either way.
pub const MOST_LEARNING_RATE_SCALE: f64 = 1024.0;
const BUDGET_STEP: f64 = 0.05;
const MOST_BUDGET: f64 = 0.5;

/// Does it.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    state.story.hello.note(action);
    state.news.listen();
    if let Some(effects) = experiment::act(state, action) {
        return effects;
    }
    if state.is_watched() && is_steering(action) {
        let why = match state.only_compares() {
            true => "these runs are only looked at; q leaves".into(),
            false => format!("this run is looked at, not trained here: {}", state.who_steers()),
        };
        tell(state, why);
        return Vec::new();
    }
    if let Some(effects) = autoencoder::act(state, action) {
        return effects;
    }
    match action {
        Action::FocusNext => focus(state, state.focus.next()),
        Action::FocusPrevious => focus(state, state.focus.previous()),
        Action::Focus(panel) => focus(state, panel),
        Action::Zoom => state.zoomed = !state.zoomed,
        Action::Back => return back(state),
        Action::TogglePause => return toggle_pause(state),
        Action::StepOnce => return command(state, Command::StepOnce),
        Action::Snapshot => {
            let effects = command(state, Command::Snapshot);
            if !effects.is_empty() {
                state.snapshots_awaited += 1;
                tell(state, "snapshot: drawing the samples …");
            }
            return effects;
        }
        Action::Checkpoint => return command(state, Command::Checkpoint),
        Action::SampleNow if state.is_paned() => return panes::draw_anew(state),
        Action::SampleNow if state.is_comparing() => return comparing::denoise(state),
        Action::SampleNow => {
            let effects = command(state, Command::SampleNow);
            if !effects.is_empty() {
                film::go_live(state);
                film::hurry(state);
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
        Action::ToggleFilm => film::toggle(state),
        Action::ClassNext
        | Action::ClassPrevious
        | Action::GuidanceUp
        | Action::GuidanceDown
        | Action::NextSampler
        | Action::MoreSteps
        | Action::FewerSteps
        | Action::NextEta => {
            if state.only_compares() {
                tell(state, "runs that are compared are sampled as their own configs say");
                return Vec::new();
            }
            if state.ended {
                return command(state, Command::SampleNow);
            }
            let before = state.controls.live.sampling.clone();
            let effects = sampling::change(state, action);
            let again = if state.controls.live.sampling == before { Vec::new() } else { panes::again(state) };
            return [effects, again].concat();
        }
        Action::LearningRateUp => return learning_rate(state, state.controls.live.learning_rate_scale * 2.0),
        Action::LearningRateDown => return learning_rate(state, state.controls.live.learning_rate_scale / 2.0),
        Action::LearningRateReset => return learning_rate(state, 1.0),
        Action::ToggleLogY => state.plots.log_y = !state.plots.log_y,
        Action::ToggleLogX => state.plots.log_x = !state.plots.log_x,
        Action::NextXAxis => state.plots.x_axis = state.next_x_axis(),
        Action::NextCurve => state.plots.plotted = state.plots.plotted.next(),
        Action::PreviousCurve => state.plots.plotted = state.plots.plotted.previous(),
        Action::ReadCurves => reading::toggle(state),
        Action::ReadEarlier | Action::ReadLater | Action::ReadFarEarlier | Action::ReadFarLater => {
            match state.reading {
                Some(_) => reading::step(state, action),
                None => return act(state, reading::through_t(action)),
            }
        }
        Action::NextMark => reading::to_mark(state, true),
        Action::PreviousMark => reading::to_mark(state, false),
        Action::Bookmark => reading::ask_for_bookmark(state),
        Action::Compare => comparing::ask(state),
        Action::NextRun => comparing::choose(state, 1),
        Action::PreviousRun => comparing::choose(state, -1),
        Action::PinRun => comparing::pin(state),
        Action::ToggleDifference => comparing::toggle_difference(state),
        Action::Explain => return explaining::open(state),
        Action::Course => tell(state, "no course is open: `difflab course` opens one"),
        Action::Differences => comparing::show_differences(state),
        Action::Album => return album::open(state),
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
        Action::NextScheduleView => {
            let path = state.curves.as_ref().map_or(PathName::Vp, Curves::path);
            state.plots.schedule_view = state.plots.schedule_view.next(path);
        }
        Action::NextTimeAxis => state.plots.time_axis = state.plots.time_axis.next(),
        Action::NextExample => {
            let examples = state.live.info.as_ref().map_or(1, |info| info.examples.len().max(1));
            state.plots.example = (state.plots.example + 1) % examples;
        }
        Action::NextPointsView if state.plane.is_none() => {
            tell(state, "points, density and field are for data in the plane, such as two-moons");
        }
        Action::NextPointsView => state.plots.points_view = state.plots.points_view.next(),
        Action::Beside => panes::ask_for_beside(state),
        Action::TrainingTime => return panes::training_time(state),
        Action::LearningStrip => return panes::strip(state),
        Action::ToggleFreeze => {
            state.frozen = match state.frozen.take() {
                Some(frozen) => {
                    if let Some(head) = state.playhead {
                        state.live.films.keep(&frozen.films, head.trajectory);
                    }
                    None
                }
                None => Some(Box::new(state.live.clone())),
            };
        }
        Action::NextTheme => next_theme(state),
        Action::NextMarker if state.ascii => tell(state, "the locale has nothing but ASCII; LC_ALL=C.UTF-8 has more"),
        Action::NextMarker => {
            state.thin_curves = false;
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
        Action::InRuns(action) => return runs::act(state, action),
        // The list of a run that is looked at is that of whoever looks.
        Action::Runs => return runs::open(state),
        Action::Fork => return runs::fork(state),
        Action::Messages => state.overlay = Some(Overlay::Messages { scroll: 0 }),
        Action::Help => state.overlay = Some(Overlay::Help { scroll: 0, filter: String::new() }),
        Action::Palette => open_palette(state, ""),
        Action::Undo => return undo::undo(state),
        Action::Redo => return undo::redo(state),
        Action::Redraw => return vec![Effect::Redraw],
        Action::Quit | Action::Leave if state.bench != Bench::Training => return vec![Effect::Quit],
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
    tell(state, "leaving without saving …");
    vec![Effect::Send(Command::Quit { save: false })]
}

/// Stays after all: the run could not be saved.
pub fn stay(state: &mut State) -> Vec<Effect> {
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
    if state.experiment.is_some() {
        return experiment::terminate(state);
    }
    state.overlay = None;
    let mut effects = change::forget(state);
    if state.ended || state.bench != Bench::Training {
        state.interrupted = true;
        effects.push(Effect::Quit);
        return effects;
    }
    state.leaving = true;
    tell(state, "saving, then leaving …");
    effects.push(Effect::Send(Command::Quit { save: true }));
    effects
}

/// Opens the command palette with a line in it.
pub fn open_palette(state: &mut State, line: impl Into<String>) {
    state.overlay = Some(Overlay::Palette(CommandPalette::with(line)));
}

/// Save and leave; asked a second time, leave without waiting.
fn leave(state: &mut State) -> Vec<Effect> {
    state.overlay = None;
    let mut effects = change::forget(state);
    let instead = !effects.is_empty();
    if state.ended {
        effects.push(Effect::Quit);
        return effects;
    }
    if state.leaving && !instead {
        return vec![Effect::Send(Command::Quit { save: false }), Effect::Quit];
    }
    let what = if state.rests_saved() || state.live.info.is_none() { "leaving" } else { "saving, then leaving" };
    tell(state, format!("{what} … (Ctrl-C again leaves at once)"));
    // A run that was being left for another is left already.
    if !state.leaving {
        effects.push(Effect::Send(Command::Leave));
    }
    state.leaving = true;
    effects
}

fn tell(state: &mut State, text: impl Into<String>) {
    state.news.answer(state.now, Gravity::Info, text);
}

/// Sends a command, or says that nobody would hear it.
fn command(state: &mut State, command: Command) -> Vec<Effect> {
    if state.ended {
        let why = if state.only_compares() {
            "these runs are only looked at; q leaves"
        } else {
            "the run has ended; q leaves"
        };
        tell(state, why);
        return Vec::new();
    }
    vec![Effect::Send(command)]
}

fn focus(state: &mut State, panel: Panel) {
    state.focus = panel;
}

fn back(state: &mut State) -> Vec<Effect> {
    // Nothing is left to close: to the list it was opened from.
    let is_live = state.playback == Playback::Live && state.cursor_step.is_none() && state.reading.is_none();
    let is_said = state.news.showing().is_some_and(|item| item.gravity != Gravity::Info);
    if state.bench == Bench::Beside && !state.zoomed && is_live && !is_said && !state.is_paned() {
        return vec![Effect::Quit];
    }
    if state.news.dismiss() {
    } else if state.zoomed {
        state.zoomed = false;
    } else if state.is_paned() && (state.focus == Panel::Denoising || state.reading.is_none()) {
        return panes::close(state);
    } else if state.reading.take().is_some() {
    } else if state.playback != Playback::Live {
        film::go_live(state);
    } else {
        state.cursor_step = None;
    }
    Vec::new()
}

fn toggle_pause(state: &mut State) -> Vec<Effect> {
    match state.phase {
        // Waiting for room: tried again at once.
        Phase::Paused | Phase::Waiting(_) => command(state, Command::Resume),
        Phase::Training | Phase::Starting(_) | Phase::Loading(_) => command(state, Command::Pause),
        // Of its own it has none.
        Phase::Finished if state.only_compares() => command(state, Command::Pause),
        Phase::Finished => {
            tell(state, "all steps are done; there is nothing to pause");
            Vec::new()
        }
        Phase::Stopping | Phase::Failed(_) | Phase::Resting { .. } => Vec::new(),
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
    let now = state.controls.live.preview_budget;
    let home = state.controls.homes.budget.unwrap_or(now);
    let rungs = ladder::multiples(BUDGET_STEP, MOST_BUDGET).chain([home]);
    let next = if by > 0.0 { ladder::above(rungs, now) } else { ladder::below(rungs, now) };
    let budget = next.unwrap_or(now);
    let effects = command(state, Command::SetPreviewBudget(budget));
    if !effects.is_empty() {
        state.controls.homes.budget = Some(home);
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
    if state.phase == Phase::Finished {
        tell(state, "all steps are done: no step takes the learning rate any more");
        return Vec::new();
    }
    let effects = command(state, Command::SetLearningRateScale(scale));
    if !effects.is_empty() {
        state.controls.live.learning_rate_scale = scale;
    }
    effects
}

/// The next colours; for the back row curves are thick as well.
fn next_theme(state: &mut State) {
    state.theme.cycle();
    if state.theme.is_for_the_back_row() && state.plots.marker == Marker::Braille {
        (state.plots.marker, state.thin_curves) = (Marker::Block, true);
    } else if std::mem::take(&mut state.thin_curves) {
        state.plots.marker = Marker::Braille;
    }
    tell(state, format!("colours: {}", state.theme.name.name()));
}

/// A hundredth of T, at least 1.
fn hundredth(state: &State) -> isize {
    (state.timesteps() / 100).max(1) as isize
}

/// Moves the heatmap's read-out by so many columns; beyond the newest it is live again.
pub fn move_column(state: &mut State, by: isize) {
    let heat = state.read_heat();
    let columns = heat.columns();
    let Some(newest) = columns.len().checked_sub(1) else { return };
    let at = state.cursor_step.and_then(|step| heat.column_at(step)).unwrap_or(newest);
    let to = at.saturating_add_signed(by);
    state.cursor_step = (to < newest).then(|| columns[to].last_step);
}
