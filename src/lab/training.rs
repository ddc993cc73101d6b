//! The worker's loop: drains commands, takes a step, reports it, and gives the preview its share.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use crossbeam_channel::{Select, TryRecvError};

use super::outbox::EventOutbox;
use super::plan::{Audience, Ending};
use super::protocol::{Command, Event, Phase, StepRecord, TimestepLossRow};
use super::sampling_settings::SamplingSettings;
use super::worker::{Mode, Why, Worker};
use crate::kernels::precision::taken;
use crate::process::interrupt::{self, Interrupted};
use crate::train::{LossRange, StepReport};

/// How long an idle worker waits for a command before it looks around again.
const IDLE: Duration = Duration::from_millis(100);
/// Time between preview frames while nothing trains: a calm animation, not a busy loop.
const FRAME: Duration = Duration::from_millis(60);
/// When to see whether the network uses the time: by then it has learned to, where it can.
const TIME_USE_STEP: u64 = 300;

/// How a command wants the run to end.
enum Wish {
    Quit { save: bool },
    Leave,
    SaveElsewhere(PathBuf),
}

impl Worker {
    /// Trains until all steps are done or a command ends it.
    ///
    /// # Errors
    /// When training diverges, or the end of the run can be saved nowhere. Where it can, the last finite weights
    /// are saved first. What only cannot be written at present is no error: it is kept, and tried again.
    pub fn run(&mut self, outbox: &mut EventOutbox) -> Result<Ending> {
        let trained = self.train_on(outbox);
        // Saving takes no turn.
        self.give_up_turn();
        let (save, why) = trained.map_err(|error| self.end_of_training(error, outbox))?;
        self.stop(save, why, outbox)
    }

    /// The loop; returns whether to save at its end, and why it ended.
    fn train_on(&mut self, outbox: &mut EventOutbox) -> Result<(bool, Why)> {
        if !self.all_steps_done() {
            outbox.send(Event::Phase(Phase::Training));
        }
        loop {
            match self.take_commands(outbox)? {
                None => {}
                Some(Wish::Quit { save }) => return Ok((save, Why::Asked)),
                Some(Wish::Leave) if self.is_untouched() || self.save_checkpoint(outbox)? => {
                    return Ok((true, Why::Asked));
                }
                Some(Wish::Leave) => self.cannot_save(outbox),
                Some(Wish::SaveElsewhere(dir)) => match self.save_elsewhere(&dir, outbox) {
                    Ok(()) => return Ok((true, Why::Asked)),
                    Err(error) => self.cannot_save_there(&dir, &error, outbox),
                },
            }
            self.keep_writing(outbox)?;
            let mode = self.mode;
            match mode {
                Mode::Training | Mode::OneStep | Mode::ByHand if self.all_steps_done() => self.finish(outbox)?,
                Mode::Training | Mode::OneStep | Mode::ByHand if !self.has_its_turn() => {}
                Mode::Training | Mode::OneStep | Mode::ByHand => {
                    // Time that passed in a pause, or in which the process was stopped, isn't the training's.
                    let start = self.clock.now();
                    self.counted = start;
                    self.train(outbox)?;
                    self.parts.preview.budget().earn(self.clock.now() - start);
                    self.share_time_with_preview(outbox);
                    self.count_time();
                    self.pass_the_turn_on();
                    if self.mode != Mode::Training && (self.on_trial || !self.all_steps_done()) {
                        self.mode = Mode::Paused;
                        outbox.send(Event::Phase(Phase::Paused));
                    }
                }
                Mode::Finished if self.parts.audience == Audience::Nobody => return Ok((true, Why::Done)),
                // All is trained, nobody looks, and there is no room: it is saved elsewhere, rather than waited for ever.
                Mode::Waiting if self.waits_in_vain() => return Ok((true, Why::Done)),
                Mode::Paused | Mode::Waiting | Mode::Finished => self.idle(outbox),
            }
            self.collect_snapshot(outbox);
            self.collect_history(outbox);
            outbox.flush();
        }
    }

    /// Carries out everything asked for; `Some` when the run shall end.
    fn take_commands(&mut self, outbox: &mut EventOutbox) -> Result<Option<Wish>> {
        // Who turns the topics quickly wants the last.
        let mut explain = None;
        loop {
            let early = self.early.pop_front().map(Ok);
            match early.unwrap_or_else(|| self.parts.commands.try_recv()) {
                Ok(Command::Explain(request)) => explain = Some(request),
                Ok(Command::Quit { save }) => return Ok(Some(Wish::Quit { save })),
                Ok(Command::Leave) => return Ok(Some(Wish::Leave)),
                Ok(Command::SaveElsewhere { dir }) => return Ok(Some(Wish::SaveElsewhere(dir))),
                Ok(command) => self.carry_out(command, outbox)?,
                Err(TryRecvError::Empty) => {
                    if let Some(request) = explain {
                        self.explain(request, outbox);
                    }
                    return Ok(None);
                }
                // Nobody is left to tell us anything: keep what was trained.
                Err(TryRecvError::Disconnected) => return Ok(Some(Wish::Quit { save: true })),
            }
        }
    }

    fn carry_out(&mut self, command: Command, outbox: &mut EventOutbox) -> Result<()> {
        let step = self.steps_done();
        match command {
            Command::Pause => self.switch(Mode::Training, Mode::Paused, Phase::Paused, "pause", outbox),
            Command::Resume if self.mode == Mode::Waiting => self.writing.trouble.hurry(Instant::now()),
            Command::Resume => self.switch(Mode::Paused, Mode::Training, Phase::Training, "unpause", outbox),
            Command::StepOnce if self.mode != Mode::Finished => self.mode = Mode::OneStep,
            Command::StepByHand if self.mode != Mode::Finished => self.mode = Mode::ByHand,
            Command::StepOnce | Command::StepByHand => {}
            Command::Snapshot => self.start_snapshot(outbox)?,
            Command::SampleNow => self.parts.preview.sample_now(),
            Command::SetLearningRateScale(scale) if scale.is_finite() && scale >= 0.0 => {
                self.parts.trainer.set_learning_rate_scale(scale);
                self.parts.live.learning_rate_scale = scale;
                let what = self.parts.live.learning_rate_words(&self.parts.config);
                self.setting_changed(what, outbox);
            }
            Command::SetLearningRateScale(scale) => {
                let message = format!("the learning rate cannot be multiplied by {scale}");
                outbox.send(Event::Warning { step, message });
            }
            Command::SetPreviewEnabled(enabled) => {
                self.parts.preview.set_enabled(enabled);
                self.parts.live.previews = enabled;
                self.setting_changed(format!("previews {}", if enabled { "on" } else { "off" }), outbox);
            }
            Command::SetPreviewBudget(share) => {
                self.parts.preview.budget().set_share(share);
                self.parts.live.preview_budget = self.parts.preview.budget().share();
                let percent = 100.0 * self.parts.preview.budget().share();
                self.setting_changed(format!("previews up to {percent:.0} % of the time"), outbox);
            }
            Command::SetSampling(settings) => self.set_sampling(*settings, outbox),
            Command::Checkpoint => {
                if !self.save_checkpoint(outbox)? {
                    self.cannot_save_now(outbox);
                }
            }
            Command::StandAside => self.stand_aside(outbox)?,
            Command::GoOn => self.go_on(outbox),
            Command::Keep => self.keep(outbox),
            // Taken out by the caller.
            Command::Explain(_) | Command::Quit { .. } | Command::Leave | Command::SaveElsewhere { .. } => {}
        }
        Ok(())
    }

    pub(super) fn switch(&mut self, from: Mode, to: Mode, phase: Phase, kind: &str, outbox: &mut EventOutbox) {
        if self.mode == from {
            self.mode = to;
            self.note(kind, "", outbox);
            outbox.send(Event::Phase(phase));
        }
    }

    /// Previews and snapshots follow these settings from now on, where the network can.
    fn set_sampling(&mut self, mut settings: SamplingSettings, outbox: &mut EventOutbox) {
        // As at a run's beginning: what was found stands in its journal, not `auto`.
        let (kind, device) = (self.parts.config.model.kind, self.parts.trainer.device());
        settings.sample.precision = taken(settings.sample.precision, kind, device).into();
        let what = self.parts.preview.settings().changes(&settings);
        match self.parts.preview.set_settings(settings.clone()) {
            Ok(()) => {
                self.parts.live.sampling = settings;
                self.setting_changed(what, outbox);
            }
            Err(error) => outbox.send(Event::Warning { step: self.steps_done(), message: format!("{error:#}") }),
        }
    }

    fn setting_changed(&mut self, what: String, outbox: &mut EventOutbox) {
        self.note("setting", &what, outbox);
        outbox.send(Event::SettingChanged { step: self.steps_done(), what });
    }

    /// One step with everything that is due after it.
    fn train(&mut self, outbox: &mut EventOutbox) -> Result<()> {
        let start = self.clock.now();
        let report = match self.mode {
            Mode::ByHand => self.step_by_hand(outbox)?,
            _ => self.parts.trainer.step()?,
        };
        let took = self.clock.now() - start;
        let rate = self.throughput.add(report.samples.len(), took);
        let step = report.step;
        let exchange = self.parts.trainer.exchange_time();
        self.comm_share = exchange.map(|exchange| (exchange.as_secs_f64() / took.as_secs_f64().max(1e-9)).min(1.0));
        self.heed_other_ranks();
        if let Some(call) = self.parts.after_step {
            call(step);
        }
        let due = |every: u64| every > 0 && step.is_multiple_of(every);
        let (eval, log, rows, checkpoints, snapshots) = {
            let train = &self.parts.config.train;
            let last = step >= train.steps;
            (
                due(train.eval_every),
                due(train.log_every) || last,
                !self.parts.config.trains_autoencoder()
                    && (due(train.timestep_loss_every) || last && train.timestep_loss_every > 0),
                due(train.checkpoint_every),
                due(self.parts.config.preview.snapshot_every),
            )
        };
        let val_loss = if eval { self.parts.trainer.held_out_loss()? } else { None };
        // Before the line and the checkpoint of this step: both have the same time, and later lines a later one.
        self.count_time();
        self.record(report, val_loss, rate, log, outbox);
        if rows {
            let (mean, count) = self.parts.progress.timestep_loss.take();
            let row = TimestepLossRow { step, mean, count };
            self.parts.journal.timestep_loss(&row);
            self.recent_losses.push(row.clone());
            self.write_lines(outbox);
            if let Some(events) = &mut self.parts.events {
                events.timestep_loss(&row);
            }
            self.write_events(outbox);
            outbox.send(Event::TimestepLoss(row));
        }
        if step == TIME_USE_STEP
            && let Some(time_use) = self.parts.trainer.time_use()?
        {
            self.note("time_use", &time_use.verdict(), outbox);
            outbox.send(Event::TimeUse { step, time_use });
        }
        self.keep_history(outbox)?;
        if checkpoints && self.writing.trouble.is_on() {
            // Tried again when its time has come.
            self.writing.checkpoint_owed = true;
        } else if checkpoints {
            self.save_checkpoint(outbox)?;
        }
        if snapshots {
            self.order_snapshot(true, outbox)?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        report: StepReport,
        val_loss: Option<f64>,
        images_per_s: f64,
        log: bool,
        outbox: &mut EventOutbox,
    ) {
        let usage = if log || val_loss.is_some() { self.usage.look() } else { None };
        let progress = &mut self.parts.progress;
        for &(t, loss) in &report.samples {
            progress.timestep_loss.add(t, loss);
        }
        let written = log || val_loss.is_some();
        let range = progress.loss_range.with(report.loss);
        progress.loss_range = if written { LossRange::default() } else { range };
        // Where each step has its line there is nothing between them.
        let range = range.parts().filter(|_| written && self.parts.config.train.log_every > 1);
        let record = StepRecord {
            step: report.step,
            epoch: report.epoch,
            loss: report.loss,
            loss_min: range.map(|(least, _)| least),
            loss_max: range.map(|(_, most)| most),
            loss_smoothed: progress.loss_average.add(report.loss),
            val_loss,
            lr: report.lr,
            grad_norm: report.grad_norm,
            images_per_s,
            elapsed_s: progress.elapsed_s,
            memory_mib: usage.and_then(|usage| usage.memory_mib),
            cpu_share: usage.and_then(|usage| usage.cpu_share),
            comm_share: self.comm_share,
        };
        if written {
            self.parts.journal.step(&record);
            self.write_lines(outbox);
            if let Some(events) = &mut self.parts.events {
                events.step(&record);
            }
            self.write_events(outbox);
        }
        outbox.send(Event::Step(record));
    }

    /// A signal that any rank has heard stops the run as one that this process hears.
    fn heed_other_ranks(&mut self) {
        if self.parts.trainer.asked_to_stop() && !self.standing.asked_to_stop() {
            self.standing.ask_to_stop();
            interrupt::ask();
            self.early.push_back(Command::Quit { save: true });
        }
    }

    /// Adds the time since the last count to the run's.
    fn count_time(&mut self) {
        let now = self.clock.now();
        self.parts.progress.elapsed_s += (now - self.counted).as_secs_f64();
        self.counted = now;
    }

    /// Lets the preview make as many network calls as its budget allows.
    fn share_time_with_preview(&mut self, outbox: &mut EventOutbox) {
        let step = self.steps_done();
        while self.parts.preview.wants(self.parts.audience, step) && self.parts.preview.budget().allows() {
            self.advance_preview(outbox);
        }
    }

    fn advance_preview(&mut self, outbox: &mut EventOutbox) {
        let (step, start) = (self.steps_done(), self.clock.now());
        match self.parts.preview.advance(step) {
            Ok((frame, picture)) => {
                self.parts.preview.budget().spend(self.clock.now() - start);
                if self.parts.audience == Audience::Screen {
                    self.parts.frames.send(frame);
                }
                if let Some(picture) = picture {
                    self.save_picture(picture, outbox);
                }
            }
            // The run is about to end: the command is on its way.
            Err(error) if Interrupted::caused(&error) => self.parts.preview.set_enabled(false),
            Err(error) => self.preview_failed(error, outbox),
        }
    }

    /// A preview that fails is no reason to stop training: it is turned off.
    pub(super) fn preview_failed(&mut self, error: anyhow::Error, outbox: &mut EventOutbox) {
        self.parts.preview.set_enabled(false);
        self.warn(format!("the preview failed and was turned off: {error:#}"), outbox);
    }

    /// Nothing to train: the preview moves freely, and commands are answered at once.
    fn idle(&mut self, outbox: &mut EventOutbox) {
        self.give_up_turn();
        outbox.flush();
        let start = Instant::now();
        let mut wait = IDLE;
        if self.parts.preview.wants(self.parts.audience, self.steps_done()) {
            self.advance_preview(outbox);
            wait = FRAME.saturating_sub(start.elapsed());
        }
        // Only waits: the loop takes the command out.
        let mut ready = Select::new();
        ready.recv(&self.parts.commands);
        let _ = ready.ready_timeout(wait);
    }

    /// Alone it always has; among others it waits a while.
    fn has_its_turn(&mut self) -> bool {
        let step = self.steps_done();
        self.parts.turn.as_mut().is_none_or(|turn| turn.take(step, IDLE))
    }

    fn pass_the_turn_on(&mut self) {
        let step = self.steps_done();
        if let Some(turn) = &mut self.parts.turn {
            turn.pass_on(step);
        }
    }

    fn give_up_turn(&mut self) {
        if let Some(turn) = &mut self.parts.turn {
            turn.stand_aside();
        }
    }

    fn all_steps_done(&self) -> bool {
        self.mode != Mode::Finished && self.steps_done() >= self.parts.config.train.steps
    }
}
