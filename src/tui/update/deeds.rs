//! What a learner has done in the lab, held against what the course asks for.

use std::time::Duration;

use crate::course::{LabSight, SeenFilm};
use crate::explain::Topic;
use crate::tui::effect::{Effect, Learned};
use crate::tui::state::{Gravity, Lesson, LessonTask, Overlay, Playback, Said, State};

/// An explanation that was only turned past was not read.
const READING: Duration = Duration::from_secs(6);

/// Cursor and frame before a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    cursor_t: usize,
    is_held: bool,
    frame: Option<(u64, usize)>,
}

impl Before {
    pub fn of(state: &State) -> Self {
        let is_held = state.playback == Playback::Held;
        Self { cursor_t: state.cursor_t, is_held, frame: state.playhead.map(|head| (head.trajectory, head.index)) }
    }
}

/// Looks at what a message has brought to light.
pub fn watch(state: &mut State, before: Before, by_a_person: bool) -> Vec<Effect> {
    let Some(mut lesson) = state.lesson.take() else { return Vec::new() };
    note(state, &mut lesson, before, by_a_person);
    let learned = if state.is_covered() { Vec::new() } else { seen(state, &mut lesson) };
    for task in &learned {
        let number = lesson.tasks.iter().position(|other| other.id == task.task).unwrap_or(0) + 1;
        state.news.tell(state.now, Gravity::Info, format!("✓ task {number} of the course is done"));
    }
    state.lesson = Some(lesson);
    learned.into_iter().map(Effect::Learned).collect()
}

fn note(state: &State, lesson: &mut Lesson, before: Before, by_a_person: bool) {
    let now = Before::of(state);
    // Where the film is held the cursor is put too, though it is there already.
    let is_put = by_a_person && now.is_held && !before.is_held;
    if now.cursor_t != before.cursor_t || is_put {
        lesson.sight.cursor(now.cursor_t, state.now, by_a_person);
    }
    let held = now.is_held && state.sees_film();
    if let Some((film, index)) = now.frame.filter(|_| by_a_person && held && now.frame != before.frame) {
        lesson.sight.frame(film, index);
    }
}

/// Ticks what is to be seen; returns the tasks that are done by it.
fn seen(state: &State, lesson: &mut Lesson) -> Vec<Learned> {
    let Some(sight) = sight(state, lesson) else { return Vec::new() };
    let (seed, station) = (lesson.seed, lesson.station().station.id.clone());
    let mut learned = Vec::new();
    let mut changed = false;
    for task in lesson.tasks.iter_mut().filter(|task| !task.done) {
        let Some(deed) = &task.deed else { continue };
        for part in 0..task.parts.len() {
            if !task.parts[part] && deed.sees(part, &sight) {
                (task.parts[part], changed) = (true, true);
            }
        }
        if !task.parts.is_empty() && task.parts.iter().all(|seen| *seen) {
            (task.done, task.said) = (true, Some(Said::Solution));
            learned.push(Learned { seed, station: station.clone(), task: task.id.clone() });
        }
    }
    for done in &learned {
        lesson.progress.tick(&done.station, &done.task);
    }
    if changed {
        lesson.break_lines();
    }
    learned
}

/// What is to be seen now; `None` before the run has a schedule.
fn sight<'a>(state: &'a State, lesson: &Lesson) -> Option<LabSight<'a>> {
    let film = state.shown_still().filter(|_| state.sees_film()).and_then(|(film, still)| {
        let ended = film.is_complete() && still.index >= film.total;
        ended.then(|| SeenFilm {
            sample: &film.settings.sample,
            steps: film.settings.preview_steps(),
            step: still.step,
        })
    });
    Some(LabSight {
        step: state.live.history.latest.as_ref().map_or(0, |record| record.step),
        schedule: &state.curves.as_ref()?.run,
        cursor: lesson.sight.put(state.cursor_t, state.now),
        explained: explained(state),
        frames: lesson.sight.frames(),
        film,
    })
}

fn explained(state: &State) -> Option<Topic> {
    match &state.overlay {
        Some(Overlay::Explain(shown)) => {
            let read = shown.read_since.is_some_and(|since| state.now.saturating_sub(since) >= READING);
            shown.explanation().filter(|_| read).map(|_| shown.topic)
        }
        _ => None,
    }
}

/// Why nothing of a task's deed can count yet.
pub fn waits_for(state: &State, lesson: &Lesson, task: &LessonTask) -> Option<String> {
    let sight = sight(state, lesson)?;
    task.deed.as_ref()?.waits_for(&sight)
}
