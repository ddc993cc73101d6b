//! A fork's beginning: what its parent had at a checkpoint, held against the data and the config before anything is
//! built.

use std::path::Path;

use anyhow::{Context, Result};
use candle_core::Device;

use super::live::Live;
use crate::config::Config;
use crate::data::DataIdentity;
use crate::diffusion::Schedule;
use crate::run::checkpoint::{self, Progress};
use crate::run::{ForkPoint, check_same_latents};
use crate::train::{Trainer, TrainerState};

/// Times that a checkpoint may be taken away while it is read.
const TRIES: usize = 5;

/// A parent's checkpoint, read whole.
pub struct Forked {
    from: ForkPoint,
    state: TrainerState,
    /// The smoothed loss and the time go on from the parent's.
    pub progress: Progress,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Forked {
    /// Reads the checkpoint where `config` and the data may go on from there; `said` is what loading the data said.
    ///
    /// # Errors
    /// [`RunError`](crate::run::RunError): a checkpoint that cannot be read, or data that its network cannot take.
    pub fn open(
        from: &ForkPoint,
        config: &Config,
        (data, said): (&DataIdentity, &[String]),
        accept_data: bool,
        device: &Device,
    ) -> Result<Self> {
        check_same_latents(&from.before, config)?;
        let mut warnings = from.warnings.clone();
        let judged = from.check_data(config, data, accept_data);
        warnings.extend(judged.map_err(|error| error.with_words_of_loading(said))?);
        let loaded = checkpoint::load(&from.checkpoint, config, device)?;
        let (mut state, mut progress) = (loaded.state, loaded.progress);
        // Of the parent's bins or way of drawing, they say nothing here.
        let (before, now) = (&from.before, config);
        if before.diffusion != now.diffusion || before.train.timestep_sampling != now.train.timestep_sampling {
            state.timestep_sampler.clear();
        }
        if before.train.optimizer != now.train.optimizer {
            state.begin_moments()?;
            warnings.push("the optimizer is another: its moments begin anew".into());
        }
        if before.diffusion.timesteps != now.diffusion.timesteps {
            progress.timestep_loss = Progress::new(config).timestep_loss;
        }
        Ok(Self { from: from.clone(), state, progress, warnings })
    }

    /// The same of a run that may train meanwhile, and take its older checkpoints away: of the newest, whichever that is by
    /// then.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_newest(
        from: &ForkPoint,
        config: &mut Config,
        data: (&DataIdentity, &[String]),
        accept_data: bool,
        device: &Device,
    ) -> Result<Self> {
        let mut from = from.as_it_is_now(config)?;
        for _ in 0..TRIES {
            match Self::open(&from, config, data, accept_data, device) {
                Err(_) if from.is_newest && !from.checkpoint.exists() => from = from.as_it_is_now(config)?,
                opened => return opened,
            }
        }
        Self::open(&from, config, data, accept_data, device)
    }

    /// The parent's run folder, and the checkpoint in it.
    pub fn parent(&self) -> (&Path, &Path) {
        (&self.from.run, &self.from.checkpoint)
    }

    /// Lets the trainer go on from the parent's weights, averages and moments.
    ///
    /// # Errors
    /// When they don't fit, or no steps are left.
    pub fn take_over(&self, trainer: &mut Trainer, config: &Config) -> Result<()> {
        if config.train.steps <= self.from.step {
            return Err(self.from.no_steps_left(config.train.steps).into());
        }
        let place = || format!("forking {}", self.from.checkpoint.display());
        trainer.restore(&self.state).with_context(place)
    }

    /// What a person had set in the parent and the fork does not set otherwise; beside it, what can't be taken over.
    pub fn live(&self, config: &Config, known: (&Schedule, &[String])) -> (Live, Option<String>) {
        Live::restored((&self.from.before, config), &self.progress.live, self.state.learning_rate_scale, known)
    }

    /// What events.jsonl says of the beginning: "of runs/a at step 500, with train.learning_rate=0.0003".
    pub fn words(&self, live: &Live, config: &Config, classes: &[String]) -> String {
        let mut words = format!("of {} at step {}", self.from.run.display(), self.from.step);
        if let Some(parent) = config.parent.as_ref().filter(|parent| !parent.changes.is_empty()) {
            words += &format!(", with {}", parent.changes);
        }
        match live.words(config, classes) {
            Some(set) => words + &format!("; still set: {set}"),
            None => words,
        }
    }
}
