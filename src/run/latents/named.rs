//! From `data.latents` to the autoencoder that it names, its latents of unit variance.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use candle_core::Tensor;

use super::super::error::RunError;
use super::super::find::find;
use super::super::loaded_model::LoadedModel;
use crate::config::{Config, ConfigError};
use crate::data::Dataset;
use crate::kernels::Workers;
use crate::nn::autoencoder::{AutoencoderConfig, LatentSpace, normalized, open_autoencoder};
use crate::nn::{Net, Weights};
use crate::process::interrupt;

/// Training pictures that the mean and the deviation of the latents are measured on.
const MEASURED: usize = 5000;
/// Of these so many at once.
const AT_ONCE: usize = 128;

/// An autoencoder as it was found, its latents as it makes them.
#[derive(Debug)]
pub struct NamedAutoencoder {
    config: AutoencoderConfig,
    weights: Weights,
    /// "runs/digits, averaged weights of step 3,000".
    pub words: String,
    /// What was ignored.
    pub warnings: Vec<String>,
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
        });
    }
    of_run(&find(latents)?)
}

fn of_run(run: &Path) -> Result<NamedAutoencoder> {
    let model = LoadedModel::open(run, None)?;
    let words = format!("{}, {}", run.display(), model.weights_in_words());
    if let Net::Autoencoder(net) = &model.net {
        let (config, weights) = (net.config().clone(), model.weights().clone());
        return Ok(NamedAutoencoder { config, weights, words, warnings: model.warnings });
    }
    let space = model.latents.with_context(|| {
        format!("{} trained no autoencoder (it is a {} in pixels)", run.display(), model.config.model.kind.title())
    })?;
    let (config, weights) = (space.config().clone(), space.weights().clone());
    let words = format!("the autoencoder that {} diffuses in", run.display());
    Ok(NamedAutoencoder { config, weights, words, warnings: model.warnings })
}

impl NamedAutoencoder {
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
            let (new, weights) = normalized(&plain, &weights, moments(&raw, data)?.as_slices())?;
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

/// Mean and deviation of each channel.
struct ChannelMoments {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl ChannelMoments {
    fn as_slices(&self) -> (&[f64], &[f64]) {
        (&self.mean, &self.deviation)
    }
}

/// Over the latents of up to [`MEASURED`] pictures, evenly spread.
fn moments(space: &LatentSpace, data: &Dataset) -> Result<ChannelMoments> {
    let channels = space.shape().2;
    let (mut count, mut sum, mut squares) = (0usize, vec![0f64; channels], vec![0f64; channels]);
    for indices in data.spread(MEASURED).chunks(AT_ONCE) {
        interrupt::check()?;
        let shape = (indices.len(), data.height, data.width, data.channels);
        let x = Tensor::from_vec(data.gather(indices, None), shape, &candle_core::Device::Cpu)?;
        for place in space.encode(&x)?.flatten_all()?.to_vec1::<f32>()?.chunks_exact(channels) {
            count += 1;
            for (channel, value) in place.iter().map(|value| f64::from(*value)).enumerate() {
                sum[channel] += value;
                squares[channel] += value * value;
            }
        }
    }
    let n = count.max(1) as f64;
    let mean: Vec<f64> = sum.iter().map(|sum| sum / n).collect();
    let deviation = squares.iter().zip(&mean).map(|(squares, mean)| (squares / n - mean * mean).max(0.0).sqrt());
    Ok(ChannelMoments { deviation: deviation.collect(), mean })
}
