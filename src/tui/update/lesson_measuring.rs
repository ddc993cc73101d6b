//! The fewest steps of sampling, measured: samples of the run on the screen are drawn, and a judge reads them.

use super::lesson_saying::{finish, say};
use crate::course::{Deed, fewer_steps, is_fewest};
use crate::tui::archive::{ArchiveRequest, ReadRequest};
use crate::tui::effect::Effect;
use crate::tui::state::{Said, State};

/// Samples that the judge reads for each number of steps.
const NUM: usize = 200;

/// Has samples of the run drawn and read, with so many steps and with fewer.
pub fn measure(state: &mut State, line: &str) -> Vec<Effect> {
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
