//! diffusers' `AutoencoderTiny`: convolutions and ReLU, the layout of TAESD (Bohan 2023, "Tiny AutoEncoder for Stable
//! Diffusion").

use anyhow::{Context, Result};
use candle_core::Tensor;

use super::TinyConfig;
use crate::kernels;
use crate::nn::layers::Conv2d;
use crate::nn::scope::Scope;

/// Latents beyond about this are squeezed by the decoder: 3·tanh(z/3).
const REACH: f64 = 3.0;

#[derive(Clone)]
pub struct Tiny {
    encoder: Vec<Layer>,
    decoder: Vec<Layer>,
}

#[derive(Clone)]
enum Layer {
    Convolution(Conv2d),
    Relu,
    Block(Block),
    /// Each pixel doubled in both directions.
    Doubled,
}

/// Three convolutions, and the way round.
#[derive(Clone)]
struct Block([Conv2d; 3]);

impl Tiny {
    /// # Errors
    /// When the architecture is impossible, or a parameter is missing.
    pub fn build(config: &TinyConfig, scope: Scope) -> Result<Self> {
        config.validate().context("the autoencoder's configuration")?;
        Ok(Self {
            encoder: encoder(scope.child("encoder.layers"), config)?,
            decoder: decoder(scope.child("decoder.layers"), config)?,
        })
    }

    /// Latents `[N, h, w, L]` of `x` `[N, H, W, C]` in [-1, 1]; the layers see [0, 1].
    ///
    /// # Errors
    /// When the shapes don't fit.
    pub fn encode(&self, x: &Tensor) -> Result<Tensor> {
        through(&self.encoder, &x.affine(0.5, 0.5)?)
    }

    /// The picture `[N, H, W, C]` of latents `[N, h, w, L]`.
    ///
    /// # Errors
    /// When the shapes don't fit.
    pub fn decode(&self, z: &Tensor) -> Result<Tensor> {
        let squeezed = (z.affine(1.0 / REACH, 0.0)?.tanh()? * REACH)?;
        Ok(through(&self.decoder, &squeezed)?.affine(2.0, -1.0)?)
    }
}

fn encoder(scope: Scope, config: &TinyConfig) -> Result<Vec<Layer>> {
    let width = config.encoder_block_out_channels[0];
    let mut layers = Vec::new();
    for (level, blocks) in config.num_encoder_blocks.iter().enumerate() {
        let place = scope.child(layers.len());
        layers.push(Layer::Convolution(match level {
            0 => Conv2d::new(place, config.in_channels, width, 3)?,
            _ => Conv2d::without_bias(place, width, width, 2)?,
        }));
        for _ in 0..*blocks {
            layers.push(Layer::Block(Block::new(scope.child(layers.len()), width)?));
        }
    }
    layers.push(Layer::Convolution(Conv2d::new(scope.child(layers.len()), width, config.latent_channels, 3)?));
    Ok(layers)
}

fn decoder(scope: Scope, config: &TinyConfig) -> Result<Vec<Layer>> {
    let width = config.decoder_block_out_channels[0];
    let levels = config.num_decoder_blocks.len();
    let mut layers =
        vec![Layer::Convolution(Conv2d::new(scope.child(0), config.latent_channels, width, 3)?), Layer::Relu];
    for (level, blocks) in config.num_decoder_blocks.iter().enumerate() {
        for _ in 0..*blocks {
            layers.push(Layer::Block(Block::new(scope.child(layers.len()), width)?));
        }
        if level + 1 < levels {
            layers.push(Layer::Doubled);
            layers.push(Layer::Convolution(Conv2d::without_bias(scope.child(layers.len()), width, width, 1)?));
        } else {
            layers.push(Layer::Convolution(Conv2d::new(scope.child(layers.len()), width, config.out_channels, 3)?));
        }
    }
    Ok(layers)
}

fn through(layers: &[Layer], x: &Tensor) -> Result<Tensor> {
    let (mut h, mut doubled) = (x.clone(), false);
    for layer in layers {
        h = match layer {
            Layer::Convolution(conv) if std::mem::take(&mut doubled) => {
                kernels::upsample_conv2d(&h, conv.weight(), conv.bias(), conv.precision())?
            }
            Layer::Convolution(conv) => conv.forward(&h)?,
            Layer::Relu => h.relu()?,
            Layer::Block(block) => block.forward(&h)?,
            // A convolution follows, which reads each pixel twice.
            Layer::Doubled => {
                doubled = true;
                continue;
            }
        };
    }
    Ok(h)
}

impl Block {
    fn new(scope: Scope, width: usize) -> Result<Self> {
        let conv = |place: usize| Conv2d::new(scope.child(format!("conv.{place}")), width, width, 3);
        Ok(Self([conv(0)?, conv(2)?, conv(4)?]))
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [first, second, third] = &self.0;
        let h = first.forward(x)?.relu()?;
        let h = second.forward(&h)?.relu()?;
        Ok((third.forward(&h)? + x)?.relu()?)
    }
}
