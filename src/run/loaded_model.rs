//! A trained network taken from a run folder, ready to sample.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use sha2::{Digest, Sha256};

use super::checkpoint::{all, cannot_look, data_of, newest_good, none_at_all, raw_weights, verify};
use super::class_names::class_names;
use super::dir::config_of;
use super::error::RunError;
use super::history::{self, history_file};
use super::identity::Identity;
use super::kept_autoencoder::kept_autoencoder;
use super::lock::is_trained_in;
use crate::config::{Config, ConfigError, PathName, Precision, SampleConfig, VarianceType};
use crate::diffusion::Parameterization;
use crate::kernels::Workers;
use crate::kernels::precision::obstacle;
use crate::nn::autoencoder::LatentSpace;
use crate::nn::{Net, NetConfig, Weights, open_network};
use crate::process::plain_file;

/// The averaged weights of one checkpoint, or of one step of the history, as a network, with what sampling needs to know.
/// A clone shares the weights.
#[derive(Clone)]
pub struct LoadedModel {
    pub config: Config,
    /// Averaged weights, unless [`Self::with_raw_weights`] made it; records no gradients.
    pub net: Net,
    pub parameterization: Parameterization,
    /// Height, width, channels of its pictures.
    pub image_shape: (usize, usize, usize),
    /// The same of what diffusion sees: the latents, where it happens in such.
    pub sample_shape: (usize, usize, usize),
    /// The autoencoder in whose latents it diffuses, if it does.
    pub latents: Option<LatentSpace>,
    /// Names of the classes (their numbers where the run did not keep names); empty when
    /// unconditional.
    pub classes: Vec<String>,
    /// Training steps behind these weights.
    pub step: u64,
    /// The checkpoint's folder, or the history's file.
    pub checkpoint: PathBuf,
    /// Are the weights the averaged ones?
    pub averaged: bool,
    /// Those of the network, which shares them.
    pub(super) weights: Weights,
    /// What the user should know: damaged checkpoints that were passed over.
    pub warnings: Vec<String>,
}

/// A checkpoint's step and folder, and what the user should know.
type Chosen = (u64, PathBuf, Vec<String>);

/// The checkpoint of a step, which has to be whole, or else its file in the history.
fn good_of_step(run_dir: &Path, step: u64) -> Result<Chosen, RunError> {
    let known = all(run_dir);
    let kept = history_file(run_dir, step);
    let checkpoint = known.iter().rfind(|(s, _)| *s == step).map(|(_, path)| path);
    match checkpoint.map(|path| (path, verify(path))) {
        Some((path, Ok(()))) => Ok((step, path.clone(), Vec::new())),
        Some((_, Err(error))) if kept.is_file() => {
            let warning = format!("{error}; taking the averaged weights of step {step} from the history instead");
            Ok((step, kept, vec![warning]))
        }
        Some((_, Err(error))) => Err(error),
        None if kept.is_file() => Ok((step, kept, Vec::new())),
        None => {
            let mut there_are = match known.iter().map(|(step, _)| step.to_string()).collect::<Vec<_>>() {
                none if none.is_empty() => none_at_all(run_dir),
                steps => format!("there are: {}", steps.join(", ")),
            };
            let kept: Vec<String> = history::steps(run_dir).iter().map(u64::to_string).collect();
            if !kept.is_empty() {
                there_are += &format!("; its history has: {}", kept.join(", "));
            }
            Err(RunError::NoSuchCheckpoint { path: run_dir.to_path_buf(), step, there_are })
        }
    }
}

/// The newest good checkpoint of the run with this config, or the one of step `at`.
///
/// # Errors
/// [`RunError`] when there is none that is whole.
pub(super) fn chosen(run_dir: &Path, at: Option<u64>, config: &Config) -> Result<Chosen, RunError> {
    let found = match at {
        None => newest_good(run_dir),
        Some(step) => good_of_step(run_dir, step),
    };
    found.map_err(|error| perhaps_later(run_dir, config, error))
}

/// The error of a run that has no checkpoint, unless it is one that is about to write its first.
fn perhaps_later(run_dir: &Path, config: &Config, error: RunError) -> RunError {
    let none = matches!(error, RunError::NoCheckpoint { .. } | RunError::NoSuchCheckpoint { .. });
    let kept = history::steps(run_dir);
    if !none || !all(run_dir).is_empty() || cannot_look(run_dir).is_some() || !is_trained_in(run_dir) {
        return error;
    }
    let every = config.train.checkpoint_every;
    let when = match every {
        1.. if every < config.train.steps => format!("after step {every}"),
        _ => "at its end".into(),
    };
    RunError::NoCheckpointYet {
        path: run_dir.to_path_buf(),
        first: match kept.last() {
            None => format!("the first is written {when}; Ctrl-C ends the training and writes one"),
            Some(step) => {
                format!("the first is written {when}; its history has averaged weights already: --step {step}")
            }
        },
    }
}

/// How often a checkpoint may vanish while it is opened.
const TRIES: usize = 5;

impl LoadedModel {
    /// Opens the newest good checkpoint of a run, or the one of step `checkpoint`: where that has none, what the history
    /// has kept of it.
    ///
    /// # Errors
    /// [`RunError`] when `run_dir` is no run, comes from a newer difflab, or has no such checkpoint
    /// that is whole.
    pub fn open(run_dir: &Path, checkpoint: Option<u64>) -> Result<Self> {
        let config = config_of(run_dir)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let found = chosen(run_dir, checkpoint, &config)?;
            let path = found.1.clone();
            match Self::read(run_dir, config.clone(), found) {
                // A run that trains has pruned it meanwhile, and has a newer one.
                Err(_) if checkpoint.is_none() && tries < TRIES && !path.exists() => {}
                read => return read,
            }
        }
    }

    fn read(run_dir: &Path, config: Config, (step, path, mut warnings): Chosen) -> Result<Self> {
        let (net_config, weights) = if history::is_history_file(&path) {
            let (net, weights, facts) = history::read(&path, &Device::Cpu)?;
            let ours = Identity::of(run_dir).map(|identity| identity.run);
            if ours.is_some_and(|ours| ours != facts.run) || facts.step != step {
                let what = format!("it is of step {} of another run ({}) or place", facts.step, facts.run);
                return Err(RunError::DamagedHistory { path, what }.into());
            }
            (net, weights)
        } else {
            let loaded = open_network(&path)?;
            warnings.extend(loaded.warnings);
            (loaded.config, loaded.weights)
        };
        let weights = weights.detached();
        let net = Net::new(&net_config, &weights)?;
        let trained = data_of(&path)?;
        let of_data = || trained.as_ref().map(|data| (data.height, data.width, data.channels));
        let known = match &net_config {
            // Its folder knows the longer side at most.
            NetConfig::Autoencoder(net) => of_data().or(net.sample_shape()).or_else(|| {
                let side = config.data.image_size;
                (side > 0).then_some((side, side, net.channels()))
            }),
            net => net.sample_shape().or_else(of_data),
        };
        let Some(sample_shape) = known else {
            return Err(
                RunError::damaged(&path, "its network's config.json does not say the size of the images").into()
            );
        };
        let latents = match config.diffuses_latents() {
            true => {
                let (space, said) = kept_autoencoder(run_dir, &path, &net_config, &Arc::new(Workers::new(0)?))?;
                warnings.extend(said);
                Some(space)
            }
            false => None,
        };
        let (classes, said) = class_names(run_dir, trained.as_ref(), net.num_classes().unwrap_or(0));
        warnings.extend(said);
        Ok(Self {
            parameterization: Parameterization::from_config(&config.diffusion).context("the run's path")?,
            image_shape: latents.as_ref().map_or(sample_shape, LatentSpace::image_shape),
            sample_shape,
            latents,
            config,
            net,
            classes,
            step,
            checkpoint: path,
            averaged: true,
            weights,
            warnings,
        })
    }

    /// By which its checkpoint is known again: a few digits of a hash of its checksums.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn digest(&self) -> Result<String> {
        let path = self.checkpoint.join("difflab/checksums.sha256");
        let checksums = match self.is_from_history() {
            true => history::facts_of(&self.checkpoint)?.sha256,
            false => plain_file::read_text(&path).with_context(|| format!("reading {}", path.display()))?,
        };
        Ok(Sha256::digest(checksums.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect())
    }

    /// Are its weights from the history, where they are kept in half precision?
    pub fn is_from_history(&self) -> bool {
        history::is_history_file(&self.checkpoint)
    }

    /// The same with the raw weights of the checkpoint in place of the averaged ones.
    ///
    /// # Errors
    /// [`RunError`] of a step that only the history has, and when the weights cannot be read.
    pub fn with_raw_weights(&self) -> Result<Self> {
        if self.is_from_history() {
            let problem = format!(
                "step {} is kept in the run's history, which has the averaged weights alone; raw ones are in checkpoints",
                self.step
            );
            return Err(RunError::NotTheSame(problem).into());
        }
        let weights = raw_weights(&self.checkpoint)?.detached();
        let net = Net::new(&self.net.config(), &weights)?;
        Ok(Self { net, weights, averaged: false, ..self.clone() })
    }

    /// What diffusion sees of pictures `[N, H, W, C]`: their latents, where it happens in such.
    ///
    /// # Errors
    /// When they have another shape than its pictures.
    pub fn seen(&self, pictures: &Tensor) -> Result<Tensor> {
        self.latents.as_ref().map_or_else(|| Ok(pictures.clone()), |latents| latents.encode(pictures))
    }

    /// The pictures of what diffusion sees: the decoded latents, where it happens in such.
    ///
    /// # Errors
    /// When it has another shape than that.
    pub fn shown(&self, seen: &Tensor) -> Result<Tensor> {
        self.latents.as_ref().map_or_else(|| Ok(seen.clone()), |latents| latents.decode(seen))
    }

    /// The weights of [`Self::net`], which shares them.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The network, multiplying in `precision`.
    ///
    /// # Errors
    /// When this machine can't.
    pub fn net_in(&self, precision: Precision) -> Result<Net> {
        if let Some(problem) = obstacle(precision, &Device::Cpu) {
            let value = precision.name().into();
            return Err(ConfigError::Impossible { key: "sample.precision".into(), value, problem }.into());
        }
        Net::with_precision(&self.net.config(), &self.weights, precision)
    }

    /// "EMA weights of step 300 (f16, from the history)".
    pub fn weights_in_words(&self) -> String {
        let which = if self.averaged { "EMA" } else { "raw" };
        let kept = if self.is_from_history() { " (f16, from the history)" } else { "" };
        format!("{which} weights of step {}{kept}", self.step)
    }

    /// Samples otherwise than the run does: `KEY=VALUE` overrides of the keys of `[sample]`, and of the two of
    /// `[diffusion]` that sampling may take otherwise than training did. They are judged beside what else is asked for:
    /// `over` puts flags in the place of keys.
    ///
    /// # Errors
    /// [`ConfigError`] for a key or value that can't be, and for what the network was trained with.
    pub fn set(&mut self, overrides: &[String], over: impl FnOnce(&SampleConfig) -> SampleConfig) -> Result<()> {
        if overrides.is_empty() {
            return Ok(());
        }
        let path = self.config.diffusion.path;
        for given in overrides {
            let key = given.split('=').next().unwrap_or_default().trim();
            let problem = if key == SHIFT && path != PathName::Flow {
                format!("{SHIFT} moves the levels of path flow, and this run's path is {}", path.name())
            } else if !is_of_sampling(key) {
                format!(
                    "a trained network is sampled otherwise by the keys of [sample], {}; the others belong to its \
                     training",
                    OF_DIFFUSION.join(" and ")
                )
            } else {
                continue;
            };
            return Err(ConfigError::Override { given: given.clone(), problem, example: EXAMPLE }.into());
        }
        let config = self.config.clone().with_overrides(overrides).map_err(|error| error.with_example(EXAMPLE))?;
        let asked = Config { sample: over(&config.sample), ..config.clone() };
        self.warnings.extend(asked.validate_sampling()?);
        let shift = config.diffusion.shift;
        if path == PathName::Flow && !(shift > 0.0 && shift.is_finite()) {
            return Err(ConfigError::Impossible {
                key: SHIFT.into(),
                value: shift.to_string(),
                problem: "use a number above 0; 1 leaves the levels evenly spaced".into(),
            }
            .into());
        }
        let learned = |config: &Config| config.diffusion.variance_type == VarianceType::LearnedRange;
        if learned(&config) != learned(&self.config) {
            return Err(ConfigError::Impossible {
                key: "diffusion.variance_type".into(),
                value: config.diffusion.variance_type.name().into(),
                problem: format!("the network was trained with {}", self.config.diffusion.variance_type.name()),
            }
            .into());
        }
        self.parameterization = Parameterization::from_config(&config.diffusion)?;
        self.config = config;
        Ok(())
    }
}

/// Can a trained network be sampled otherwise by the key of this path ("sample.eta")?
pub fn is_of_sampling(path: &str) -> bool {
    path.starts_with("sample.") || OF_DIFFUSION.contains(&path)
}

/// Keys outside of [sample] that it can be sampled with otherwise.
const OF_DIFFUSION: [&str; 2] = ["diffusion.variance_type", SHIFT];
const SHIFT: &str = "diffusion.shift";
/// What can always be set otherwise.
const EXAMPLE: &str = "sample.eta=0.5";
