//! An autoencoder's weights as a folder that Python's diffusers opens, its latents of unit variance.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::LoadedModel;
use super::export_autoencoder_readme::{AutoencoderReadme, readme};
use super::export_place::check_place;
use super::fresh_folder::FreshFolder;
use super::release::Release;
use crate::config::Config;
use crate::data::{self, Dataset};
use crate::eval::latent_channels;
use crate::kernels::Workers;
use crate::nn::Net;
use crate::nn::autoencoder::{Autoencoder, LatentChannel, normalized, open_autoencoder, save_autoencoder};
use crate::nn::diffusers::not_finite;
use crate::process::interrupt::Interrupted;

/// Training pictures that the latents' mean and deviation are measured on.
const MEASURED: usize = 2000;

/// Writes the averaged weights of a checkpoint of the run in `run`, an autoencoder, as a folder of `AutoencoderKL` or
/// `AutoencoderTiny`. Its latents have unit variance: mean and deviation are measured on training pictures. `replace`: take
/// the place of an export that is there. Returns what the user should know.
///
/// # Errors
/// [`RunError`](super::RunError) when the place is taken; else what went wrong while measuring or writing, and then nothing
/// is there.
pub(super) fn export_autoencoder(run: &Path, model: &LoadedModel, dir: &Path, replace: bool) -> Result<Vec<String>> {
    let loaded = open_autoencoder(&model.checkpoint)?;
    let mut notes = Vec::new();
    check_place(dir, replace, "config.json")?;
    if let Some(broken) = not_finite(&loaded.weights)? {
        notes.push(format!("the weights are broken, and reconstructions will be NaN: {broken}"));
    }
    let (mut config, mut weights) = (loaded.config, loaded.weights);
    let measured = if notes.is_empty() { measured(model) } else { Err(anyhow::anyhow!("the weights are broken")) };
    match measured {
        Ok(channels) => {
            let mean: Vec<f64> = channels.iter().map(|channel| channel.mean).collect();
            let deviation: Vec<f64> = channels.iter().map(|channel| channel.deviation).collect();
            (config, weights) = normalized(&config, &weights, (&mean, &deviation))?;
            notes.push(format!(
                "the latents have unit variance, as measured on up to {MEASURED} training pictures: {}",
                match config.scaling() {
                    (scale, shift) if scale == 1.0 && shift == 0.0 =>
                        "mean and deviation of each channel are in the weights, and scaling_factor is 1".into(),
                    (scale, _) => format!("multiplied by scaling_factor = {scale:.6}"),
                }
            ));
        }
        Err(error) if Interrupted::caused(&error) => return Err(error),
        Err(error) => notes.push(format!(
            "the latents are not scaled to unit variance (scaling_factor = {}), since they can't be measured on the \
             training pictures: {error:#}",
            config.scaling().0
        )),
    }
    let folder = FreshFolder::begin(dir)?;
    save_autoencoder(folder.path(), &config, &weights)?;
    let text = readme(&AutoencoderReadme {
        name: &model.config.name,
        step: model.step,
        config: &config,
        image_shape: model.image_shape,
        notes: &notes,
        release: &Release::of_run(run, &model.config, &model.classes),
    });
    fs::write(folder.path().join("README.md"), text).context("writing README.md")?;
    folder.finish()?;
    Ok(notes)
}

/// The channels of the latents of the run's training pictures.
fn measured(model: &LoadedModel) -> Result<Vec<LatentChannel>> {
    let Net::Autoencoder(autoencoder) = &model.net else { anyhow::bail!("the network is no autoencoder") };
    let workers = Arc::new(Workers::new(0)?);
    latent_channels(autoencoder, &training_pictures(&model.config, autoencoder)?, MEASURED, &workers)
}

fn training_pictures(config: &Config, autoencoder: &Autoencoder) -> Result<Dataset> {
    if config.data.dataset == "images" && config.data.path.is_empty() {
        anyhow::bail!("the run was imported and has no data");
    }
    let dataset = data::load(&config.data)?;
    autoencoder.config().latent_shape(dataset.height, dataset.width)?;
    let held_out = config.data.held_out.of(dataset.len());
    Ok(dataset.split_held_out(held_out, config.seed)?.0)
}
