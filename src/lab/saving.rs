//! What the worker writes: checkpoints, snapshots, the model card, and the end of a run.

use std::time::Instant;

use anyhow::{Context, Result};

use super::outbox::Outbox;
use super::plan::Ending;
use super::protocol::{Command, Event, Phase};
use super::snapshots::Order;
use super::worker::{Mode, Worker};
use crate::process::interrupt::{self, BrokenOff, Interrupted};
use crate::run::{checkpoint, write_replacing};

/// Why a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Somebody has asked for it.
    Asked,
    /// There is nothing left to do.
    Done,
}

impl Worker {
    /// Is this a new run of which there is nothing yet: no step, no checkpoint, no picture?
    fn is_untouched(&self) -> bool {
        let anything = |name: &&str| self.parts.run.path().join(name).exists();
        self.is_new && self.steps_done() == 0 && !["checkpoints", "snapshots", "previews"].iter().any(anything)
    }

    /// Writes a checkpoint of the present step, unless there is one.
    ///
    /// # Errors
    /// When the disk is full or gone, or a weight is not finite; older checkpoints stay.
    pub(super) fn save_checkpoint(&mut self, outbox: &mut Outbox) -> Result<()> {
        let step = self.steps_done();
        if self.saved_step == Some(step) {
            return Ok(());
        }
        let start = Instant::now();
        let parts = &mut self.parts;
        // The lines first: a checkpoint then never has a later step than they do.
        parts.journal.sync()?;
        let state = parts.trainer.state()?;
        let run = parts.run.path();
        let dir = checkpoint::save(run, &parts.config, parts.trainer.net_config(), &state, &parts.progress)?;
        checkpoint::prune(run, parts.config.train.keep_checkpoints)?;
        parts.journal.event(step, "checkpoint", &dir.display().to_string())?;
        self.saved_step = Some(step);
        self.checkpoint = Some(dir.clone());
        self.write_card()?;
        outbox.send(Event::CheckpointSaved { step, dir, took: start.elapsed() });
        Ok(())
    }

    /// Writes the model card as it stands.
    ///
    /// # Errors
    /// When the run folder cannot be written to.
    pub fn write_card(&self) -> Result<()> {
        let parts = &self.parts;
        let (loss, count) = parts.progress.loss_average.parts();
        let progress = (count > 0).then_some((self.steps_done(), loss));
        let card = parts.facts.card(&parts.config, parts.trainer.parameter_count(), progress);
        let path = parts.run.path().join("README.md");
        write_replacing(&path, card.as_bytes()).with_context(|| format!("writing {}", path.display()))
    }

    /// Begins a snapshot of the newest averaged weights.
    pub(super) fn start_snapshot(&mut self, outbox: &mut Outbox) -> Result<()> {
        let step = self.steps_done();
        let parts = &self.parts;
        let begun = self.snapshots.start(Order {
            run_dir: parts.run.path().to_path_buf(),
            step,
            config: parts.config.clone(),
            net_config: parts.trainer.net_config().clone(),
            weights: parts.trainer.ema_weights(),
            parameterization: parts.trainer.parameterization().clone(),
            image_shape: parts.facts.image_shape,
            class_names: parts.facts.classes.clone(),
            settings: parts.preview.settings().clone(),
        })?;
        if !begun {
            let message = "a snapshot is being written already; ask again when it is done".into();
            outbox.send(Event::Warning { step, message });
        }
        Ok(())
    }

    /// Reports the snapshot that has become ready.
    pub(super) fn collect_snapshot(&mut self, outbox: &mut Outbox) -> Result<()> {
        match self.snapshots.ready() {
            Some((step, result)) => self.report_snapshot(step, result, outbox),
            None => Ok(()),
        }
    }

    fn report_snapshot(&mut self, step: u64, result: Result<std::path::PathBuf>, outbox: &mut Outbox) -> Result<()> {
        match result {
            Ok(dir) => {
                self.parts.journal.event(step, "snapshot", &dir.display().to_string())?;
                outbox.send(Event::SnapshotSaved { step, dir });
            }
            // A snapshot that fails is no reason to stop training.
            Err(error) => {
                let message = match Interrupted::caused(&error) {
                    true => format!("the snapshot of step {step} was broken off, and nothing of it kept: the run ends"),
                    false => format!("the snapshot of step {step} failed: {error:#}"),
                };
                self.parts.journal.event(step, "warning", &message)?;
                outbox.send(Event::Warning { step, message });
            }
        }
        Ok(())
    }

    /// All steps are done: the last checkpoint, the last picture.
    pub(super) fn finish(&mut self, outbox: &mut Outbox) -> Result<()> {
        self.save_checkpoint(outbox)?;
        let step = self.steps_done();
        let parts = &mut self.parts;
        let frames = &parts.frames;
        match parts.preview.finish_with_picture(parts.run.path(), step, |frame| frames.send(frame)) {
            Ok(Some(file)) => self.preview_saved(step, file, outbox)?,
            Ok(None) => {}
            Err(error) if Interrupted::caused(&error) => {}
            Err(error) => self.preview_failed(error, outbox)?,
        }
        self.mode = Mode::Finished;
        self.parts.journal.event(step, "finish", "all steps done")?;
        outbox.send(Event::Phase(Phase::Finished));
        Ok(())
    }

    /// Ends the run, saving first if asked. A new run of which nothing was trained yet is not kept.
    pub(super) fn stop(&mut self, save: bool, why: Why, outbox: &mut Outbox) -> Result<Ending> {
        let finished = self.mode == Mode::Finished;
        if self.is_untouched() {
            self.parts.run.discard()?;
            let words = "stopped before the first step: no run folder was kept";
            return Err(anyhow::Error::new(Interrupted).context(BrokenOff(words.into())));
        }
        if !finished {
            outbox.send(Event::Phase(Phase::Stopping));
        }
        // At step 0 there is nothing to lose, but a run folder without a checkpoint cannot go on.
        if save {
            self.save_checkpoint(outbox)?;
        }
        // Whoever has asked for the end doesn't wait for a snapshot; the last step does.
        let asked = why == Why::Asked;
        let commands = self.parts.commands.clone();
        let enough = || asked || interrupt::asked() || commands.try_iter().any(|c| matches!(c, Command::Quit { .. }));
        if let Some((step, result)) = self.snapshots.wait(enough) {
            self.report_snapshot(step, result, outbox)?;
        }
        let step = self.steps_done();
        if !finished {
            self.parts.journal.event(step, "stop", if save { "saved" } else { "without saving" })?;
        }
        self.parts.journal.sync()?;
        Ok(Ending { run_dir: self.parts.run.path().to_path_buf(), step, finished, checkpoint: self.checkpoint.clone() })
    }
}
