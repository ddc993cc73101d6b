//! A run that is looked at: a thread that follows its files, and the channels to it.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Sender, bounded};

use super::looking::look_on;
use crate::lab::film_channel::film_channel;
use crate::lab::protocol::{Command, Event, PreviewFrame};

/// Commands that may wait, and events.
const COMMANDS: usize = 64;
const EVENTS: usize = 1024;

/// A run that is looked at, with the channels that a lab has. Of the commands it obeys those that ask for samples.
/// Dropped, it ends by itself.
pub struct Watcher {
    pub dir: PathBuf,
    pub commands: Sender<Command>,
    pub events: Receiver<Event>,
    pub previews: Receiver<PreviewFrame>,
}

impl Watcher {
    /// Begins to follow the run in `dir` and returns at once; what cannot be read is reported as events.
    ///
    /// # Errors
    /// When the system refuses to start a thread.
    pub fn open(dir: &Path) -> Result<Self> {
        let (commands, commands_in) = bounded(COMMANDS);
        let (events_out, events) = bounded(EVENTS);
        let (frames, previews) = film_channel();
        let run = dir.to_path_buf();
        thread::Builder::new()
            .name("difflab-watcher".into())
            .spawn(move || look_on(&run, &commands_in, &events_out, frames))
            .context("starting the thread that follows a run")?;
        Ok(Self { dir: dir.to_path_buf(), commands, events, previews })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::config::Config;
    use crate::lab::{Phase, StepRecord, TimestepLossRow};
    use crate::run::catalogue::RunState;
    use crate::run::{Journal, RunDir};

    fn record(step: u64) -> StepRecord {
        StepRecord { loss: 1.0 / step as f64, ..StepRecord::at(step) }
    }

    fn config() -> Config {
        Config::default().with_overrides(&["data.dataset=two_moons".into(), "model.kind=mlp".into()]).unwrap()
    }

    /// What a screen would know.
    #[derive(Default)]
    struct Seen {
        steps: Vec<u64>,
        rows: usize,
        marks: usize,
        phase: Option<Phase>,
        ready: usize,
        points: usize,
        told: Vec<String>,
    }

    impl Seen {
        fn take(&mut self, event: Event) {
            match event {
                Event::Step(record) => self.steps.push(record.step),
                Event::TimestepLoss(_) => self.rows += 1,
                Event::History { steps, rows, marks } => {
                    self.steps.extend(steps.iter().map(|record| record.step));
                    self.rows += rows.len();
                    self.marks += marks.len();
                }
                Event::Anew { why } => {
                    (self.steps, self.rows, self.marks) = (Vec::new(), 0, 0);
                    self.told.push(why);
                }
                Event::Phase(phase) => self.phase = Some(phase),
                Event::Ready(info) => {
                    self.ready += 1;
                    self.points = info.points.len();
                }
                Event::Warning { message, .. } | Event::Note { message, .. } => self.told.push(message),
                Event::Ended(Err(why)) => self.told.push(format!("ended: {why}")),
                other => self.told.push(format!("{other:?}")),
            }
        }

        fn until(&mut self, watcher: &Watcher, what: &str, is_so: impl Fn(&Self) -> bool) {
            let end = Instant::now() + Duration::from_secs(20);
            while !is_so(self) {
                match watcher.events.recv_deadline(end) {
                    Ok(event) => self.take(event),
                    Err(_) => {
                        panic!("waited in vain for {what}: {:?} {:?} {:?}", self.steps.len(), self.phase, self.told)
                    }
                }
            }
        }
    }

    #[test]
    fn a_run_of_another_is_followed_through_its_end_and_a_resume() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("run");
        let run = RunDir::create(Some(&dir), &config()).unwrap();
        let mut journal = Journal::open(&dir, 1000).unwrap();
        journal.event(0, "start", "here");
        (1..=300).for_each(|step| journal.step(&record(step)));
        journal.timestep_loss(&TimestepLossRow { step: 10, mean: vec![0.5], count: vec![3] });
        journal.event(100, "setting", "w 2");
        journal.flush().unwrap();

        let watcher = Watcher::open(&dir).unwrap();
        let mut seen = Seen::default();
        seen.until(&watcher, "its history", |seen| seen.phase == Some(Phase::Training));
        assert_eq!((seen.steps.len(), seen.rows, seen.marks), (300, 1, 1));
        seen.until(&watcher, "its data", |seen| seen.points > 0);
        journal.step(&record(301));
        journal.event(301, "warning", "it is warm");
        journal.flush().unwrap();
        seen.until(&watcher, "a step", |seen| seen.steps.last() == Some(&301) && !seen.told.is_empty());
        assert_eq!(seen.told, ["it is warm"]);
        journal.event(301, "pause", "");
        journal.flush().unwrap();
        seen.until(&watcher, "a pause", |seen| seen.phase == Some(Phase::Paused));

        // Nothing is written into it meanwhile.
        assert!(!dir.join("notes.toml").exists() && !dir.join("snapshots").exists());
        journal.event(301, "stop", "saved");
        journal.flush().unwrap();
        drop((run, journal));
        let stopped = Phase::Resting { state: RunState::Stopped, why: None };
        seen.until(&watcher, "its end", |seen| seen.phase.as_ref() == Some(&stopped));

        let run = RunDir::open(&dir).unwrap();
        Journal::cut_back(&dir, (0, 150), 1).unwrap();
        let mut journal = Journal::open(&dir, 1000).unwrap();
        journal.event(150, "resume", "from step 150");
        (151..=160).for_each(|step| journal.step(&record(step)));
        journal.flush().unwrap();
        seen.until(&watcher, "the resume", |seen| {
            seen.steps.last() == Some(&160) && seen.phase == Some(Phase::Training)
        });
        assert_eq!(seen.steps, (1..=160).collect::<Vec<u64>>());
        assert!(seen.told.iter().any(|told| told.contains("set back")), "{:?}", seen.told);
        drop(run);
    }

    #[test]
    fn metrics_that_are_none_are_said() {
        let place = tempfile::tempdir().unwrap();
        let run = RunDir::create(Some(&place.path().join("run")), &config()).unwrap();
        std::fs::write(run.path().join("metrics.jsonl"), [0x93; 3000]).unwrap();
        let watcher = Watcher::open(run.path()).unwrap();
        let mut seen = Seen::default();
        seen.until(&watcher, "what is wrong", |seen| !seen.told.is_empty());
        assert!(seen.told[0].contains("metrics.jsonl can't be read as metrics"), "{:?}", seen.told);
    }

    #[test]
    fn what_is_no_run_is_said_and_without_a_checkpoint_there_are_no_samples() {
        let place = tempfile::tempdir().unwrap();
        let watcher = Watcher::open(&place.path().join("nowhere")).unwrap();
        let mut seen = Seen::default();
        seen.until(&watcher, "its end", |seen| !seen.told.is_empty());
        assert!(matches!(seen.phase, Some(Phase::Failed(_))) && seen.told[0].starts_with("ended: "), "{:?}", seen.told);
        assert!(watcher.events.recv_timeout(Duration::from_secs(5)).is_err(), "its thread has ended");

        let run = RunDir::create(Some(&place.path().join("run")), &config()).unwrap();
        let watcher = Watcher::open(run.path()).unwrap();
        watcher.commands.send(Command::SampleNow).unwrap();
        let mut seen = Seen::default();
        seen.until(&watcher, "why not", |seen| !seen.told.is_empty());
        assert!(seen.told[0].starts_with("no samples: ") && seen.told[0].contains("checkpoint"), "{:?}", seen.told);
    }
}
