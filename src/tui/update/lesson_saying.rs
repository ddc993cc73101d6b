//! What is said below a task of the course, and what is done.

use crate::tui::effect::Learned;
use crate::tui::state::{Lesson, Said};

/// Says something below the chosen task.
pub fn say(lesson: &mut Lesson, said: Said) {
    if let Some(task) = lesson.task_mut() {
        task.said = Some(said);
    }
    lesson.break_lines();
    lesson.show_chosen();
}

/// The `nth` task is done.
pub fn finish(lesson: &mut Lesson, nth: usize, said: Said) -> Option<Learned> {
    let (seed, station) = (lesson.seed, lesson.station().station.id.clone());
    let task = lesson.tasks.get_mut(nth)?;
    (task.done, task.said) = (true, Some(said));
    let task = task.id.clone();
    lesson.progress.tick(&station, &task);
    lesson.break_lines();
    Some(Learned { seed, station, task })
}
