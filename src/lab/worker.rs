//! The worker: the owner of the trainer, and all that it keeps.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::data_facts::DataFacts;
use super::film_channel::FilmSender;
use super::keeping::Keeping;
use super::live::Live;
use super::plan::Audience;
use super::preview::Preview;
use super::protocol::Command;
use super::snapshots::Snapshots;
use super::standing::Standing;
use super::throughput::Throughput;
use super::turns::Turn;
use super::writing_state::Writing;
use crate::config::Config;
use crate::process::{RunningClock, UsageMeter};
use crate::run::checkpoint::Progress;
use crate::run::tensorboard::LiveEvents;
use crate::run::{Journal, RecentLosses, RunDir};
use crate::train::Trainer;

/// What a worker is made of.
pub struct Parts {
    pub config: Config,
    pub facts: DataFacts,
    pub audience: Audience,
    pub run: RunDir,
    pub journal: Journal,
    /// TensorBoard's, where the config asks for them.
    pub events: Option<LiveEvents>,
    pub trainer: Trainer,
    pub progress: Progress,
    /// What a person has set.
    pub live: Live,
    pub preview: Preview,
    pub commands: Receiver<Command>,
    pub frames: FilmSender,
    pub after_step: Option<fn(u64)>,
    /// This run's place among those that train in turns.
    pub turn: Option<Turn>,
}

/// Is the worker training, and until when?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Training,
    /// One step, then paused.
    OneStep,
    /// The same, and explained.
    ByHand,
    Paused,
    /// Until there is room to write again.
    Waiting,
    /// All steps are done.
    Finished,
}

/// Why a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Somebody has asked for it.
    Asked,
    /// There is nothing left to do.
    Done,
}

/// The owner of the trainer.
pub struct Worker {
    pub(super) parts: Parts,
    pub(super) mode: Mode,
    pub(super) throughput: Throughput,
    pub(super) clock: RunningClock,
    pub(super) usage: UsageMeter,
    /// How much of the clock's time is in `progress.elapsed_s` already.
    pub(super) counted: Duration,
    /// Did this run begin here, or does it go on?
    pub(super) is_new: bool,
    /// Where those look who must know at once where the run is.
    pub(super) standing: Standing,
    pub(super) snapshots: Snapshots,
    pub(super) keeping: Keeping,
    pub(super) writing: Writing,
    /// The step and settings that the newest checkpoint has.
    pub(super) saved: Option<(u64, Live)>,
    pub(super) checkpoint: Option<PathBuf>,
    /// Training stands still for another run that is tried, and for nothing else.
    pub(super) aside: bool,
    /// Until it is told to stay, the run leaves nothing behind.
    pub(super) on_trial: bool,
    /// The loss per timestep of late.
    pub(super) recent_losses: RecentLosses,
    /// Of the newest step, as its record has it.
    pub(super) comm_share: Option<f64>,
    /// Commands that came while the run was opened.
    pub(super) early: VecDeque<Command>,
}

impl Worker {
    pub fn new(parts: Parts) -> Self {
        let start = parts.trainer.steps_done();
        Self {
            mode: Mode::Training,
            throughput: Throughput::default(),
            clock: RunningClock::start(),
            usage: UsageMeter::start(),
            counted: Duration::ZERO,
            is_new: true,
            standing: Standing::default(),
            snapshots: Snapshots::default(),
            keeping: Keeping::default(),
            // Checked with the config: neither negative nor beyond what a duration takes.
            writing: Writing::new(Duration::from_secs_f64(parts.config.train.save_patience_s)),
            // A resumed run's own checkpoint need not be written again.
            saved: (start > 0).then(|| (start, parts.live.clone())),
            checkpoint: None,
            aside: false,
            on_trial: false,
            recent_losses: RecentLosses::default(),
            comm_share: None,
            early: VecDeque::new(),
            parts,
        }
    }

    pub(super) fn steps_done(&self) -> u64 {
        self.parts.trainer.steps_done()
    }

    pub fn run_dir(&self) -> &Path {
        self.parts.run.path()
    }

    /// Notes in events.jsonl why the run failed, if the disk still takes it.
    pub fn record_failure(&mut self, error: &anyhow::Error) {
        let step = self.steps_done();
        self.parts.journal.event(step, "error", &format!("{error:#}"));
        let _ = self.parts.journal.sync();
    }
}
