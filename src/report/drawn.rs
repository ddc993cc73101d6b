//! Samples and a film for a report, where a run has left none: a snapshot, in a folder that is gone afterwards.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::kernels::Workers;
use crate::run::snapshot::{self, SnapshotRequest};
use crate::run::{LoadedModel, history};

/// A snapshot that is gone when this is dropped.
pub struct DrawnSamples {
    _folder: TempDir,
    /// The folder with its grid.png and trajectory.gif.
    pub dir: PathBuf,
    pub step: u64,
    pub num: usize,
    /// What the user should know of the checkpoint.
    pub warnings: Vec<String>,
}

/// Draws with the newest good checkpoint of the run in `run`, by its own settings of `[sample]` and its seed.
///
/// # Errors
/// A run without a checkpoint that is whole, samples that are no numbers, no room for them, `Interrupted`.
pub fn draw(run: &Path) -> Result<DrawnSamples> {
    // A run that has no checkpoint yet may have kept averaged weights.
    let model = match (LoadedModel::open(run, None), history::steps(run).last()) {
        (Err(_), Some(step)) => LoadedModel::open(run, Some(*step))?,
        (model, _) => model?,
    };
    let folder = tempfile::tempdir().context("making a folder for the samples")?;
    let sample = &model.config.sample;
    let request = SnapshotRequest {
        run_dir: folder.path(),
        step: model.step,
        net: &model.net,
        config: &model.config,
        parameterization: &model.parameterization,
        image_shape: model.image_shape,
        latents: model.latents.as_ref(),
        class_names: &model.classes,
        sample,
        class: None,
        seed: model.config.seed,
        keep_the_same: false,
        workers: &Arc::new(Workers::new(0)?),
    };
    let dir = snapshot::write(&request)?;
    Ok(DrawnSamples { dir, step: model.step, num: sample.num, warnings: model.warnings.clone(), _folder: folder })
}
