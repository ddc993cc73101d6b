//! A run whose mathematics is explained from its files: a checkpoint, its data, and its losses.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::Device;

use super::checkpoint::{self, CheckpointFacts};
use super::data_changes::{MOVED, check_measured};
use super::error::RunError;
use super::latents::seen_data;
use super::loaded_model::LoadedModel;
use super::recent_losses::RecentLosses;
use crate::data::{self, DataIdentity, Dataset};
use crate::explain::{
    AskedNetwork, ExplainedSubject, Explanation, Focus, Topic, explain, shown_in_pictures, training_step,
};
use crate::kernels::Workers;
use crate::process::shell_word;
use crate::train::Trainer;

/// Everything that the numbers of an explanation come from. Nothing in the run is written.
pub struct ExplainedRun {
    dir: PathBuf,
    model: LoadedModel,
    train: Dataset,
    held_out: Dataset,
    workers: Arc<Workers>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl ExplainedRun {
    /// The run in `dir` at its newest good checkpoint, or at that of step `at`.
    ///
    /// # Errors
    /// As [`LoadedModel::open`]; and when its data can't be had, or are others and `accept_data` is not said.
    pub fn open(dir: &Path, at: Option<u64>, accept_data: bool, workers: Arc<Workers>) -> Result<Self> {
        Self::of(dir, LoadedModel::open(dir, at)?, accept_data, workers)
    }

    /// The run in `dir` with a network of it, and the data that the network's config names.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of(dir: &Path, model: LoadedModel, accept_data: bool, workers: Arc<Workers>) -> Result<Self> {
        let config = &model.config;
        let dataset = data::load(&config.data)?;
        let identity = DataIdentity::of(&dataset);
        let dataset = seen_data(config, dataset, Some(&identity), model.latents.as_ref())?;
        let held_out = config.data.held_out.of(dataset.len());
        let (train, held_out) = dataset.split_held_out(held_out, config.seed)?;
        let facts = CheckpointFacts::of(&model.checkpoint)?;
        let mut warnings = model.warnings.clone();
        warnings.extend(check_measured(&facts, dir, config, &identity, (accept_data, MOVED))?);
        Ok(Self { dir: dir.to_path_buf(), model, train, held_out, workers, warnings })
    }

    /// The step of its weights.
    pub fn step(&self) -> u64 {
        self.model.step
    }

    pub fn subject(&self) -> ExplainedSubject<'_> {
        ExplainedSubject {
            config: &self.model.config,
            parameterization: &self.model.parameterization,
            data: &self.train,
            latents: self.model.latents.as_ref(),
            network: Some(AskedNetwork { net: &self.model.net, words: self.model.weights_in_words() }),
            workers: &self.workers,
        }
    }

    /// # Errors
    /// As [`explain`], and when the run's losses can't be read.
    pub fn explain(&self, topic: Topic, focus: Focus) -> Result<Explanation> {
        let losses = match topic {
            Topic::Bound => RecentLosses::of(&self.dir)?.0.column(),
            _ => None,
        };
        if topic == Topic::TrainingStep {
            let run = shell_word(&self.dir.display().to_string());
            return Ok(training_step::from_outside(&format!("difflab explain training-step --run {run}")));
        }
        explain(topic, &self.subject(), focus, losses.as_ref())
    }

    /// The training step that would come next, taken in memory, with the change of the weight called `weight`.
    ///
    /// # Errors
    /// Where only the averaged weights of the step are kept; what the trainer reports.
    pub fn training_step(&self, weight: Option<&str>) -> Result<Explanation> {
        let (config, folder) = (&self.model.config, &self.model.checkpoint);
        if self.model.is_from_history() {
            let problem = format!(
                "a training step needs the optimizer's moments, and of step {} the run's history has the averaged weights \
                 alone: name a step that has a checkpoint",
                self.model.step
            );
            return Err(RunError::NotTheSame(problem).into());
        }
        let mut trainer = Trainer::new(config, self.train.clone(), &self.held_out, &Device::Cpu, self.workers.clone())?;
        let loaded = checkpoint::load(folder, config, &Device::Cpu)?;
        trainer.restore(&loaded.state).with_context(|| format!("going on from {}", folder.display()))?;
        let words =
            format!("{}, from its checkpoint of step {}; nothing is written", self.dir.display(), self.model.step);
        let said = training_step::explain(&trainer.step_by_hand(weight)?, config, &self.train, &words)?;
        shown_in_pictures(said, self.model.latents.as_ref())
    }
}
