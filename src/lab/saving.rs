//! What the worker writes: checkpoints, snapshots, the model card, and the end of a run.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use super::outbox::EventOutbox;
use super::plan::{Audience, Ending};
use super::protocol::{Command, Event, Phase};
use super::snapshots::{Began, Order};
use super::worker::{Mode, Why, Worker};
use crate::process::interrupt::{self, BrokenOff, Interrupted};
use crate::run::checkpoint::{self, Origin};
use crate::run::{CLASSES, WriteFailure, write_class_names, write_replacing};

impl Worker {
    /// Is this a new run of which there is nothing yet (no step, no checkpoint, no picture), or one on trial?
    pub(super) fn is_untouched(&self) -> bool {
        let anything = |name: &&str| self.parts.run.path().join(name).exists();
        self.on_trial
            || self.is_new && self.steps_done() == 0 && !["checkpoints", "snapshots", "previews"].iter().any(anything)
    }

    /// Writes a checkpoint of the present step, unless there is one. `false` where it could not be written: it is
    /// owed then.
    ///
    /// # Errors
    /// When a weight is not finite; older checkpoints stay.
    pub(super) fn save_checkpoint(&mut self, outbox: &mut EventOutbox) -> Result<bool> {
        let all_is_there = self.look_around(outbox);
        if self.has_present_checkpoint() {
            return Ok(self.all_lines_are_written(all_is_there, outbox));
        }
        let (step, start) = (self.steps_done(), Instant::now());
        self.finish_history(outbox);
        let dir = match self.write_checkpoint(None) {
            Ok(dir) => dir,
            Err(error) => {
                let Some(failure) = WriteFailure::within(&error) else { return Err(error) };
                self.writing.checkpoint_owed = true;
                self.failed(&format!("the checkpoint of step {step}"), failure, outbox);
                return Ok(false);
            }
        };
        self.writing.checkpoint_owed = false;
        // Trouble is over before the event is noted, which it would keep from being written.
        if all_is_there {
            self.written(outbox);
        }
        self.note("checkpoint", &dir.display().to_string(), outbox);
        self.prune(&dir, outbox);
        self.write_card(outbox);
        outbox.send(Event::CheckpointSaved { step, dir, took: start.elapsed() });
        // Without its config and its lines a folder is no run that could go on.
        Ok(all_is_there)
    }

    /// Is the present step, with the settings of now, in a checkpoint that is still there?
    fn has_present_checkpoint(&self) -> bool {
        let step = self.steps_done();
        self.saved.as_ref().is_some_and(|saved| *saved == (step, self.parts.live.clone()))
            && checkpoint::list(self.parts.run.path()).iter().any(|found| found.step == step && found.in_its_place)
    }

    fn all_lines_are_written(&mut self, all_is_there: bool, outbox: &mut EventOutbox) -> bool {
        match self.parts.journal.sync() {
            Ok(()) => {
                self.writing.checkpoint_owed = false;
                if all_is_there {
                    self.written(outbox);
                }
                all_is_there
            }
            Err(error) => {
                self.failed("metrics and events", WriteFailure::of(&error), outbox);
                false
            }
        }
    }

    /// Writes a checkpoint of the present step; `spoiled` says why its weights are of doubtful use, if so.
    pub(super) fn write_checkpoint(&mut self, spoiled: Option<String>) -> Result<PathBuf> {
        let parts = &mut self.parts;
        // The lines first: a checkpoint then never has a later step than they do.
        parts.journal.sync().context("writing metrics and events")?;
        parts.progress.live = parts.live.record(&parts.config);
        let state = parts.trainer.state()?;
        let origin = Origin {
            identity: parts.run.identity(),
            seed: parts.config.seed,
            spoiled,
            latents: parts.facts.latents.as_ref(),
        };
        let net = parts.trainer.net_config();
        let dir = checkpoint::save(parts.run.path(), &parts.config, net, &state, &parts.progress, &origin)?;
        self.writing.verified.note(&dir);
        self.saved = Some((state.step, self.parts.live.clone()));
        self.checkpoint = Some(dir.clone());
        Ok(dir)
    }

    /// Removes what is more than the config keeps. Where that fails there is only less room.
    fn prune(&mut self, newest: &std::path::Path, outbox: &mut EventOutbox) {
        let (run, keep) = (&self.parts.run, self.parts.config.train.keep_checkpoints);
        let pruned = checkpoint::prune(run.path(), &run.identity().run, keep, newest, &mut self.writing.verified);
        let problem = pruned.err().map(|error| format!("{error:#}"));
        if problem != self.writing.not_pruned
            && let Some(problem) = &problem
        {
            self.warn(problem.clone(), outbox);
        }
        self.writing.not_pruned = problem;
    }

    /// Writes the model card as it stands, and the class names where they are missing. `false` where it could not
    /// be written: it is owed then.
    pub fn write_card(&mut self, outbox: &mut EventOutbox) -> bool {
        let parts = &self.parts;
        let (loss, count) = parts.progress.loss_average.parts();
        let progress = (count > 0).then_some((self.steps_done(), loss));
        let card = parts.facts.card(parts.run.path(), &parts.config, parts.trainer.parameter_count(), progress);
        let (run, classes) = (parts.run.path(), &parts.facts.classes);
        let written = write_replacing(&run.join("README.md"), card.as_bytes()).map_err(anyhow::Error::from);
        let written = written.and_then(|()| match run.join(CLASSES).exists() {
            true => Ok(()),
            false => Ok(write_class_names(run, classes)?),
        });
        self.writing.card_owed = written.is_err();
        if let Some(failure) = written.err().as_ref().and_then(WriteFailure::within) {
            self.failed_beside("the model card", failure, outbox);
        }
        !self.writing.card_owed
    }

    /// An autoencoder draws nothing of its own: what there is to keep is the picture of its reconstructions.
    fn picture_of_reconstructions(&mut self, outbox: &mut EventOutbox) -> Result<()> {
        let step = self.steps_done();
        match self.parts.preview.finish_with_picture(step, |_| {}) {
            Ok(Some(picture)) => {
                self.save_picture(picture, outbox);
                let message = "the pictures and their reconstructions are in previews/".into();
                outbox.send(Event::Note { step, message });
            }
            Ok(None) => {
                let message = "the picture of this step is in previews/ already, or previews are off".into();
                outbox.send(Event::Note { step, message });
            }
            Err(error) if Interrupted::caused(&error) => {}
            Err(error) => self.preview_failed(error, outbox),
        }
        Ok(())
    }

    /// Begins a snapshot of the newest averaged weights, for a person who asks.
    pub(super) fn start_snapshot(&mut self, outbox: &mut EventOutbox) -> Result<()> {
        if self.parts.config.trains_autoencoder() {
            return self.picture_of_reconstructions(outbox);
        }
        if self.snapshots.are_under_way() {
            let message = "a snapshot is being written already; ask again when it is done".into();
            outbox.send(Event::Warning { step: self.steps_done(), message });
            return Ok(());
        }
        self.order_snapshot(false, outbox)
    }

    /// Takes the weights of now for a snapshot; it begins when no other is being written. `due`: by the config, and not
    /// by a person's wish.
    pub(super) fn order_snapshot(&mut self, due: bool, outbox: &mut EventOutbox) -> Result<()> {
        if self.parts.config.trains_autoencoder() {
            return self.picture_of_reconstructions(outbox);
        }
        let step = self.steps_done();
        let parts = &self.parts;
        let order = Order {
            step,
            due,
            config: parts.config.clone(),
            net_config: parts.trainer.net_config().clone(),
            weights: parts.trainer.ema_weights(),
            parameterization: parts.trainer.parameterization().clone(),
            image_shape: parts.facts.image_shape,
            latents: parts.facts.latents.clone(),
            class_names: parts.facts.classes.clone(),
            settings: parts.preview.settings().clone(),
        };
        let lost = self.snapshots.order(order)?;
        self.note("snapshot_begun", "", outbox);
        if let Some(lost) = lost {
            self.snapshot_lost(lost, "too many wait to be written", outbox);
        }
        if !self.writing.minor.is_on() {
            self.begin_waiting_snapshot(outbox);
        }
        Ok(())
    }

    /// Begins the snapshot that waits, if one does and none is under way; `false` where no thread starts.
    pub(super) fn begin_waiting_snapshot(&mut self, outbox: &mut EventOutbox) -> bool {
        match self.snapshots.begin(self.parts.run.path()) {
            Began::Thread | Began::Nothing => true,
            Began::NoThread(error) => {
                self.failed_beside("a snapshot (no thread starts for it)", WriteFailure::of(&error), outbox);
                false
            }
        }
    }

    fn snapshot_lost(&mut self, step: u64, why: &str, outbox: &mut EventOutbox) {
        let message = format!("the snapshot of step {step} is lost: {why}");
        self.parts.journal.event(step, "snapshot_lost", &message);
        self.write_lines(outbox);
        outbox.send(Event::SnapshotLost { step, message });
    }

    /// Reports the snapshot that has become ready, and begins the next.
    pub(super) fn collect_snapshot(&mut self, outbox: &mut EventOutbox) {
        if let Some((step, result)) = self.snapshots.ready() {
            self.report_snapshot(step, result, outbox);
            if !self.writing.minor.is_on() {
                self.begin_waiting_snapshot(outbox);
            }
        }
    }

    pub(super) fn report_snapshot(&mut self, step: u64, result: Result<PathBuf>, outbox: &mut EventOutbox) {
        match result {
            Ok(dir) => {
                self.parts.journal.event(step, "snapshot", &dir.display().to_string());
                self.write_lines(outbox);
                // The picture was just written; one that is gone by now is missed by nobody.
                if let (Some(events), Ok(png)) = (&mut self.parts.events, fs::read(dir.join("grid.png"))) {
                    events.picture(step, &png, true);
                }
                self.write_events(outbox);
                outbox.send(Event::SnapshotSaved { step, dir });
            }
            // A snapshot that fails is no reason to stop training.
            Err(error) if Interrupted::caused(&error) => {
                self.snapshot_lost(step, "it was broken off, and nothing of it kept: the run ends", outbox);
            }
            Err(error) => match WriteFailure::within(&error) {
                Some(failure) => self.failed_beside(&format!("the snapshot of step {step}"), failure, outbox),
                None => self.snapshot_lost(step, &format!("{error:#}"), outbox),
            },
        }
    }

    /// All steps are done: the last checkpoint, the last picture. Where it cannot be written, the worker waits.
    pub(super) fn finish(&mut self, outbox: &mut EventOutbox) -> Result<()> {
        if !self.save_checkpoint(outbox)? {
            let failure = self.writing.trouble.failure();
            let why = failure.map(|failure| format!("{}; {}", failure.cause, failure.remedy)).unwrap_or_default();
            self.wait(format!("all steps are done, but the last cannot be saved: {why}"), outbox);
            return Ok(());
        }
        let step = self.steps_done();
        let parts = &mut self.parts;
        let (frames, watched) = (&mut parts.frames, parts.audience == Audience::Screen);
        let show = |frame| {
            if watched {
                frames.send(frame);
            }
        };
        match parts.preview.finish_with_picture(step, show) {
            Ok(Some(picture)) => self.save_picture(picture, outbox),
            Ok(None) => {}
            Err(error) if Interrupted::caused(&error) => {}
            Err(error) => self.preview_failed(error, outbox),
        }
        self.mode = Mode::Finished;
        self.note("finish", "all steps done", outbox);
        outbox.send(Event::Phase(Phase::Finished));
        Ok(())
    }

    /// Ends the run, once what shall be saved is saved. A new run of which nothing was trained yet is not kept.
    pub(super) fn stop(&mut self, save: bool, why: Why, outbox: &mut EventOutbox) -> Result<Ending> {
        let finished = self.mode == Mode::Finished;
        if self.is_untouched() {
            self.discard();
            let words = "stopped before the first step: no run folder was kept";
            return Err(anyhow::Error::new(Interrupted).context(BrokenOff(words.into())));
        }
        if !finished {
            outbox.send(Event::Phase(Phase::Stopping));
        }
        // At step 0 there is nothing to lose, but a run folder without a checkpoint cannot go on.
        if save && !self.save_checkpoint(outbox)? {
            self.rescue(outbox)?;
        }
        // Whoever has asked for the end doesn't wait for a snapshot; the last step does.
        let asked = why == Why::Asked;
        let commands = self.parts.commands.clone();
        let ends = |command| matches!(command, Command::Quit { .. } | Command::Leave);
        let enough = || asked || interrupt::asked() || commands.try_iter().any(ends);
        while let Some((step, result)) = self.snapshots.wait(enough) {
            self.report_snapshot(step, result, outbox);
            if !self.writing.minor.is_on() && !enough() {
                self.begin_waiting_snapshot(outbox);
            }
        }
        for step in self.snapshots.abandon() {
            self.snapshot_lost(step, "the run ended before it could be written", outbox);
        }
        if save && !self.save_checkpoint(outbox)? {
            // The folder has gone while the snapshot was waited for.
            self.rescue(outbox)?;
        }
        self.end_history(outbox);
        let step = self.steps_done();
        if !finished {
            self.note("stop", if save { "saved" } else { "without saving" }, outbox);
        }
        self.end_events(outbox);
        if let Err(error) = self.parts.journal.sync() {
            let failure = WriteFailure::of(&error);
            outbox
                .send(Event::Warning { step, message: format!("the last events were not written: {}", failure.cause) });
        }
        Ok(Ending { run_dir: self.parts.run.path().to_path_buf(), step, finished, checkpoint: self.checkpoint.clone() })
    }
}
