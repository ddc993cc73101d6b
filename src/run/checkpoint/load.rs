//! Finding and reading checkpoints.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use super::list::{FoundCheckpoint, list};
use super::manifest;
use super::none::none_to_go_on_from;
use super::standing_in::in_run_folder;
use super::state::{Progress, StateFile, parse};
use crate::config::Config;
use crate::nn::{Weights, open_network, safetensors_file};
use crate::process::plain_file;
use crate::run::plain_files::strange_below;
use crate::run::{Identity, RunError, history};
use crate::train::{LossAverage, LossRange, TimestepLoss, TrainerState};

/// The losses that timesteps are drawn by, where they are.
pub(super) const TIMESTEP_SAMPLER: &str = "timestep_sampler.safetensors";

/// A checkpoint read whole.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub path: PathBuf,
    pub state: TrainerState,
    pub progress: Progress,
}

/// Checks that a checkpoint is whole, unchanged since it was written, and of a format that we read. Its autoencoder may be that of
/// the run folder ([`lacks_autoencoder`](super::lacks_autoencoder)).
///
/// # Errors
/// [`RunError::Damaged`] with what is wrong, or [`RunError::NewerFormat`].
pub fn verify(path: &Path) -> Result<(), RunError> {
    if let Some((strange, what)) = strange_below(path) {
        return Err(RunError::damaged(path, format!("{} is {what}", strange.display())));
    }
    // The version first: a newer format may keep its checksums elsewhere.
    if let Ok(text) = plain_file::read_text(&path.join("difflab/state.json"))
        && let Err(error @ RunError::NewerFormat { .. }) = parse(path, &text)
    {
        return Err(error);
    }
    manifest::verify(path, |name| in_run_folder(path, name))
}

/// The newest checkpoint of the run that is whole, its own and not spoiled, and a warning for each newer one that
/// is passed over. What was kept when training diverged is taken where there is nothing else.
///
/// # Errors
/// [`RunError::NewerFormat`] when the newest comes from a newer difflab, [`RunError::NoCheckpoint`]
/// when none can be used.
pub fn newest_good(run: &Path) -> Result<(u64, PathBuf, Vec<String>), RunError> {
    let of = Identity::of(run).map(|identity| identity.run);
    let mut passed_over = Vec::new();
    let mut spoiled: Option<(FoundCheckpoint, String)> = None;
    for found in list(run).into_iter().rev() {
        if found.is_foreign(of.as_deref()) {
            passed_over.push(foreign(&found, of.as_deref()).to_string());
            continue;
        }
        match (verify(&found.path), &found.spoiled) {
            (Ok(()), None) => return Ok(instead(found, passed_over)),
            (Ok(()), Some(why)) => {
                let what = format!("the checkpoint {} is what was left when training diverged ({why})", shown(&found));
                passed_over.push(what.clone());
                spoiled.get_or_insert((found, what));
            }
            (Err(error @ RunError::NewerFormat { .. }), _) => return Err(error),
            (Err(error), _) => passed_over.push(error.to_string()),
        }
    }
    if let Some((found, what)) = spoiled {
        let step = found.step;
        passed_over.retain(|other| *other != what);
        let (_, path, mut warnings) = instead(found, passed_over);
        let anew = format!("difflab {} --run ANOTHER_FOLDER", run.join("config.toml").display());
        warnings.push(format!("{what}; it is all there is, and may diverge again: better start anew with {anew}"));
        return Ok((step, path, warnings));
    }
    let details = match passed_over.is_empty() {
        true => none_to_go_on_from(run),
        false => passed_over.join("\n  "),
    };
    Err(RunError::NoCheckpoint { path: run.to_path_buf(), details })
}

/// The newest good checkpoint of an earlier step than `step`; one that was left when training diverged is none.
pub fn newest_unspoiled_before(run: &Path, step: u64) -> Option<u64> {
    let of = Identity::of(run).map(|identity| identity.run);
    let good = |found: &FoundCheckpoint| {
        found.step < step && found.spoiled.is_none() && !found.is_foreign(of.as_deref()) && verify(&found.path).is_ok()
    };
    list(run).into_iter().rev().find(good).map(|found| found.step)
}

/// Is there a checkpoint that `--resume` would go on from?
pub fn can_resume(run: &Path) -> bool {
    newest_good(run).is_ok()
}

fn instead(found: FoundCheckpoint, passed_over: Vec<String>) -> (u64, PathBuf, Vec<String>) {
    let warnings = passed_over.iter().map(|what| format!("{what}; going on from step {} instead", found.step));
    (found.step, found.path, warnings.collect())
}

fn foreign(found: &FoundCheckpoint, ours: Option<&str>) -> RunError {
    let seed = found.seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
    RunError::Foreign {
        path: found.path.clone(),
        theirs: format!("{}{seed}", found.run.as_deref().unwrap_or("unknown")),
        ours: ours.unwrap_or("unknown").into(),
    }
}

fn shown(found: &FoundCheckpoint) -> String {
    found.path.display().to_string()
}

/// Reads a verified checkpoint onto `device`. Of a history's file, which has the averages alone, the weights are those
/// too, and all else begins anew.
///
/// # Errors
/// [`RunError`] when a file does not hold what it should.
pub fn load(path: &Path, config: &Config, device: &Device) -> Result<Loaded> {
    if history::is_history_file(path) {
        return averages_alone(path, config, device);
    }
    let file = path.join("difflab/state.json");
    let text = plain_file::read_text(&file).map_err(|error| RunError::not_readable(&file, error))?;
    let file = parse(path, &text)?;
    let ema = open_network(path)?.weights;
    let state = TrainerState {
        step: file.step,
        learning_rate_scale: file.learning_rate_scale,
        weights: tensors(&path.join("difflab/weights.safetensors"), device)?,
        ema: ema.iter().map(|(name, tensor)| (name.to_string(), tensor.clone())).collect(),
        moments: tensors(&path.join("difflab/optimizer.safetensors"), device)?,
        moments_since: file.moments_since,
        timestep_sampler: match path.join("difflab").join(TIMESTEP_SAMPLER) {
            // In f64, which not every device has.
            file if file.exists() => tensors(&file, &Device::Cpu)?,
            _ => Vec::new(),
        },
    };
    Ok(Loaded { path: path.to_path_buf(), state, progress: progress(&file, config) })
}

/// The raw weights of a verified checkpoint, as training had them.
///
/// # Errors
/// When the file does not read.
pub fn raw_weights(path: &Path) -> Result<Weights> {
    let tensors = tensors(&path.join("difflab/weights.safetensors"), &Device::Cpu)?;
    Ok(Weights::from_map(tensors.into_iter().collect()))
}

fn averages_alone(path: &Path, config: &Config, device: &Device) -> Result<Loaded> {
    let (_, averages, facts) = history::read(path, device)?;
    let ema: Vec<(String, Tensor)> = averages.iter().map(|(name, tensor)| (name.into(), tensor.clone())).collect();
    let mut state = TrainerState {
        step: facts.step,
        learning_rate_scale: 1.0,
        weights: ema.clone(),
        ema,
        moments: Vec::new(),
        moments_since: facts.step,
        timestep_sampler: Vec::new(),
    };
    state.begin_moments()?;
    Ok(Loaded { path: path.to_path_buf(), state, progress: Progress::new(config) })
}

fn progress(file: &StateFile, config: &Config) -> Progress {
    let mut timestep_loss = TimestepLoss::new(config.diffusion.timesteps, config.train.timestep_bins);
    timestep_loss.restore(&file.timestep_loss_sum, &file.timestep_loss_count);
    let loss_average = LossAverage::from_parts(Progress::LOSS_DECAY, file.loss_smoothed, file.losses_averaged);
    let loss_range = match file.loss_range[..] {
        [least, most] => LossRange::default().with(least).with(most),
        _ => LossRange::default(),
    };
    let (elapsed_s, threads, live) = (file.elapsed_s, file.threads, file.live.clone());
    Progress { elapsed_s, loss_average, loss_range, timestep_loss, threads, data: None, live }
}

fn tensors(path: &Path, device: &Device) -> Result<Vec<(String, Tensor)>> {
    let map = candle_core::safetensors::load_buffer(&safetensors_file::read(path)?, device)
        .with_context(|| format!("reading {}", path.display()))?;
    Ok(map.into_iter().collect())
}
