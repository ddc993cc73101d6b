//! An experiment on a terminal: how it goes is told to its screen.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::held::HeldExperiment;
use crate::data::shown_text;
use crate::headless;
use crate::lab::{Event, LabPlan, Outcome, Phase, RunInfo, Together, train_together};
use crate::speak;
use crate::tui::browser::ReadyFork;
use crate::tui::experiment::{
    Carried, ExperimentFacts, ExperimentLink, ExperimentPhase, ExperimentStanding, ExperimentView,
};
use crate::tui::terminal::abilities;
use crate::tui::{self, TuiOptions};

/// Time between two words on how far it is.
const EVERY: Duration = Duration::from_millis(100);

/// What follows when all is measured: the fork that a person asked for on the screen, where one did.
#[must_use]
pub struct Next(Option<Box<ReadyFork>>);

impl Next {
    /// Goes on with it.
    ///
    /// # Errors
    /// Those of a lab.
    pub fn begin(self) -> Result<Outcome> {
        match self.0 {
            Some(fork) => tui::begin_fork(*fork, TuiOptions::default()),
            None => Ok(Outcome::Done),
        }
    }
}

/// Does `work`, behind a screen where there is one and `no_tui` doesn't refuse it. `Break` where that is all: it was stopped,
/// saved, which has been said.
///
/// # Errors
/// Those of the work, and of the screen.
pub fn carry_out<T: Send>(
    no_tui: bool,
    (facts, view, held): (ExperimentFacts, ExperimentView, &HeldExperiment),
    work: impl FnOnce(Option<&ExperimentLink>) -> Result<Carried<T>> + Send,
) -> Result<ControlFlow<Outcome, (T, Next)>> {
    let kind = facts.kind;
    let (came, outcome, fork) = match has_screen(no_tui) {
        true => tui::show_experiment(facts, view, &TuiOptions::default(), |link| work(Some(link)))?,
        false => match work(None)? {
            Ok(came) => (Ok(came), Outcome::Done, None),
            Err(place) => (Err(place), Outcome::Interrupted, None),
        },
    };
    held.put_back()?;
    let goes_on = held.goes_on();
    let stopped = match (came, &outcome) {
        (Ok(came), Outcome::Done) => {
            if fork.is_some() {
                speak::remark(format_args!("the fork begins when the {kind} is measured"));
            }
            return Ok(ControlFlow::Continue((came, Next(fork))));
        }
        (Ok(_), Outcome::Interrupted) => format!("all runs are trained, and not yet compared: {goes_on}"),
        (Err(place), Outcome::Done) => format!("stopped{place}, and saved: {goes_on}"),
        (Err(place), Outcome::Interrupted) => format!("interrupted{place}, and saved: {goes_on}"),
    };
    speak::remark(stopped);
    Ok(ControlFlow::Break(outcome))
}

/// Is there a screen for an experiment? Says why not, where a terminal has none.
fn has_screen(no_tui: bool) -> bool {
    if no_tui || !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return false;
    }
    let why_not = abilities::no_screen();
    if let Some(why_not) = &why_not {
        speak::remark(format_args!("difflab: {why_not}: training without a screen (--no-tui)"));
    }
    why_not.is_none()
}

/// Trains these runs in turns, or the only one, to their ends; tells the screen where there is one, else standard error.
/// `part` says which of the experiment's runs they are, and `failed` how many have failed before.
///
/// # Errors
/// As [`train_together`].
pub fn train(
    runs: Vec<(String, LabPlan)>,
    (part, failed): (&str, usize),
    screen: Option<&ExperimentLink>,
) -> Result<Together> {
    let Some(link) = screen else { return headless::follow(runs) };
    let (names, plans): (Vec<String>, Vec<LabPlan>) = runs.into_iter().unzip();
    let mut told =
        Told { part: part.into(), failed, sides: names.into_iter().map(Side::new).collect(), next: Instant::now() };
    link.stands(told.standing());
    train_together(plans, &link.asks, &mut |which, event, _| told.event(which, event, link))
}

/// How a run stands.
struct Side {
    name: String,
    info: Option<Arc<RunInfo>>,
    step: u64,
    images_per_s: f64,
    phase: ExperimentPhase,
    ended: bool,
}

impl Side {
    fn new(name: String) -> Self {
        Self { name, info: None, step: 0, images_per_s: f64::NAN, phase: ExperimentPhase::Opening, ended: false }
    }

    fn steps(&self) -> u64 {
        self.info.as_ref().map_or(0, |info| info.config.train.steps)
    }

    /// Seconds of training to its end: while it has its turn it is as quick as alone.
    fn left(&self) -> Option<f64> {
        let images = self.steps().saturating_sub(self.step) * self.info.as_ref()?.config.train.batch_size as u64;
        Some(images as f64 / self.images_per_s).filter(|seconds| seconds.is_finite())
    }
}

/// What the screen is told of runs that train.
struct Told {
    part: String,
    failed: usize,
    sides: Vec<Side>,
    next: Instant,
}

impl Told {
    fn event(&mut self, which: usize, event: &Event, link: &ExperimentLink) {
        let side = &mut self.sides[which];
        let named = |sentence: &str| {
            let first = sentence.lines().next().unwrap_or_default();
            shown_text(&format!("{}: {first}", side.name))
        };
        let before = self.next;
        match event {
            Event::Step(record) => {
                (side.step, side.images_per_s) = (record.step, record.images_per_s);
                if Instant::now() < before && side.step < side.steps() {
                    return;
                }
            }
            Event::Ready(info) => {
                info.warnings.iter().for_each(|warning| link.warn(named(warning)));
                info.going_on().iter().for_each(|line| link.say(named(line)));
                (side.step, side.info) = (info.start_step, Some(info.clone()));
            }
            Event::Phase(Phase::Failed(why)) => {
                link.warn(named(why));
                self.failed += 1;
            }
            Event::Phase(phase) => {
                if let Phase::Waiting(why) = phase {
                    link.warn(named(&format!("training waits: {why}")));
                }
                side.phase = match phase {
                    Phase::Training => ExperimentPhase::Training,
                    Phase::Paused => ExperimentPhase::Paused,
                    Phase::Waiting(_) => ExperimentPhase::Waiting,
                    Phase::Stopping => ExperimentPhase::Stopping,
                    _ => side.phase,
                };
            }
            Event::Warning { message, .. }
            | Event::FolderMoved { message, .. }
            | Event::SnapshotLost { message, .. } => {
                return link.warn(named(message));
            }
            Event::CannotSave { reason, .. } => return link.warn(named(&format!("it cannot be saved: {reason}"))),
            Event::Ended(_) => {
                side.ended = true;
                if self.sides.iter().all(|side| side.ended) {
                    // Its last step has been told.
                    return;
                }
            }
            _ => return,
        }
        self.next = Instant::now() + EVERY;
        link.stands(self.standing());
    }

    fn standing(&self) -> ExperimentStanding {
        let open: Vec<&Side> = self.sides.iter().filter(|side| !side.ended).collect();
        let behind = open.iter().map(|side| side.step).min();
        // What holds of all is said of all; one that trains is enough for the rest.
        let phases = [ExperimentPhase::Training, ExperimentPhase::Waiting, ExperimentPhase::Paused];
        let phase = phases.into_iter().find(|phase| open.iter().any(|side| side.phase == *phase));
        let all = |phase| !open.is_empty() && open.iter().all(|side| side.phase == phase);
        ExperimentStanding {
            phase: match phase {
                _ if all(ExperimentPhase::Opening) => ExperimentPhase::Opening,
                Some(phase) => phase,
                None if open.iter().any(|side| side.phase == ExperimentPhase::Opening) => ExperimentPhase::Opening,
                None => ExperimentPhase::Stopping,
            },
            part: self.part.clone(),
            doing: if self.sides.len() == 1 { self.sides[0].name.clone() } else { String::new() },
            step: behind.unwrap_or_else(|| self.sides.iter().map(|side| side.step).max().unwrap_or(0)),
            steps: self.sides.iter().map(Side::steps).max().unwrap_or(0),
            failed: self.failed,
            left: if self.part.is_empty() { open.iter().map(|side| side.left()).sum() } else { None },
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;
    use crate::run::StepRecord;
    use crate::tui::experiment::ExperimentNews;

    fn step(step: u64) -> Event {
        Event::Step(StepRecord {
            loss: 0.1,
            loss_smoothed: 0.1,
            images_per_s: 10.0,
            elapsed_s: 1.0,
            ..StepRecord::at(step)
        })
    }

    #[test]
    fn an_experiment_is_as_far_as_the_run_that_is_furthest_behind() {
        let (news, told) = unbounded();
        let (_asks, asks) = unbounded();
        let link = ExperimentLink { news, asks };
        let sides = ["a", "b"].map(|name| Side::new(name.into())).into_iter().collect();
        let mut all = Told { part: String::new(), failed: 0, sides, next: Instant::now() };
        let stands = |all: &mut Told, which: usize, event: Event| {
            all.event(which, &event, &link);
            (all.standing().phase, all.standing().step)
        };
        assert_eq!(all.standing().phase, ExperimentPhase::Opening);
        stands(&mut all, 0, Event::Phase(Phase::Training));
        stands(&mut all, 0, step(5));
        assert_eq!(stands(&mut all, 1, Event::Phase(Phase::Training)), (ExperimentPhase::Training, 0));
        assert_eq!(stands(&mut all, 1, step(3)), (ExperimentPhase::Training, 3));
        // One that pauses holds nobody up.
        assert_eq!(stands(&mut all, 0, Event::Phase(Phase::Paused)).0, ExperimentPhase::Training);
        assert_eq!(stands(&mut all, 1, Event::Phase(Phase::Paused)).0, ExperimentPhase::Paused);
        stands(&mut all, 1, Event::Phase(Phase::Failed("training diverged at step 3\n  see there".into())));
        assert_eq!(stands(&mut all, 1, Event::Ended(Err(String::new()))), (ExperimentPhase::Paused, 5));
        assert_eq!(all.standing().failed, 1);
        let told: Vec<ExperimentNews> = told.try_iter().collect();
        assert!(told.contains(&ExperimentNews::Warned("b: training diverged at step 3".into())), "{told:?}");
        // A screen that takes nothing is told no more than it can take.
        for at in 0..10_000 {
            all.next = Instant::now();
            stands(&mut all, 0, step(at));
        }
        assert!(link.news.len() <= 100, "{}", link.news.len());
    }
}
