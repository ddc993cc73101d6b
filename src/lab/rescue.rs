//! A run that cannot be saved in its own folder is saved elsewhere, whole.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

use super::outbox::EventOutbox;
use super::protocol::Event;
use super::worker::Worker;
use crate::data::copy_card;
use crate::run::checkpoint::{self, Origin};
use crate::run::tensorboard::LiveEvents;
use crate::run::{Journal, RunDir, WriteFailure, free_beside, own_card, write_class_names, write_replacing};

/// The folder for such runs, in the home folder or where temporary files go.
const FOLDER: &str = "difflab-rescued";

/// Where a run may be saved that has no room in `run`: at home, which stays, then where temporary files go.
pub fn places(run: &Path) -> Vec<PathBuf> {
    let absolute = std::path::absolute(run).unwrap_or_else(|_| run.to_path_buf());
    let name = absolute.file_name().unwrap_or(std::ffi::OsStr::new("run")).to_owned();
    let home = std::env::home_dir().filter(|home| home.is_absolute());
    home.into_iter().chain([std::env::temp_dir()]).map(|place| place.join(FOLDER).join(&name)).collect()
}

impl Worker {
    /// Saves the run in the first place that takes it; the run is there from now on.
    ///
    /// # Errors
    /// When none does: the message says what remains.
    pub(super) fn rescue(&mut self, outbox: &mut EventOutbox) -> Result<()> {
        let failure = self.writing.trouble.failure();
        let cause = failure.map_or_else(String::new, |failure| failure.cause.clone());
        let mut problems = vec![format!("{}: {cause}", self.parts.run.path().display())];
        for place in places(self.parts.run.path()) {
            match self.save_elsewhere(&place, outbox) {
                Ok(()) => return Ok(()),
                Err(error) => problems.push(format!("{}: {error:#}", place.display())),
            }
        }
        Err(anyhow!(
            "the training since the last checkpoint could not be saved\n  {}\n  {}",
            problems.join("\n  "),
            self.what_remains()
        ))
    }

    /// The run was to be left, and cannot be saved: the person is asked where to.
    pub(super) fn cannot_save(&mut self, outbox: &mut EventOutbox) {
        let failure = self.writing.trouble.failure();
        let reason = failure.map_or_else(String::new, |failure| format!("{}; {}", failure.cause, failure.remedy));
        self.ask_where_to(reason, outbox);
    }

    /// Nor can it be saved where the person wanted it.
    pub(super) fn cannot_save_there(&mut self, dir: &Path, error: &anyhow::Error, outbox: &mut EventOutbox) {
        let cause = WriteFailure::within(error).map_or_else(|| format!("{error:#}"), |failure| failure.cause);
        self.ask_where_to(format!("nor can it be saved in {}: {cause}", dir.display()), outbox);
    }

    fn ask_where_to(&mut self, reason: String, outbox: &mut EventOutbox) {
        let run = self.parts.run.path();
        let elsewhere = places(run).into_iter().next().unwrap_or_else(|| run.to_path_buf());
        let elsewhere = free_beside(&elsewhere).unwrap_or(elsewhere);
        outbox.send(Event::CannotSave { step: self.steps_done(), reason, elsewhere });
    }

    /// A checkpoint was asked for, and cannot be written now.
    pub(super) fn cannot_save_now(&mut self, outbox: &mut EventOutbox) {
        let cause = self.writing.trouble.failure().map_or_else(String::new, |failure| failure.cause.clone());
        let message = format!("no checkpoint now: {cause}; it is written as soon as that works");
        outbox.send(Event::Warning { step: self.steps_done(), message });
    }

    /// Writes the whole run, with a checkpoint of now, into the new folder `dir` (or the first free name beside
    /// it), and goes on there.
    ///
    /// # Errors
    /// When it cannot be written there; nothing is left there, and the run stays where it is.
    pub(super) fn save_elsewhere(&mut self, dir: &Path, outbox: &mut EventOutbox) -> Result<()> {
        let start = Instant::now();
        let parts = &mut self.parts;
        let dir = free_beside(dir)?;
        let state = parts.trainer.state()?;
        parts.progress.live = parts.live.record(&parts.config);
        let mut run: RunDir = parts.run.create_again(&dir, &parts.config)?;
        write_class_names(run.path(), &parts.facts.classes)?;
        parts.journal.copy_to(run.path()).context("writing metrics and events")?;
        let (loss, count) = parts.progress.loss_average.parts();
        let progress = (count > 0).then_some((state.step, loss));
        copy_card(&own_card(parts.run.path()), &own_card(run.path())).context("writing data-card.toml")?;
        let card = parts.facts.card(run.path(), &parts.config, parts.trainer.parameter_count(), progress);
        write_replacing(&run.path().join("README.md"), card.as_bytes()).context("writing README.md")?;
        let origin = Origin {
            identity: run.identity(),
            seed: parts.config.seed,
            spoiled: None,
            latents: parts.facts.latents.as_ref(),
        };
        let net = parts.trainer.net_config();
        let saved = checkpoint::save(run.path(), &parts.config, net, &state, &parts.progress, &origin)?;
        checkpoint::verify(&saved)?;
        let journal = Journal::open(run.path(), parts.config.diffusion.timesteps)?;

        // Whole: the run is there from now on.
        run.started();
        let before = std::mem::replace(&mut parts.run, run);
        parts.journal = journal;
        if parts.events.is_some() {
            // A problem there is none of this run's: its lines are whole.
            parts.events = Some(LiveEvents::open(parts.run.path(), state.step).0);
        }
        self.saved = Some((state.step, parts.live.clone()));
        self.checkpoint = Some(saved);
        self.writing.checkpoint_owed = false;
        let message = format!(
            "the run could not be saved in {}: the whole run is saved in {}: resume it there",
            before.path().display(),
            self.parts.run.path().display()
        );
        drop(before);
        self.standing.begun(self.parts.run.path());
        self.written_elsewhere(outbox);
        self.note("moved", &message, outbox);
        let step = state.step;
        outbox.send(Event::FolderMoved { step, dir: self.parts.run.path().to_path_buf(), message });
        if let Some(dir) = self.checkpoint.clone() {
            outbox.send(Event::CheckpointSaved { step, dir, took: start.elapsed() });
        }
        Ok(())
    }

    /// What `--resume` would go on from, in a sentence.
    pub(super) fn what_remains(&self) -> String {
        what_remains(self.parts.run.path())
    }
}

/// What `--resume` would go on from in a run folder, in a sentence.
pub fn what_remains(run: &Path) -> String {
    match checkpoint::newest_good(run) {
        Ok((step, ..)) => {
            format!("what remains: the checkpoint of step {step}; --resume {} continues from it", run.display())
        }
        Err(_) => match checkpoint::may_hide_some(run) {
            Some(why) => format!("which checkpoints remain can't be seen: {why}"),
            None => "the run has no checkpoint to continue from".into(),
        },
    }
}
