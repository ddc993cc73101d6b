//! An autoencoder of either kind.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Tensor;
use serde_json::Value;

use super::kl::Kl;
use super::tiny::Tiny;
use super::{KlConfig, TinyConfig};
use crate::config::{AutoencoderKind, AutoencoderStage, Precision};
use crate::nn::json::{read_json, sorted_json};
use crate::nn::scope::{Scope, recorded};
use crate::nn::{Architecture, Parameter, Weights};

/// The architecture of an autoencoder.
#[derive(Clone, Debug, PartialEq)]
pub enum AutoencoderConfig {
    Kl(KlConfig),
    Tiny(TinyConfig),
}

impl AutoencoderConfig {
    /// What `[autoencoder]` describes, for pictures of `height` × `width` × `channels` numbers.
    pub fn new(stage: &AutoencoderStage, height: usize, width: usize, channels: usize) -> Self {
        let (widths, latents) = (&stage.block_out_channels, stage.latent_channels);
        match stage.kind {
            AutoencoderKind::Kl => Self::Kl(KlConfig {
                layers_per_block: stage.layers_per_block,
                norm_num_groups: stage.norm_num_groups,
                mid_block_add_attention: stage.mid_attention,
                sample_size: height.max(width),
                scaling_factor: 1.0,
                ..KlConfig::new(channels, latents, widths.clone())
            }),
            AutoencoderKind::Tiny => {
                let width = widths.first().copied().unwrap_or(1);
                Self::Tiny(TinyConfig::new(channels, latents, widths.len(), width, stage.layers_per_block))
            }
        }
    }

    /// Reads the text of a `config.json`; `_class_name` says which kind it is.
    ///
    /// # Errors
    /// When it is neither kind, or asks for what is not supported; the message names the key.
    pub fn from_json(text: &str) -> Result<Self> {
        let value: Value = read_json(text)?;
        match value.get("_class_name").and_then(Value::as_str) {
            Some("AutoencoderKL") => Ok(Self::Kl(KlConfig::from_json(text)?)),
            Some("AutoencoderTiny") => Ok(Self::Tiny(TinyConfig::from_json(text)?)),
            Some(other) => bail!("_class_name = {other:?} is not supported; supported: AutoencoderKL, AutoencoderTiny"),
            None => bail!("_class_name is missing: AutoencoderKL or AutoencoderTiny"),
        }
    }

    /// The text of a `config.json`: indent 2, sorted keys, newline at the end.
    ///
    /// # Errors
    /// When a number has no place in JSON.
    pub fn to_json(&self) -> Result<String> {
        match self {
            Self::Kl(config) => sorted_json(&serde_json::to_value(config)?),
            Self::Tiny(config) => sorted_json(&serde_json::to_value(config)?),
        }
    }

    /// What diffusers calls it.
    pub fn class_name(&self) -> &'static str {
        match self {
            Self::Kl(_) => "AutoencoderKL",
            Self::Tiny(_) => "AutoencoderTiny",
        }
    }

    /// Channels of each level, from full resolution down.
    pub fn widths(&self) -> &[usize] {
        match self {
            Self::Kl(config) => &config.block_out_channels,
            Self::Tiny(config) => &config.encoder_block_out_channels,
        }
    }

    /// How many times smaller the latents' sides are.
    pub fn factor(&self) -> usize {
        match self {
            Self::Kl(config) => config.factor(),
            Self::Tiny(config) => config.factor(),
        }
    }

    /// Height, width and channels of the pictures that it was trained on, where its folder says them.
    pub fn sample_shape(&self) -> Option<(usize, usize, usize)> {
        match self {
            Self::Kl(config) => Some((config.sample_size, config.sample_size, config.in_channels)),
            Self::Tiny(_) => None,
        }
    }

    /// Channels of the pictures.
    pub fn channels(&self) -> usize {
        match self {
            Self::Kl(config) => config.in_channels,
            Self::Tiny(config) => config.in_channels,
        }
    }

    pub fn latent_channels(&self) -> usize {
        match self {
            Self::Kl(config) => config.latent_channels,
            Self::Tiny(config) => config.latent_channels,
        }
    }

    /// Diffusion sees (z − shift)·scale: (`scaling_factor`, `shift_factor`).
    pub fn scaling(&self) -> (f64, f64) {
        match self {
            Self::Kl(config) => (config.scaling_factor, config.shift_factor.unwrap_or(0.0)),
            Self::Tiny(config) => (config.scaling_factor, config.shift_factor),
        }
    }

    /// Settings that we don't know.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let unknown = match self {
            Self::Kl(config) => &config.unknown,
            Self::Tiny(config) => &config.unknown,
        };
        unknown.keys().map(String::as_str)
    }

    /// Height, width and channels of the latents of pictures of this height and width.
    ///
    /// # Errors
    /// When the factor does not divide both.
    pub fn latent_shape(&self, height: usize, width: usize) -> Result<(usize, usize, usize)> {
        let factor = self.factor();
        ensure!(
            height > 0 && width > 0 && height.is_multiple_of(factor) && width.is_multiple_of(factor),
            "pictures of {width} × {height} pixels: width and height must be multiples of the factor {factor}"
        );
        Ok((height / factor, width / factor, self.latent_channels()))
    }
}

impl Architecture for AutoencoderConfig {
    fn parameters(&self) -> Result<Vec<Parameter>> {
        recorded(|scope| build(self, scope).map(drop))
    }
}

fn build(config: &AutoencoderConfig, scope: Scope) -> Result<Kind> {
    Ok(match config {
        AutoencoderConfig::Kl(config) => Kind::Kl(Arc::new(Kl::build(config, scope)?)),
        AutoencoderConfig::Tiny(config) => Kind::Tiny(Arc::new(Tiny::build(config, scope)?)),
    })
}

#[derive(Clone)]
enum Kind {
    Kl(Arc<Kl>),
    Tiny(Arc<Tiny>),
}

/// What an encoder says of a picture: z ~ N(mean, exp(log_variance)), each `[N, h, w, L]`.
pub struct LatentMoments {
    pub mean: Tensor,
    /// ln σ²; `None`: z is the mean.
    pub log_variance: Option<Tensor>,
}

/// An autoencoder ready to be asked. A clone shares the weights.
#[derive(Clone)]
pub struct Autoencoder {
    config: Arc<AutoencoderConfig>,
    kind: Kind,
}

impl Autoencoder {
    /// # Errors
    /// When the architecture is impossible or not supported, or a tensor is missing or has another shape; the message names
    /// the key or the tensor.
    pub fn new(config: &AutoencoderConfig, weights: &Weights) -> Result<Self> {
        let kind = build(config, Scope::root(weights)).context("the autoencoder")?;
        Ok(Self { config: Arc::new(config.clone()), kind })
    }

    /// The same, its convolutions and attention multiplied with this precision (forward and backward).
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_precision(config: &AutoencoderConfig, weights: &Weights, precision: Precision) -> Result<Self> {
        let kind = build(config, Scope::root(weights).with_precision(precision)).context("the autoencoder")?;
        Ok(Self { config: Arc::new(config.clone()), kind })
    }

    pub fn config(&self) -> &AutoencoderConfig {
        &self.config
    }

    /// What the encoder says of `x` `[N, H, W, C]` in [-1, 1].
    ///
    /// # Errors
    /// When the channels are others, or the factor does not divide the size.
    pub fn encode(&self, x: &Tensor) -> Result<LatentMoments> {
        let (_, h, w, c) = x.dims4().context("a batch of pictures is [N, H, W, C]")?;
        let channels = self.config.channels();
        ensure!(c == channels, "pictures of {c} channels for an autoencoder of {channels}");
        self.config.latent_shape(h, w)?;
        Ok(match &self.kind {
            Kind::Kl(kl) => {
                let (mean, log_variance) = kl.encode(x)?;
                LatentMoments { mean, log_variance: Some(log_variance) }
            }
            Kind::Tiny(tiny) => LatentMoments { mean: tiny.encode(x)?, log_variance: None },
        })
    }

    /// The pictures `[N, H, W, C]` of latents `[N, h, w, L]`, about [-1, 1].
    ///
    /// # Errors
    /// When the channels are others.
    pub fn decode(&self, z: &Tensor) -> Result<Tensor> {
        let (_, _, _, c) = z.dims4().context("a batch of latents is [N, h, w, L]")?;
        let channels = self.config.latent_channels();
        ensure!(c == channels, "latents of {c} channels for an autoencoder of {channels}");
        match &self.kind {
            Kind::Kl(kl) => kl.decode(z),
            Kind::Tiny(tiny) => tiny.decode(z),
        }
    }
}
