//! Finding and reading checkpoints.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use super::manifest;
use super::state::{Progress, StateFile, parse};
use crate::config::Config;
use crate::nn::open_network;
use crate::run::RunError;
use crate::train::{LossAverage, TimestepLoss, TrainerState};

/// The losses that timesteps are drawn by, where they are.
pub(super) const TIMESTEP_SAMPLER: &str = "timestep_sampler.safetensors";

/// A checkpoint read whole.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub path: PathBuf,
    pub state: TrainerState,
    pub progress: Progress,
}

/// Where the checkpoint of `step` lies in the run folder `run`.
pub(super) fn folder(run: &Path, step: u64) -> PathBuf {
    run.join("checkpoints").join(format!("step-{step:08}"))
}

/// The step in a checkpoint folder's name.
pub fn step_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("step-")?.parse().ok()
}

/// Every checkpoint of a run, oldest first; half-written ones are not among them.
pub fn all(run: &Path) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .filter_map(|path| step_of(&path).map(|step| (step, path)))
        .collect();
    found.sort();
    found
}

/// Checks that a checkpoint is whole, unchanged since it was written, and of a format that we read.
///
/// # Errors
/// [`RunError::Damaged`] with what is wrong, or [`RunError::NewerFormat`].
pub fn verify(path: &Path) -> Result<(), RunError> {
    // The version first: a newer format may keep its checksums elsewhere.
    if let Ok(text) = fs::read_to_string(path.join("difflab/state.json"))
        && let Err(error @ RunError::NewerFormat { .. }) = parse(path, &text)
    {
        return Err(error);
    }
    manifest::verify(path)
}

/// The newest checkpoint that is whole, and a warning for each newer one that is not.
///
/// # Errors
/// [`RunError::NewerFormat`] when the newest comes from a newer difflab, [`RunError::NoCheckpoint`]
/// when none is whole.
pub fn newest_good(run: &Path) -> Result<(u64, PathBuf, Vec<String>), RunError> {
    let mut warnings = Vec::new();
    for (step, path) in all(run).into_iter().rev() {
        match verify(&path) {
            Ok(()) => {
                let warnings = warnings.iter().map(|w| format!("{w}; going on from step {step} instead")).collect();
                return Ok((step, path, warnings));
            }
            Err(error @ RunError::NewerFormat { .. }) => return Err(error),
            Err(error) => warnings.push(error.to_string()),
        }
    }
    let details = match warnings.is_empty() {
        true => "it stopped before the first one was written; start it anew".to_string(),
        false => warnings.join("\n  "),
    };
    Err(RunError::NoCheckpoint { path: run.to_path_buf(), details })
}

/// Reads a verified checkpoint onto `device`.
///
/// # Errors
/// [`RunError`] when a file does not hold what it should.
pub fn load(path: &Path, config: &Config, device: &Device) -> Result<Loaded> {
    let file = path.join("difflab/state.json");
    let text = fs::read_to_string(&file).map_err(|error| RunError::not_readable(&file, error))?;
    let file = parse(path, &text)?;
    let ema = open_network(path)?.weights;
    let state = TrainerState {
        step: file.step,
        learning_rate_scale: file.learning_rate_scale,
        weights: tensors(&path.join("difflab/weights.safetensors"), device)?,
        ema: ema.iter().map(|(name, tensor)| (name.to_string(), tensor.clone())).collect(),
        moments: tensors(&path.join("difflab/optimizer.safetensors"), device)?,
        timestep_sampler: match path.join("difflab").join(TIMESTEP_SAMPLER) {
            // In f64, which not every device has.
            file if file.exists() => tensors(&file, &Device::Cpu)?,
            _ => Vec::new(),
        },
    };
    Ok(Loaded { path: path.to_path_buf(), state, progress: progress(&file, config) })
}

fn progress(file: &StateFile, config: &Config) -> Progress {
    let mut timestep_loss = TimestepLoss::new(config.diffusion.timesteps, config.train.timestep_bins);
    timestep_loss.restore(&file.timestep_loss_sum, &file.timestep_loss_count);
    let loss_average = LossAverage::from_parts(Progress::LOSS_DECAY, file.loss_smoothed, file.losses_averaged);
    Progress { elapsed_s: file.elapsed_s, loss_average, timestep_loss, threads: file.threads, data: None }
}

fn tensors(path: &Path, device: &Device) -> Result<Vec<(String, Tensor)>> {
    let map = candle_core::safetensors::load(path, device).with_context(|| format!("reading {}", path.display()))?;
    Ok(map.into_iter().collect())
}
