//! The worker: drains commands, takes a step, reports it, and gives the preview its share.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use crossbeam_channel::{Receiver, Select, TryRecvError};

use super::latest::LatestSender;
use super::opening::DataFacts;
use super::outbox::Outbox;
use super::plan::{Audience, Ending};
use super::preview::Preview;
use super::protocol::{Command, Event, Phase, PreviewFrame, StepRecord, TimestepLossRow};
use super::sampling_settings::SamplingSettings;
use super::saving::Why;
use super::snapshots::Snapshots;
use super::throughput::Throughput;
use crate::config::Config;
use crate::process::RunningClock;
use crate::process::interrupt::Interrupted;
use crate::run::checkpoint::Progress;
use crate::run::{Journal, RunDir};
use crate::train::{StepReport, Trainer};

/// How long an idle worker waits for a command before it looks around again.
const IDLE: Duration = Duration::from_millis(100);
/// Time between preview frames while nothing trains: a calm animation, not a busy loop.
const FRAME: Duration = Duration::from_millis(60);
/// Set to N, the worker panics at step N. Only for the tests that show that a panic is caught and
/// the terminal restored.
const PANIC_AT_STEP: &str = "DIFFLAB_TEST_PANIC_AT_STEP";

/// When to see whether the network uses the time: by then it has learned to, where it can.
const TIME_USE_STEP: u64 = 300;

/// What a worker is made of.
pub struct Parts {
    pub config: Config,
    pub facts: DataFacts,
    pub audience: Audience,
    pub run: RunDir,
    pub journal: Journal,
    pub trainer: Trainer,
    pub progress: Progress,
    pub preview: Preview,
    pub commands: Receiver<Command>,
    pub frames: LatestSender<PreviewFrame>,
}

/// Is the worker training, and until when?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Training,
    /// One step, then paused.
    OneStep,
    Paused,
    /// All steps are done.
    Finished,
}

/// The owner of the trainer.
pub struct Worker {
    pub(super) parts: Parts,
    pub(super) mode: Mode,
    throughput: Throughput,
    clock: RunningClock,
    /// How much of the clock's time is in `progress.elapsed_s` already.
    counted: Duration,
    /// Did this run begin here, or does it go on?
    pub(super) is_new: bool,
    pub(super) snapshots: Snapshots,
    pub(super) saved_step: Option<u64>,
    pub(super) checkpoint: Option<PathBuf>,
    /// Commands that came while the run was opened.
    pub(super) early: VecDeque<Command>,
    panic_at: Option<u64>,
}

impl Worker {
    pub fn new(parts: Parts) -> Self {
        let start = parts.trainer.steps_done();
        Self {
            mode: Mode::Training,
            throughput: Throughput::default(),
            clock: RunningClock::start(),
            counted: Duration::ZERO,
            is_new: true,
            snapshots: Snapshots::default(),
            // A resumed run's own checkpoint need not be written again.
            saved_step: (start > 0).then_some(start),
            checkpoint: None,
            early: VecDeque::new(),
            panic_at: std::env::var(PANIC_AT_STEP).ok().and_then(|step| step.parse().ok()),
            parts,
        }
    }

    /// Trains until all steps are done or a command ends it.
    ///
    /// # Errors
    /// When training diverges or the run folder cannot be written to. The last checkpoint stays.
    pub fn run(&mut self, outbox: &mut Outbox) -> Result<Ending> {
        if self.all_steps_done() {
            self.finish(outbox)?;
        } else {
            outbox.send(Event::Phase(Phase::Training));
        }
        loop {
            if let Some(save) = self.take_commands(outbox)? {
                return self.stop(save, Why::Asked, outbox);
            }
            match self.mode {
                Mode::Training | Mode::OneStep => {
                    // Time that passed in a pause, or in which the process was stopped, isn't the training's.
                    let start = self.clock.now();
                    self.counted = start;
                    self.train(outbox)?;
                    self.parts.preview.budget().earn(self.clock.now() - start);
                    self.share_time_with_preview(outbox)?;
                    self.count_time();
                    if self.all_steps_done() {
                        self.finish(outbox)?;
                    } else if self.mode == Mode::OneStep {
                        self.mode = Mode::Paused;
                        outbox.send(Event::Phase(Phase::Paused));
                    }
                }
                Mode::Finished if self.parts.audience == Audience::Nobody => return self.stop(true, Why::Done, outbox),
                Mode::Paused | Mode::Finished => self.idle(outbox)?,
            }
            self.collect_snapshot(outbox)?;
            outbox.flush();
        }
    }

    /// Carries out everything asked for; `Some(save)` when the run shall end.
    fn take_commands(&mut self, outbox: &mut Outbox) -> Result<Option<bool>> {
        loop {
            let early = self.early.pop_front().map(Ok);
            match early.unwrap_or_else(|| self.parts.commands.try_recv()) {
                Ok(Command::Quit { save }) => return Ok(Some(save)),
                Ok(command) => self.carry_out(command, outbox)?,
                Err(TryRecvError::Empty) => return Ok(None),
                // Nobody is left to tell us anything: keep what was trained.
                Err(TryRecvError::Disconnected) => return Ok(Some(true)),
            }
        }
    }

    fn carry_out(&mut self, command: Command, outbox: &mut Outbox) -> Result<()> {
        let step = self.steps_done();
        match command {
            Command::Pause => self.switch(Mode::Training, Mode::Paused, Phase::Paused, "pause", outbox)?,
            Command::Resume => self.switch(Mode::Paused, Mode::Training, Phase::Training, "unpause", outbox)?,
            Command::StepOnce if self.mode != Mode::Finished => self.mode = Mode::OneStep,
            Command::StepOnce => {}
            Command::Snapshot => self.start_snapshot(outbox)?,
            Command::SampleNow => self.parts.preview.sample_now(),
            Command::SetLearningRateScale(scale) if scale.is_finite() && scale >= 0.0 => {
                self.parts.trainer.set_learning_rate_scale(scale);
                self.setting_changed(format!("learning rate × {scale}"), outbox)?;
            }
            Command::SetLearningRateScale(scale) => {
                let message = format!("the learning rate cannot be multiplied by {scale}");
                outbox.send(Event::Warning { step, message });
            }
            Command::SetPreviewEnabled(enabled) => {
                self.parts.preview.set_enabled(enabled);
                self.setting_changed(format!("previews {}", if enabled { "on" } else { "off" }), outbox)?;
            }
            Command::SetPreviewBudget(share) => {
                self.parts.preview.budget().set_share(share);
                let percent = 100.0 * self.parts.preview.budget().share();
                self.setting_changed(format!("previews up to {percent:.0} % of the time"), outbox)?;
            }
            Command::SetSampling(settings) => self.set_sampling(*settings, outbox)?,
            Command::Checkpoint => self.save_checkpoint(outbox)?,
            // Taken out by the caller.
            Command::Quit { .. } => {}
        }
        Ok(())
    }

    fn switch(&mut self, from: Mode, to: Mode, phase: Phase, kind: &str, outbox: &mut Outbox) -> Result<()> {
        if self.mode == from {
            self.mode = to;
            self.parts.journal.event(self.steps_done(), kind, "")?;
            outbox.send(Event::Phase(phase));
        }
        Ok(())
    }

    /// Previews and snapshots follow these settings from now on, where the network can.
    fn set_sampling(&mut self, settings: SamplingSettings, outbox: &mut Outbox) -> Result<()> {
        let what = self.parts.preview.settings().changes(&settings);
        match self.parts.preview.set_settings(settings) {
            Ok(()) => self.setting_changed(what, outbox),
            Err(error) => {
                outbox.send(Event::Warning { step: self.steps_done(), message: format!("{error:#}") });
                Ok(())
            }
        }
    }

    fn setting_changed(&mut self, what: String, outbox: &mut Outbox) -> Result<()> {
        let step = self.steps_done();
        self.parts.journal.event(step, "setting", &what)?;
        outbox.send(Event::SettingChanged { step, what });
        Ok(())
    }

    /// One step with everything that is due after it.
    fn train(&mut self, outbox: &mut Outbox) -> Result<()> {
        let start = self.clock.now();
        let report = self.parts.trainer.step()?;
        let rate = self.throughput.add(report.samples.len(), self.clock.now() - start);
        let step = report.step;
        if self.panic_at == Some(step) {
            panic!("asked to by {PANIC_AT_STEP}");
        }
        let due = |every: u64| every > 0 && step.is_multiple_of(every);
        let (eval, log, rows, checkpoints, snapshots) = {
            let train = &self.parts.config.train;
            let last = step >= train.steps;
            (
                due(train.eval_every),
                due(train.log_every) || last,
                due(train.timestep_loss_every) || last && train.timestep_loss_every > 0,
                due(train.checkpoint_every),
                due(self.parts.config.preview.snapshot_every),
            )
        };
        let val_loss = if eval { self.parts.trainer.held_out_loss()? } else { None };
        // Before the line and the checkpoint of this step: both have the same time, and later lines a later one.
        self.count_time();
        self.record(report, val_loss, rate, log, outbox)?;
        if rows {
            let (mean, count) = self.parts.progress.timestep_loss.take();
            let row = TimestepLossRow { step, mean, count };
            self.parts.journal.timestep_loss(&row)?;
            outbox.send(Event::TimestepLoss(row));
        }
        if step == TIME_USE_STEP {
            let time_use = self.parts.trainer.time_use()?;
            self.parts.journal.event(step, "time_use", &time_use.verdict())?;
            outbox.send(Event::TimeUse { step, time_use });
        }
        if checkpoints {
            self.save_checkpoint(outbox)?;
        }
        if snapshots {
            self.start_snapshot(outbox)?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        report: StepReport,
        val_loss: Option<f64>,
        images_per_s: f64,
        log: bool,
        outbox: &mut Outbox,
    ) -> Result<()> {
        let progress = &mut self.parts.progress;
        for &(t, loss) in &report.samples {
            progress.timestep_loss.add(t, loss);
        }
        let record = StepRecord {
            step: report.step,
            epoch: report.epoch,
            loss: report.loss,
            loss_smoothed: progress.loss_average.add(report.loss),
            val_loss,
            lr: report.lr,
            grad_norm: report.grad_norm,
            images_per_s,
            elapsed_s: progress.elapsed_s,
        };
        if log || val_loss.is_some() {
            self.parts.journal.step(&record)?;
        }
        outbox.send(Event::Step(record));
        Ok(())
    }

    /// Adds the time since the last count to the run's.
    fn count_time(&mut self) {
        let now = self.clock.now();
        self.parts.progress.elapsed_s += (now - self.counted).as_secs_f64();
        self.counted = now;
    }

    /// Lets the preview make as many network calls as its budget allows.
    fn share_time_with_preview(&mut self, outbox: &mut Outbox) -> Result<()> {
        let step = self.steps_done();
        while self.parts.preview.wants(self.parts.audience, step) && self.parts.preview.budget().allows() {
            self.advance_preview(outbox)?;
        }
        Ok(())
    }

    fn advance_preview(&mut self, outbox: &mut Outbox) -> Result<()> {
        let (step, start) = (self.steps_done(), self.clock.now());
        match self.parts.preview.advance(self.parts.run.path(), step) {
            Ok((frame, saved)) => {
                self.parts.preview.budget().spend(self.clock.now() - start);
                self.parts.frames.send(frame);
                saved.map_or(Ok(()), |file| self.preview_saved(step, file, outbox))
            }
            // The run is about to end: the command is on its way.
            Err(error) if Interrupted::caused(&error) => {
                self.parts.preview.set_enabled(false);
                Ok(())
            }
            Err(error) => self.preview_failed(error, outbox),
        }
    }

    /// A preview that fails is no reason to stop training: it is turned off.
    pub(super) fn preview_failed(&mut self, error: anyhow::Error, outbox: &mut Outbox) -> Result<()> {
        let step = self.steps_done();
        self.parts.preview.set_enabled(false);
        let message = format!("the preview failed and was turned off: {error:#}");
        self.parts.journal.event(step, "warning", &message)?;
        outbox.send(Event::Warning { step, message });
        Ok(())
    }

    pub(super) fn preview_saved(&mut self, step: u64, file: PathBuf, outbox: &mut Outbox) -> Result<()> {
        self.parts.journal.event(step, "preview", &file.display().to_string())?;
        outbox.send(Event::PreviewSaved { step, file });
        Ok(())
    }

    /// Nothing to train: the preview moves freely, and commands are answered at once.
    fn idle(&mut self, outbox: &mut Outbox) -> Result<()> {
        outbox.flush();
        let start = Instant::now();
        let mut wait = IDLE;
        if self.parts.preview.wants(self.parts.audience, self.steps_done()) {
            self.advance_preview(outbox)?;
            wait = FRAME.saturating_sub(start.elapsed());
        }
        // Only waits: the loop takes the command out.
        let mut ready = Select::new();
        ready.recv(&self.parts.commands);
        let _ = ready.ready_timeout(wait);
        Ok(())
    }

    fn all_steps_done(&self) -> bool {
        self.mode != Mode::Finished && self.steps_done() >= self.parts.config.train.steps
    }

    pub(super) fn steps_done(&self) -> u64 {
        self.parts.trainer.steps_done()
    }

    /// Notes in events.jsonl why the run failed, if the disk still takes it.
    pub fn record_failure(&mut self, error: &anyhow::Error) {
        let step = self.steps_done();
        let _ = self.parts.journal.event(step, "error", &format!("{error:#}"));
        let _ = self.parts.journal.sync();
    }
}
