//! From `data.latents` to the autoencoder that it names, its latents of unit variance.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};

use super::super::error::RunError;
use super::super::find::find;
use super::super::loaded_model::LoadedModel;
use crate::config::{Config, ConfigError};
use crate::data::Dataset;
use crate::eval::latent_channels;
use crate::kernels::Workers;
use crate::nn::autoencoder::{AutoencoderConfig, LatentSpace, normalized, open_autoencoder};
use crate::nn::{Net, Weights};
use crate::process::interrupt;

/// Training pictures that the mean and the deviation of the latents are measured on.
const MEASURED: usize = 5000;

/// An autoencoder as it was found, its latents as it makes them.
#[derive(Debug)]
pub struct NamedAutoencoder {
    config: AutoencoderConfig,
    weights: Weights,
    /// "runs/digits, averaged weights of step 3,000".
    pub words: String,
    /// What was ignored.
    pub warnings: Vec<String>,
    /// Height and width of the pictures that it was trained on, where that is known.
    trained_on: Option<(usize, usize)>,
}

/// The autoencoder that `latents` names: a run of `difflab autoencoder`, another latent run, or a folder of diffusers.
///
/// # Errors
/// [`ConfigError`] at `data.latents` where nothing there is one, with what is wrong.
pub fn named_autoencoder(latents: &str) -> Result<NamedAutoencoder> {
    let latents = &crate::data::expanded(latents);
    opened(latents).map_err(|error| {
        let problem = match error.downcast_ref::<RunError>() {
            Some(RunError::NotFound { .. } | RunError::NotARun(_)) | None => format!("{error:#}"),
            Some(_) => format!("its autoencoder can't be read: {error:#}"),
        };
        anyhow!(ConfigError::Impossible {
            key: "data.latents".into(),
            value: format!("{latents:?}"),
            problem: format!(
                "{problem}; name a run of difflab autoencoder or a folder of diffusers' AutoencoderKL or AutoencoderTiny, or \
                 \"own\" to train this config's [autoencoder] first"
            ),
        })
    })
}

fn opened(latents: &str) -> Result<NamedAutoencoder> {
    let path = Path::new(latents);
    if path.is_dir() && !path.join("config.toml").is_file() {
        let loaded = open_autoencoder(path)?;
        let words = format!("the folder {}", path.display());
        return Ok(NamedAutoencoder {
            config: loaded.config,
            weights: loaded.weights,
            words,
            warnings: loaded.warnings,
            trained_on: None,
        });
    }
    of_run(&find(latents)?)
}

fn of_run(run: &Path) -> Result<NamedAutoencoder> {
    let model = LoadedModel::open(run, None)?;
    let words = format!("{}, {}", run.display(), model.weights_in_words());
    if let Net::Autoencoder(net) = &model.net {
        let (config, weights) = (net.config().clone(), model.weights().clone());
        let (height, width, _) = model.image_shape;
        return Ok(NamedAutoencoder {
            config,
            weights,
            words,
            warnings: model.warnings,
            trained_on: Some((height, width)),
        });
    }
    let (height, width, _) = model.image_shape;
    let space = model.latents.with_context(|| {
        format!("{} trained no autoencoder (it is a {} in pixels)", run.display(), model.config.model.kind.title())
    })?;
    let (config, weights) = (space.config().clone(), space.weights().clone());
    let words = format!("the autoencoder that {} diffuses in", run.display());
    Ok(NamedAutoencoder { config, weights, words, warnings: model.warnings, trained_on: Some((height, width)) })
}

impl NamedAutoencoder {
    /// That it was trained on pictures of another size than these, if so: it takes them, and may give them back less well.
    pub fn other_size(&self, data: &Dataset) -> Option<String> {
        let (height, width) = self.trained_on.filter(|trained_on| *trained_on != (data.height, data.width))?;
        Some(format!(
            "the autoencoder of {} was trained on pictures of {width}×{height}, and these are {}×{}: it takes them, and may give \
             them back less well",
            self.words, data.width, data.height
        ))
    }

    /// Between the pictures of `train` and latents whose channels have, over these, mean 0 and variance 1 as far as the
    /// autoencoder has a place for it.
    ///
    /// # Errors
    /// [`ConfigError`] at `data.latents` when it is for other pictures, or its latents say nothing.
    pub fn space(&self, config: &Config, data: &Dataset, workers: &Arc<Workers>) -> Result<LatentSpace> {
        let of = || -> Result<LatentSpace> {
            let shape = (data.height, data.width, data.channels);
            let (plain, weights) = unscaled(&self.config, &self.weights);
            let raw = LatentSpace::new(&plain, &weights, shape, workers.clone())?;
            let channels = latent_channels(raw.autoencoder(), data, MEASURED, workers)?;
            let (mean, deviation): (Vec<f64>, Vec<f64>) =
                channels.iter().map(|channel| (channel.mean, channel.deviation)).unzip();
            let (new, weights) = normalized(&plain, &weights, (&mean, &deviation))?;
            LatentSpace::new(&new, &weights, shape, workers.clone())
        };
        of().map_err(|error| {
            if interrupt::Interrupted::caused(&error) {
                return error;
            }
            anyhow!(ConfigError::Impossible {
                key: "data.latents".into(),
                value: format!("{:?}", config.data.latents),
                problem: format!("the autoencoder of {} does not fit the data: {error:#}", self.words),
            })
        })
    }
}

/// The same whose latents are z itself.
fn unscaled(config: &AutoencoderConfig, weights: &Weights) -> (AutoencoderConfig, Weights) {
    let mut config = config.clone();
    match &mut config {
        AutoencoderConfig::Kl(kl) => (kl.scaling_factor, kl.shift_factor) = (1.0, None),
        AutoencoderConfig::Tiny(tiny) => (tiny.scaling_factor, tiny.shift_factor) = (1.0, 0.0),
    }
    (config, weights.clone())
}
