//! The autoencoder that a latent run keeps: it needs the one that it was made with, whatever becomes of where that came from.
//!
//! ```text
//! autoencoder/           in the run folder: config.json, diffusion_pytorch_model.safetensors
//! checkpoints/…/vae/     the same in each checkpoint, under its checksums
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use super::checkpoint::{self, AUTOENCODER, lacks_autoencoder};
use super::error::RunError;
use super::history::{self, is_history_file};
use crate::config::Config;
use crate::kernels::Workers;
use crate::nn::NetConfig;
use crate::nn::autoencoder::{LatentSpace, autoencoder_config, autoencoder_sha256, open_autoencoder, save_autoencoder};

/// Writes the run's copy, unless it is there; says so where it takes the place of another one, or of a damaged one.
///
/// # Errors
/// [`RunError::NotWritable`] with why.
pub fn keep_autoencoder(run: &Path, space: &LatentSpace) -> Result<Option<String>, RunError> {
    let folder = run.join(AUTOENCODER);
    let there = folder.exists();
    if there
        && let Ok(loaded) = open_autoencoder(&folder)
        && autoencoder_sha256(&loaded.config, &loaded.weights).is_ok_and(|sha256| sha256 == space.sha256())
    {
        return Ok(None);
    }
    let written = save_autoencoder(&folder, space.config(), space.weights());
    written.map_err(|error| match error.downcast::<std::io::Error>() {
        Ok(error) => RunError::not_writable(run, error),
        Err(error) => RunError::not_writable(run, std::io::Error::other(format!("{error:#}"))),
    })?;
    Ok(there.then(|| {
        format!("{} was not the autoencoder that this run diffuses in: it was written anew", folder.display())
    }))
}

/// The run folder's copy, for pictures of `image_shape`.
///
/// # Errors
/// When it does not read, or is for other pictures.
pub fn autoencoder_of_run(
    run: &Path,
    image_shape: (usize, usize, usize),
    workers: &Arc<Workers>,
) -> Result<LatentSpace> {
    let loaded = open_autoencoder(&run.join(AUTOENCODER))?;
    LatentSpace::new(&loaded.config, &loaded.weights, image_shape, workers.clone())
}

/// Height, width and channels of what diffusion sees in this run, whose pictures have `image_shape`: of the latents where
/// it happens in those. `None` where the run's copy of the autoencoder can't be read.
pub fn sample_shape(run: &Path, config: &Config, image_shape: (usize, usize, usize)) -> Option<(usize, usize, usize)> {
    if !config.diffuses_latents() {
        return Some(image_shape);
    }
    autoencoder_config(&run.join(AUTOENCODER)).ok()?.latent_shape(image_shape.0, image_shape.1).ok()
}

/// The autoencoder of a latent run, of which the checkpoint (or the history's file) in `checkpoint` is, with the network
/// `net` in it; and a sentence where another copy than its own has to do. A checkpoint has its own, and that of the run folder
/// where it has lost it; the history's files have that of the run folder, or where that is gone or another one, that of a
/// checkpoint.
///
/// # Errors
/// When none of them is there and whole.
pub fn kept_autoencoder(
    run: &Path,
    checkpoint: &Path,
    net: &NetConfig,
    workers: &Arc<Workers>,
) -> Result<(LatentSpace, Option<String>)> {
    let from_history = is_history_file(checkpoint);
    let wanted = if from_history { history::facts_of(checkpoint)?.latents } else { None };
    let lost = !from_history && lacks_autoencoder(checkpoint);
    let of_run = run.join(AUTOENCODER);
    let said = lost.then(|| {
        format!(
            "{} has lost its autoencoder, or that was changed: {} has the same as it was, and is taken",
            checkpoint.display(),
            of_run.display()
        )
    });
    let mut places: Vec<PathBuf> = vec![if from_history || lost { of_run } else { checkpoint.to_path_buf() }];
    if from_history {
        places.extend(checkpoint::newest_good(run).ok().map(|(_, path, _)| path));
    }
    let mut problem = None;
    for place in &places {
        match opened(place, net, workers) {
            Ok(space) if wanted.as_deref().is_none_or(|wanted| wanted == space.sha256()) => return Ok((space, said)),
            Ok(_) => problem = problem.or(Some(format!("{} is not the one that it was trained with", place.display()))),
            Err(error) => problem = problem.or(Some(format!("{error:#}"))),
        }
    }
    Err(RunError::NotTheSame(format!(
        "this run diffuses in the latents of an autoencoder, and that is gone or changed: {}",
        problem.unwrap_or_default()
    ))
    .into())
}

/// The one in `place`, for latents of the shape that `net` takes.
fn opened(place: &Path, net: &NetConfig, workers: &Arc<Workers>) -> Result<LatentSpace> {
    let loaded = open_autoencoder(place)?;
    let factor = loaded.config.factor();
    let (h, w, l) = net.sample_shape().context("the network does not say the size of its latents")?;
    ensure!(
        l == loaded.config.latent_channels(),
        "its latents have {} channels, and the network takes {l}",
        loaded.config.latent_channels()
    );
    LatentSpace::new(
        &loaded.config,
        &loaded.weights,
        (h * factor, w * factor, loaded.config.channels()),
        workers.clone(),
    )
}
