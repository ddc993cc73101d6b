//! What was answered, and what is right.

use anyhow::Result;

use crate::cli::UsageError;
use crate::course::{CourseProgress, Expected, Station, question};
use crate::explain::latex::unicode_within;

/// What there is to say about some answers.
pub struct JudgedAnswers {
    pub said: String,
    /// Is there anything new to keep?
    pub learned: bool,
}

/// Judges each answer and ticks those that are right. Nothing is ticked unless all of them are answers.
///
/// # Errors
/// A usage error for a task that is not there, or what is no answer to it; when a question can't be asked.
pub fn judge(
    station: &Station,
    seed: u64,
    answers: &[(usize, String)],
    progress: &mut CourseProgress,
) -> Result<JudgedAnswers> {
    let mut found = Vec::new();
    for (number, answer) in answers {
        let Some(task) = number.checked_sub(1).and_then(|i| station.tasks.get(i)) else {
            let problem = format!("--check: there is no task {number}, only 1 to {}", station.tasks.len());
            return Err(UsageError::new(problem).into());
        };
        let asking = question(station, task, seed)?;
        let right =
            asking.judge(answer).map_err(|said| UsageError::new(format!("--check {number}={answer}: {said}")))?;
        found.push((number, answer, task, asking, right));
    }
    let mut said = String::new();
    for (number, answer, task, asking, right) in &found {
        if *right {
            progress.tick(&station.id, &task.id);
        }
        said.push_str(&match (right, &asking.expected) {
            (true, Expected::Done) => format!("{number}: done, by your word ✓\n"),
            (true, _) => format!("{number}: {answer} is right ✓\n"),
            (false, _) => format!("{number}: {answer} is not it. Hint: {}\n", unicode_within(asking.hint.trim())),
        });
    }
    if found.iter().any(|(.., right)| !right) {
        said.push_str("The worked solutions are on the sheet: --sheet --solutions\n");
    }
    let done = progress.of(&station.id);
    let done = station.tasks.iter().filter(|task| done.contains(&task.id)).count();
    let numbers = if seed == 0 { String::new() } else { format!(" (the numbers of seed {seed})") };
    said.push_str(&format!("{}: {done} of {} done{numbers}\n", station.title, station.tasks.len()));
    Ok(JudgedAnswers { said, learned: found.iter().any(|(.., right)| *right) })
}
