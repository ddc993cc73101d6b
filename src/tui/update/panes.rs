//! Denoising in several panes: asked for, filled, and closed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::film;
use crate::lab::PreviewFrame;
use crate::tui::archive::{ArchiveRequest, KeptOf, SampleOrder, SamplePane, SampleRequest};
use crate::tui::effect::Effect;
use crate::tui::panel::Panel;
use crate::tui::state::{
    Beside, BesidePane, CommandPalette, Films, Gravity, Learning, Overlay, PaneSettings, PaneSetup, Paned, PanedRun,
    State, after_the_word, panes_of_line, setups,
};

/// How often runs through training time are asked whether they have kept more.
const LOOK: Duration = Duration::from_secs(5);

/// Why there is nothing to sample.
const NO_RUN: &str = "there is no run folder yet: wait for the first step";
const NO_RAW: &str = "weights=raw: raw weights are in checkpoints, and this run has none yet: K saves one";
const EXAMPLE: &str =
    "as in beside guidance_scale=0 | guidance_scale=3: | parts the panes, and commas the values of a key";

/// Asks for the line, with what is side by side now in it.
pub fn ask_for_beside(state: &mut State) {
    let line = state.beside_panes().map(|beside| beside.line.trim().to_string()).unwrap_or_default();
    state.overlay = Some(Overlay::Palette(CommandPalette::with(format!("beside {line}"))));
}

/// Puts the settings of a line of the palette side by side; a line without any ends it.
///
/// # Errors
/// Which pane can't be, and why; nothing has changed then.
pub fn beside(state: &mut State, line: &str) -> Result<Vec<Effect>, String> {
    let rest = after_the_word(line).unwrap_or_default();
    let panes = panes_of_line(rest)?;
    if panes.is_empty() {
        if state.beside_panes().is_none() {
            return Err(format!("there is nothing to put side by side: {EXAMPLE}"));
        }
        state.overlay = None;
        return Ok(close(state));
    }
    let run = state.paned_run().ok_or(NO_RUN)?;
    let is_here = state.live.info.as_ref().is_some_and(|info| info.run_dir == run.dir);
    if is_here && state.trains_here() && state.saved.is_none() && panes.iter().any(|pane| pane.raw == Some(true)) {
        return Err(NO_RAW.into());
    }
    refuse_equal(&panes, &setups(&run, &panes)?.0)?;
    let effects = begin_beside(state, &run, rest, &panes)?;
    state.overlay = None;
    state.focus = Panel::Denoising;
    Ok(effects)
}

/// Panes that would show the same pictures have nothing to compare.
fn refuse_equal(typed: &[PaneSettings], setups: &[PaneSetup]) -> Result<(), String> {
    let alike = |a: &PaneSetup, b: &PaneSetup| {
        (a.step, a.raw, a.settings.of_preview()) == (b.step, b.raw, b.settings.of_preview())
    };
    for (i, setup) in setups.iter().enumerate() {
        let Some(other) = setups[..i].iter().position(|other| alike(other, setup)) else { continue };
        let is_as_set = |at: usize| typed.get(at).is_some_and(|pane| *pane == PaneSettings::default());
        return Err(match (is_as_set(other), is_as_set(i)) {
            (true, false) => format!("pane {} would be as the run is set already, in pane {}", i + 1, other + 1),
            (false, true) => format!("pane {} would be as the run is set already, in pane {}", other + 1, i + 1),
            _ => format!("panes {} and {} would be the same: give one of them another value", other + 1, i + 1),
        });
    }
    Ok(())
}

fn begin_beside(state: &mut State, run: &PanedRun, line: &str, panes: &[PaneSettings]) -> Result<Vec<Effect>, String> {
    let (setups, warnings) = setups(run, panes)?;
    let panes: Vec<BesidePane> = setups
        .into_iter()
        .map(|setup| BesidePane {
            label: setup.label,
            asked: SamplePane {
                dir: run.dir.clone(),
                step: setup.step,
                raw: setup.raw,
                settings: Some(Arc::new(setup.settings)),
            },
            films: Films::default(),
            trouble: None,
        })
        .collect();
    let asked = panes.iter().map(|pane| pane.asked.clone()).collect();
    state.panes.playing = None;
    state.cursor_t = state.timesteps() - 1;
    state.panes.shown =
        Paned::Beside(Box::new(Beside { dir: run.dir.clone(), line: line.to_string(), panes, shape: (0, 0, 0) }));
    for warning in warnings {
        state.news.tell(state.now, Gravity::Warning, warning);
    }
    Ok(vec![request(state, asked, run, SampleOrder::Together)])
}

/// Samples for the panes, in place of those before.
fn request(state: &mut State, panes: Vec<SamplePane>, run: &PanedRun, order: SampleOrder) -> Effect {
    let seed = run.config.as_ref().map_or(0, |config| config.seed).wrapping_add(state.panes.drawn);
    Effect::Ask(ArchiveRequest::Denoise(Box::new(SampleRequest {
        round: state.panes.next_round(),
        panes,
        seed,
        num: state.pane_images(),
        order,
        gently: state.trains_here(),
    })))
}

/// Puts Denoising into training time, or back.
pub fn training_time(state: &mut State) -> Vec<Effect> {
    if state.learning().is_some() { close(state) } else { begin_learning(state, false) }
}

/// Training time with all steps at once, or one of them.
pub fn strip(state: &mut State) -> Vec<Effect> {
    let Some(learning) = state.learning_mut() else { return begin_learning(state, true) };
    learning.is_strip = !learning.is_strip;
    Vec::new()
}

fn begin_learning(state: &mut State, is_strip: bool) -> Vec<Effect> {
    let runs: Vec<(PathBuf, String, Option<usize>)> = match state.compared() {
        [] => state.paned_run().map(|run| (run.dir, run.name, None)).into_iter().collect(),
        runs => runs.iter().map(|run| (run.dir.clone(), run.name.clone(), Some(run.color))).collect(),
    };
    if runs.is_empty() {
        state.news.answer(state.now, Gravity::Info, NO_RUN);
        return Vec::new();
    }
    let dirs: Vec<PathBuf> = runs.iter().map(|(dir, ..)| dir.clone()).collect();
    state.panes.next_round();
    (state.panes.playing, state.panes.looked) = (None, state.now);
    let mut learning = Learning::of(runs);
    learning.is_strip = is_strip;
    state.panes.shown = Paned::Learning(Box::new(learning));
    state.focus = Panel::Denoising;
    // The finished samples.
    state.cursor_t = 0;
    vec![Effect::Ask(ArchiveRequest::StopDenoising), Effect::Ask(ArchiveRequest::Kept(dirs))]
}

/// Asks now and then whether more steps are kept, where all that are known are sampled.
pub fn look_again(state: &mut State) -> Vec<Effect> {
    let is_due = state.now.saturating_sub(state.panes.looked) >= LOOK;
    let Some(learning) = state.learning().filter(|learning| is_due && !learning.steps.is_empty()) else {
        return Vec::new();
    };
    if learning.ready() < learning.steps.len() {
        return Vec::new();
    }
    let dirs = learning.learners.iter().map(|run| run.dir.clone()).collect();
    state.panes.looked = state.now;
    vec![Effect::Ask(ArchiveRequest::Kept(dirs))]
}

/// The kept steps are known, or more of them: they are sampled, one after the other.
pub fn kept_came(state: &mut State, kept: &[KeptOf]) -> Vec<Effect> {
    let Some(learning) = state.learning_mut() else { return Vec::new() };
    if !learning.steps.is_empty() {
        return if learning.grow(kept) { sample_learning(state) } else { Vec::new() };
    }
    learning.found(kept);
    let notes = notes_of(learning);
    if learning.steps.is_empty() {
        let effects = close(state);
        let why = "no step of training is kept yet: K saves a checkpoint, and train.history keeps more";
        state.news.answer(state.now, Gravity::Warning, why);
        return effects;
    }
    for note in notes {
        state.news.tell(state.now, Gravity::Info, note);
    }
    sample_learning(state)
}

/// What runs have not kept, as it is told.
fn notes_of(learning: &Learning) -> Vec<String> {
    learning.learners.iter().filter_map(|run| Some(format!("{}: {}", run.name, run.note.as_ref()?))).collect()
}

fn sample_learning(state: &mut State) -> Vec<Effect> {
    let Some(run) = state.paned_run() else { return Vec::new() };
    // Runs that are compared are sampled as their own previews are.
    let settings = run.settings.clone().filter(|_| !state.is_comparing()).map(Arc::new);
    let Some(learning) = state.learning() else { return Vec::new() };
    let pane = |(dir, step): (&std::path::Path, u64)| SamplePane {
        dir: dir.to_path_buf(),
        step: Some(step),
        raw: false,
        settings: settings.clone(),
    };
    let panes = learning.panes().map(pane).collect();
    vec![request(state, panes, &run, SampleOrder::InTurn)]
}

/// The same panes from other noise.
pub fn draw_anew(state: &mut State) -> Vec<Effect> {
    state.panes.drawn += 1;
    again(state)
}

/// The same panes as the run is set now.
pub fn again(state: &mut State) -> Vec<Effect> {
    match &mut state.panes.shown {
        Paned::Nothing => Vec::new(),
        Paned::Beside(beside) => {
            let (line, dir) = (beside.line.clone(), beside.dir.clone());
            let Some(run) = state.run_in(&dir) else { return Vec::new() };
            let begun = panes_of_line(&line).and_then(|panes| begin_beside(state, &run, &line, &panes));
            begun.unwrap_or_else(|why| {
                state.news.answer(state.now, Gravity::Warning, format!("the panes stay as they are: {why}"));
                Vec::new()
            })
        }
        Paned::Learning(learning) => {
            learning.clear();
            sample_learning(state)
        }
    }
}

/// Back to the film, or to the compared runs.
pub fn close(state: &mut State) -> Vec<Effect> {
    if !state.is_paned() {
        return Vec::new();
    }
    state.panes.next_round();
    if let Some(learning) = state.learning() {
        let notes = notes_of(learning);
        notes.iter().for_each(|note| state.news.withdraw(note));
    }
    (state.panes.shown, state.panes.playing) = (Paned::Nothing, None);
    film::go_live(state);
    vec![Effect::Ask(ArchiveRequest::StopDenoising)]
}

/// A frame of one of the panes, or of the compared runs.
pub fn frame_came(state: &mut State, (round, pane): (u64, usize), frame: &PreviewFrame, shape: (usize, usize, usize)) {
    if round != state.panes.round {
        return;
    }
    match &mut state.panes.shown {
        Paned::Nothing => {
            if let Some(run) = state.live.compared.get_mut(pane) {
                run.shape = shape;
                run.films.push(frame, None);
            }
        }
        Paned::Beside(beside) => {
            beside.push(pane, frame, shape);
            // They go once all have begun.
            let began = |pane: &BesidePane| pane.films.newest().is_some() || pane.trouble.is_some();
            if frame.index == 0 && beside.panes.iter().all(began) {
                state.panes.playing = Some(state.now);
            }
        }
        Paned::Learning(learning) => learning.push(pane, frame, shape),
    }
}

/// A pane that can't be sampled.
pub fn no_frames(state: &mut State, (round, pane): (u64, usize), why: String) {
    if round != state.panes.round {
        return;
    }
    let why = why.lines().next().unwrap_or_default().to_string();
    let of = match &mut state.panes.shown {
        Paned::Nothing => state.live.compared.get_mut(pane).map(|run| {
            run.trouble = Some(why.clone());
            run.dir.display().to_string()
        }),
        // The pane itself says it.
        Paned::Beside(beside) => {
            if let Some(pane) = beside.panes.get_mut(pane) {
                pane.trouble = Some(why.clone());
            }
            None
        }
        Paned::Learning(learning) => {
            let of = learning.panes().nth(pane).map(|(_, step)| format!("step {step}"));
            learning.fail(pane, why.clone());
            of
        }
    };
    if let Some(of) = of {
        state.news.tell(state.now, Gravity::Warning, format!("{of}: {why}"));
    }
}
