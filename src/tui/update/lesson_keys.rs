//! Keys on the course's page.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{deeds, setting};
use crate::course::{Deed, Expected, fewer_steps, is_fewest};
use crate::tui::archive::{ArchiveRequest, ReadRequest};
use crate::tui::effect::{Effect, Learned};
use crate::tui::state::{Gravity, Lesson, Overlay, Said, State};

/// Letters of an answer.
const LONGEST: usize = 24;

/// Samples that the judge reads for each number of steps.
const NUM: usize = 200;

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
    let judged = matches!(&task.said, Some(Said::Wrong(wrong)) if *wrong == lesson.line.trim());
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

fn say(lesson: &mut Lesson, said: Said) {
    if let Some(task) = lesson.task_mut() {
        task.said = Some(said);
    }
    lesson.break_lines();
    lesson.show_chosen();
}

/// Judges what is typed.
fn answer(state: &mut State) -> Vec<Effect> {
    let Some(lesson) = &state.lesson else { return Vec::new() };
    let Some(task) = lesson.task() else { return Vec::new() };
    let line = lesson.line.trim().to_string();
    let said = match (&task.question.expected, &task.deed) {
        (Expected::Done, Some(Deed::FewestSteps { .. })) => return measure(state, &line),
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

fn finish(lesson: &mut Lesson, nth: usize, said: Said) -> Option<Learned> {
    let (seed, station) = (lesson.seed, lesson.station().station.id.clone());
    let task = lesson.tasks.get_mut(nth)?;
    (task.done, task.said) = (true, Some(said));
    let task = task.id.clone();
    lesson.progress.tick(&station, &task);
    lesson.break_lines();
    Some(Learned { seed, station, task })
}

/// Has samples of the run drawn and read, with so many steps and with fewer.
fn measure(state: &mut State, line: &str) -> Vec<Effect> {
    let run = state.live.info.as_ref().map(|info| info.run_dir.clone());
    let settings = state.controls.live.sampling.clone();
    let saved = state.saved.is_some();
    let most = state.timesteps();
    let Some(lesson) = &mut state.lesson else { return Vec::new() };
    let waits = lesson.tasks.iter().any(|task| matches!(task.said, Some(Said::Measuring(_))));
    let refusal = match (line.parse::<usize>(), &run) {
        _ if waits => "Samples are being drawn; wait for them.".into(),
        (Err(_) | Ok(0), _) => "Type a number of steps, 1 or more, then Enter.".into(),
        (Ok(steps), _) if steps > most => format!("There are {most} timesteps, and no more steps than that."),
        (_, None) => "The run has not begun yet.".into(),
        (Ok(_), Some(_)) if !saved => {
            "The run has no checkpoint yet: F2, then K saves one. Let it train for a minute first.".into()
        }
        (Ok(steps), Some(dir)) => {
            let numbers: Vec<usize> = [Some(steps), fewer_steps(steps)].into_iter().flatten().collect();
            let with: Vec<String> = numbers.iter().map(usize::to_string).collect();
            let with = with.join(" and with ");
            say(lesson, Said::Measuring(format!("Drawing {NUM} samples with {with} steps, for the judge to read …")));
            let request = ReadRequest { dir: dir.clone(), settings, steps: numbers, num: NUM };
            return vec![Effect::Ask(ArchiveRequest::ReadAsAsked(Box::new(request)))];
        }
    };
    say(lesson, Said::Mend(refusal));
    Vec::new()
}

/// Samples were read.
pub fn measured(state: &mut State, request: &ReadRequest, read: Result<(u64, Vec<usize>), String>) -> Vec<Effect> {
    let Some(lesson) = &mut state.lesson else { return Vec::new() };
    let Some(nth) = lesson.tasks.iter().position(|task| matches!(task.said, Some(Said::Measuring(_)))) else {
        return Vec::new();
    };
    let Some(Deed::FewestSteps { share }) = lesson.tasks[nth].deed else { return Vec::new() };
    let (right, said) = match read {
        Err(why) => (false, Said::Mend(format!("The samples can't be read: {why}."))),
        Ok((step, counts)) => {
            let percent = |n: usize| format!("{:.1} %", 100.0 * n as f64 / request.num.max(1) as f64);
            let counted: Vec<String> = request
                .steps
                .iter()
                .zip(&counts)
                .map(|(steps, n)| format!("with {steps} steps {} are read as asked", percent(*n)))
                .collect();
            let measured = format!("{} (of {}, weights of step {step})", counted.join(", "), request.num);
            let first = counts.first().copied().unwrap_or(0);
            let (enough, too_many) = is_fewest(share, request.num, first, counts.get(1).copied());
            let verdict = match (enough, too_many) {
                (true, false) => "Right",
                (true, true) => "Fewer steps do",
                _ => "These are too few, or the run has to train on",
            };
            (enough && !too_many, Said::Measured(enough && !too_many, format!("{verdict}: {measured}.")))
        }
    };
    if right {
        lesson.line.clear();
        return finish(lesson, nth, said).map(Effect::Learned).into_iter().collect();
    }
    lesson.tasks[nth].said = Some(said);
    lesson.break_lines();
    lesson.show_chosen();
    Vec::new()
}

/// Opens the run that the chosen task is about, in place of the one on the screen.
fn open_run(state: &mut State) -> Vec<Effect> {
    let Some(lesson) = &state.lesson else { return Vec::new() };
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
        Ok(wanted) => state.overlay = Some(Overlay::NewRun(Box::new(wanted))),
        Err(why) => state.news.answer(state.now, Gravity::Warning, why),
    }
    Vec::new()
}
