//! Keys on the course's page.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::lesson_saying::{finish, say};
use super::{deeds, lesson_measuring, setting};
use crate::course::{Deed, Expected};
use crate::tui::effect::Effect;
use crate::tui::state::{Gravity, Lesson, Overlay, Said, State};

/// Letters of an answer.
const LONGEST: usize = 24;

/// Takes a key.
pub fn key(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    let Some(lesson) = &mut state.lesson else { return Vec::new() };
    let rows = lesson.room.1.max(2) as isize;
    match event.code {
        KeyCode::Tab => choose(lesson, lesson.chosen + 1),
        KeyCode::BackTab => choose(lesson, (lesson.chosen + lesson.tasks.len()).saturating_sub(1)),
        KeyCode::Up => scroll(lesson, -1),
        KeyCode::Down => scroll(lesson, 1),
        KeyCode::PageUp => scroll(lesson, 1 - rows),
        KeyCode::PageDown => scroll(lesson, rows - 1),
        KeyCode::Home => scroll(lesson, isize::MIN / 2),
        KeyCode::End => scroll(lesson, isize::MAX / 2),
        KeyCode::Backspace => drop(lesson.line.pop()),
        KeyCode::Enter => return answer(state),
        KeyCode::Char('u') if event.modifiers.contains(KeyModifiers::CONTROL) => lesson.line.clear(),
        KeyCode::Char(c) if !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => match c {
            c if lesson.takes(c) => write(state, c),
            'h' => say(lesson, Said::Hint),
            's' => say(lesson, Said::Solution),
            'n' => turn_to(lesson, lesson.at + 1),
            'p' => turn_to(lesson, lesson.at.wrapping_sub(1)),
            'r' => return open_run(state),
            _ => {}
        },
        _ => {}
    }
    Vec::new()
}

/// Puts a letter into the answer, where the task takes it. A choice is one letter.
pub fn write(state: &mut State, c: char) {
    let Some(lesson) = &mut state.lesson else { return };
    if !lesson.takes(c) {
        return;
    }
    let Some(task) = lesson.task() else { return };
    // What was wrong, or another letter, is not typed on.
    let judged = lesson.answered.as_deref() == Some(lesson.line.trim());
    if judged || matches!(task.question.expected, Expected::Choice { .. }) {
        lesson.line.clear();
    }
    if lesson.line.chars().count() < LONGEST {
        lesson.line.push(c);
    }
}

/// Chooses a task; beyond the last is the first.
pub fn choose(lesson: &mut Lesson, task: usize) {
    lesson.chosen = task % lesson.tasks.len().max(1);
    lesson.line.clear();
    lesson.break_lines();
    lesson.show_chosen();
}

pub fn scroll(lesson: &mut Lesson, by: isize) {
    let last = lesson.page.len().saturating_sub(lesson.room.1);
    lesson.scroll = lesson.scroll.saturating_add_signed(by).min(last);
}

fn turn_to(lesson: &mut Lesson, at: usize) {
    if at < lesson.stations.len() {
        lesson.go_to(at);
    }
}

/// Judges what is typed.
fn answer(state: &mut State) -> Vec<Effect> {
    let Some(lesson) = &state.lesson else { return Vec::new() };
    let Some(task) = lesson.task() else { return Vec::new() };
    let line = lesson.line.trim().to_string();
    let said = match (&task.question.expected, &task.deed) {
        (Expected::Done, Some(Deed::FewestSteps { .. })) => return lesson_measuring::measure(state, &line),
        (Expected::Done, Some(_)) if task.done => Said::Right,
        (Expected::Done, Some(_)) => {
            let waits = deeds::waits_for(state, lesson, task).map_or(String::new(), |waits| format!(" It {waits}."));
            Said::Mend(format!("The lab sees it by itself when it is done: F2 goes there.{waits}"))
        }
        // Nobody sees it: the learner's word.
        (Expected::Done, None) => return right(state),
        _ => match task.question.judge(&line) {
            Ok(true) => return right(state),
            Ok(false) => Said::Wrong(line),
            Err(why) => Said::Mend(format!("Type your answer, then Enter: {why}.")),
        },
    };
    if let Some(lesson) = &mut state.lesson {
        lesson.answered = Some(lesson.line.trim().to_string());
        say(lesson, said);
    }
    Vec::new()
}

/// The chosen task is done.
fn right(state: &mut State) -> Vec<Effect> {
    let Some(lesson) = &mut state.lesson else { return Vec::new() };
    lesson.line.clear();
    let learned = finish(lesson, lesson.chosen, Said::Right);
    lesson.show_chosen();
    learned.map(Effect::Learned).into_iter().collect()
}

/// Opens the run that the chosen task is about, in place of the one on the screen.
fn open_run(state: &mut State) -> Vec<Effect> {
    let Some(lesson) = &state.lesson else { return Vec::new() };
    let secret = lesson.wanted_run().and_then(|run| run.run.as_ref()).filter(|run| run.secret);
    let secret = secret.map(|run| run.title.clone());
    let wanted = lesson.wanted_run().map(|run| run.config.clone());
    let config = match wanted {
        Some(Ok(config)) => config,
        Some(Err(why)) => {
            state.news.answer(state.now, Gravity::Warning, format!("the station's run: {why}"));
            return Vec::new();
        }
        None => return Vec::new(),
    };
    match setting::other_run(state, config) {
        Ok(mut wanted) => {
            // What is wrong with it is the question.
            if let Some(title) = secret {
                (wanted.asked, wanted.warnings) =
                    (vec![format!("{title}: its settings are yours to find out")], Vec::new());
            }
            state.overlay = Some(Overlay::NewRun(Box::new(wanted)));
        }
        Err(why) => state.news.answer(state.now, Gravity::Warning, why),
    }
    Vec::new()
}
