//! The network of a run, whichever kind it is.

use std::collections::HashSet;

use anyhow::{Context, Result};
use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;

use super::autoencoder::{Autoencoder, AutoencoderConfig};
use super::pass::Pass;
use super::scope::recorded;
use super::{Architecture, Mlp, MlpConfig, Parameter, SampleSize, UNet, UNetConfig, Weights, parameters};
use crate::config::{Config, NetworkKind, Precision};

/// The architecture of a run's network.
#[derive(Clone, Debug, PartialEq)]
pub enum NetConfig {
    UNet(UNetConfig),
    Mlp(MlpConfig),
    Autoencoder(AutoencoderConfig),
}

impl NetConfig {
    /// The network that an experiment describes, for samples of `height` × `width` × `channels` numbers.
    /// `num_classes` counts the dataset's classes without the null class; it matters only when the model
    /// is class-conditional.
    pub fn new(config: &Config, height: usize, width: usize, channels: usize, num_classes: Option<usize>) -> Self {
        let model = &config.model;
        match model.kind {
            NetworkKind::Unet => Self::UNet(UNetConfig::new(model, height, width, channels, num_classes)),
            NetworkKind::Mlp => Self::Mlp(MlpConfig::new(model, height, width, channels, num_classes)),
            NetworkKind::Autoencoder => {
                Self::Autoencoder(AutoencoderConfig::new(&config.autoencoder, height, width, channels))
            }
        }
    }

    /// The same with twice the outputs where the network learns the variance too: the target's channels, then
    /// as many of the variance (diffusers' `learned_range`).
    pub fn with_variance(mut self, learned: bool) -> Self {
        let factor = if learned { 2 } else { 1 };
        match &mut self {
            Self::UNet(config) => config.out_channels = factor * config.in_channels,
            Self::Mlp(config) => config.out_channels = factor * config.sample_shape[2],
            // It has no target with a variance.
            Self::Autoencoder(_) => {}
        }
        self
    }

    /// Height, width and channels of a sample; `None` where a U-Net's folder does not say its size.
    pub fn sample_shape(&self) -> Option<(usize, usize, usize)> {
        match self {
            Self::UNet(config) => match config.sample_size? {
                SampleSize::Square(side) => Some((side, side, config.in_channels)),
                SampleSize::Rectangle([height, width]) => Some((height, width, config.in_channels)),
            },
            Self::Mlp(MlpConfig { sample_shape: [height, width, channels], .. }) => Some((*height, *width, *channels)),
            Self::Autoencoder(config) => config.sample_shape(),
        }
    }

    /// The names of the parameters that are matrices from features to features ([`Parameter::is_matrix_inside`]).
    ///
    /// # Errors
    /// As [`parameters`].
    pub fn matrices_inside(&self) -> Result<HashSet<String>> {
        Ok(parameters(self)?.into_iter().filter(Parameter::is_matrix_inside).map(|p| p.name).collect())
    }

    /// The text of the architecture's `config.json`.
    ///
    /// # Errors
    /// When a number has no place in JSON.
    pub fn to_json(&self) -> Result<String> {
        match self {
            Self::UNet(config) => config.to_json(),
            Self::Mlp(config) => config.to_json(),
            Self::Autoencoder(config) => config.to_json(),
        }
    }
}

impl Architecture for NetConfig {
    fn parameters(&self) -> Result<Vec<Parameter>> {
        match self {
            Self::UNet(config) => parameters(config),
            Self::Mlp(config) => parameters(config),
            Self::Autoencoder(config) => parameters(config),
        }
    }
}

impl Architecture for UNetConfig {
    fn parameters(&self) -> Result<Vec<Parameter>> {
        recorded(|scope| UNet::build(self, scope).map(drop))
    }
}

impl Architecture for MlpConfig {
    fn parameters(&self) -> Result<Vec<Parameter>> {
        recorded(|scope| Mlp::build(self, scope).map(drop))
    }
}

/// A network ready to be asked. A clone is cheap and shares the weights.
#[derive(Clone)]
pub enum Net {
    UNet(UNet),
    Mlp(Mlp),
    Autoencoder(Autoencoder),
}

impl Net {
    /// # Errors
    /// When the architecture is impossible or not supported, or a tensor is missing or has another shape;
    /// the message names the key or the tensor.
    pub fn new(config: &NetConfig, weights: &Weights) -> Result<Self> {
        Ok(match config {
            NetConfig::UNet(config) => Self::UNet(UNet::new(config, weights)?),
            NetConfig::Mlp(config) => Self::Mlp(Mlp::new(config, weights)?),
            NetConfig::Autoencoder(config) => Self::Autoencoder(Autoencoder::new(config, weights)?),
        })
    }

    /// The same network, its convolutions and attention multiplied with this precision (an MLP has none).
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_precision(config: &NetConfig, weights: &Weights, precision: Precision) -> Result<Self> {
        match config {
            NetConfig::UNet(config) => Ok(Self::UNet(UNet::with_precision(config, weights, precision)?)),
            NetConfig::Mlp(_) => Self::new(config, weights),
            NetConfig::Autoencoder(config) => {
                Ok(Self::Autoencoder(Autoencoder::with_precision(config, weights, precision)?))
            }
        }
    }

    /// The architecture.
    pub fn config(&self) -> NetConfig {
        match self {
            Self::UNet(unet) => NetConfig::UNet(unet.config().clone()),
            Self::Mlp(mlp) => NetConfig::Mlp(mlp.config().clone()),
            Self::Autoencoder(autoencoder) => NetConfig::Autoencoder(autoencoder.config().clone()),
        }
    }

    /// Classes that can be asked for, the null class not counted; `None`: unconditional.
    pub fn num_classes(&self) -> Option<usize> {
        match self {
            Self::UNet(unet) => unet.num_classes(),
            Self::Mlp(mlp) => mlp.num_classes(),
            Self::Autoencoder(_) => None,
        }
    }

    /// The network's output for `x` `[N, H, W, C]` at the times `t` `[N]` (f32), with labels `[N]` (u32)
    /// where it is class-conditional. Dropout is off. An autoencoder's is its reconstruction, whatever the time.
    ///
    /// # Errors
    /// When a shape or a label does not fit the network.
    pub fn forward(&self, x: &Tensor, t: &Tensor, class_labels: Option<&Tensor>) -> Result<Tensor> {
        self.pass(x, t, class_labels, Pass::default())
    }

    /// As [`Self::forward`], with dropout drawn from `dropout` where one is given.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_train(
        &self,
        x: &Tensor,
        t: &Tensor,
        class_labels: Option<&Tensor>,
        dropout: Option<&mut ChaCha8Rng>,
    ) -> Result<Tensor> {
        self.pass(x, t, class_labels, Pass { dropout, ..Pass::default() })
    }

    /// As [`Self::forward`]; `observer` is told the name and the output of modules as they run (for
    /// diagnosis).
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_observed(
        &self,
        x: &Tensor,
        t: &Tensor,
        class_labels: Option<&Tensor>,
        observer: &mut dyn FnMut(&str, &Tensor),
    ) -> Result<Tensor> {
        self.pass(x, t, class_labels, Pass { observer: Some(observer), ..Pass::default() })
    }

    fn pass(&self, x: &Tensor, t: &Tensor, class_labels: Option<&Tensor>, pass: Pass) -> Result<Tensor> {
        match self {
            Self::UNet(unet) => unet.pass(x, t, class_labels, pass),
            Self::Mlp(mlp) => mlp.pass(x, t, class_labels, pass),
            Self::Autoencoder(autoencoder) => autoencoder.decode(&autoencoder.encode(x)?.mean),
        }
    }

    /// Names of the blocks that are told the time, along the way.
    pub fn blocks(&self) -> Vec<String> {
        match self {
            Self::UNet(unet) => unet.blocks(),
            Self::Mlp(mlp) => mlp.blocks(),
            Self::Autoencoder(_) => Vec::new(),
        }
    }

    /// The output of block `index` of [`Self::blocks`] where that block alone is told the times `told` `[N]`
    /// and all else `t` `[N]`, so that what comes into it stays as it is.
    ///
    /// # Errors
    /// As [`Self::forward`], or when there is no such block.
    pub fn block_output(
        &self,
        x: &Tensor,
        t: &Tensor,
        class_labels: Option<&Tensor>,
        index: usize,
        told: &Tensor,
    ) -> Result<Tensor> {
        let blocks = self.blocks();
        let wanted = blocks.get(index).with_context(|| format!("block {index} of {}", blocks.len()))?;
        let mut seen = None;
        let mut observer = |name: &str, output: &Tensor| {
            if name == wanted {
                seen = Some(output.clone());
            }
        };
        let pass = Pass { observer: Some(&mut observer), retimed: Some((index, told)), ..Pass::default() };
        self.pass(x, t, class_labels, pass)?;
        seen.with_context(|| format!("the network has not run its block {wanted}"))
    }
}
