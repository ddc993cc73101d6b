//! diffusers' `AutoencoderKL`: the variational autoencoder of latent diffusion (Rombach et al. 2022, appendix G).

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;

use super::KlConfig;
use super::resnet::{EPS, PlainResnet};
use crate::nn::attention::Attention;
use crate::nn::layers::{Conv2d, GroupNorm};
use crate::nn::resample::{Downsample, Upsample};
use crate::nn::scope::Scope;

/// ln σ² is kept within these, as diffusers does.
const LOG_VARIANCES: (f64, f64) = (-30.0, 20.0);

#[derive(Clone)]
pub(super) struct Kl {
    encoder: Encoder,
    decoder: Decoder,
    quant_conv: Option<Conv2d>,
    post_quant_conv: Option<Conv2d>,
    latent_channels: usize,
}

impl Kl {
    /// # Errors
    /// When the architecture is impossible, or a parameter is missing.
    pub fn build(config: &KlConfig, scope: Scope) -> Result<Self> {
        config.validate().context("the autoencoder's configuration")?;
        let latents = config.latent_channels;
        let point = |name: &str, channels| Conv2d::new(scope.child(name), channels, channels, 1);
        Ok(Self {
            encoder: Encoder::new(scope.child("encoder"), config)?,
            decoder: Decoder::new(scope.child("decoder"), config)?,
            quant_conv: config.use_quant_conv.then(|| point("quant_conv", 2 * latents)).transpose()?,
            post_quant_conv: config.use_post_quant_conv.then(|| point("post_quant_conv", latents)).transpose()?,
            latent_channels: latents,
        })
    }

    /// Mean and ln σ² of q(z | x), each `[N, h, w, L]`, for `x` `[N, H, W, C]` in [-1, 1].
    ///
    /// # Errors
    /// When the shapes don't fit.
    pub fn encode(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let mut moments = self.encoder.forward(x)?;
        if let Some(conv) = &self.quant_conv {
            moments = conv.forward(&moments)?;
        }
        let half = self.latent_channels;
        let (mean, log_variance) = (moments.narrow(3, 0, half)?, moments.narrow(3, half, half)?);
        Ok((mean.contiguous()?, log_variance.contiguous()?.clamp(LOG_VARIANCES.0, LOG_VARIANCES.1)?))
    }

    /// The picture `[N, H, W, C]` of latents `[N, h, w, L]`.
    ///
    /// # Errors
    /// When the shapes don't fit.
    pub fn decode(&self, z: &Tensor) -> Result<Tensor> {
        match &self.post_quant_conv {
            Some(conv) => self.decoder.forward(&conv.forward(z)?),
            None => self.decoder.forward(z),
        }
    }
}

#[derive(Clone)]
struct Encoder {
    conv_in: Conv2d,
    down_blocks: Vec<(Vec<PlainResnet>, Option<Downsample>)>,
    mid_block: Middle,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Encoder {
    fn new(scope: Scope, config: &KlConfig) -> Result<Self> {
        let (channels, groups) = (&config.block_out_channels, config.norm_num_groups);
        let (first, last) = ends(channels)?;
        let down = |level: usize| -> Result<_> {
            let scope = scope.child(format!("down_blocks.{level}"));
            let (before, c) = (channels[level.saturating_sub(1)], channels[level]);
            let resnet = |k: usize| {
                let c_in = if k == 0 { before } else { c };
                PlainResnet::new(scope.child(format!("resnets.{k}")), c_in, c, groups)
            };
            let resnets = (0..config.layers_per_block).map(resnet).collect::<Result<Vec<_>>>()?;
            let smaller = level + 1 < channels.len();
            let downsampler = smaller.then(|| Downsample::new(scope.child("downsamplers.0"), c, 0)).transpose()?;
            Ok((resnets, downsampler))
        };
        Ok(Self {
            conv_in: Conv2d::new(scope.child("conv_in"), config.in_channels, first, 3)?,
            down_blocks: (0..channels.len()).map(down).collect::<Result<_>>()?,
            mid_block: Middle::new(scope.child("mid_block"), config, last)?,
            conv_norm_out: GroupNorm::new(scope.child("conv_norm_out"), last, "norm_num_groups", groups, EPS)?,
            conv_out: Conv2d::new(scope.child("conv_out"), last, 2 * config.latent_channels, 3)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut h = self.conv_in.forward(x)?;
        for (resnets, downsampler) in &self.down_blocks {
            for resnet in resnets {
                h = resnet.forward(&h)?;
            }
            if let Some(downsampler) = downsampler {
                h = downsampler.forward(&h)?;
            }
        }
        self.conv_norm_out.forward_conv(&self.mid_block.forward(&h)?, &self.conv_out)
    }
}

#[derive(Clone)]
struct Decoder {
    conv_in: Conv2d,
    mid_block: Middle,
    up_blocks: Vec<(Vec<PlainResnet>, Option<Upsample>)>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Decoder {
    fn new(scope: Scope, config: &KlConfig) -> Result<Self> {
        let groups = config.norm_num_groups;
        let channels: Vec<usize> = config.block_out_channels.iter().rev().copied().collect();
        let (last, first) = ends(&channels)?;
        let up = |level: usize| -> Result<_> {
            let scope = scope.child(format!("up_blocks.{level}"));
            let (before, c) = (channels[level.saturating_sub(1)], channels[level]);
            let resnet = |k: usize| {
                let c_in = if k == 0 { before } else { c };
                PlainResnet::new(scope.child(format!("resnets.{k}")), c_in, c, groups)
            };
            let resnets = (0..=config.layers_per_block).map(resnet).collect::<Result<Vec<_>>>()?;
            let larger = level + 1 < channels.len();
            let upsampler = larger.then(|| Upsample::new(scope.child("upsamplers.0"), c)).transpose()?;
            Ok((resnets, upsampler))
        };
        Ok(Self {
            conv_in: Conv2d::new(scope.child("conv_in"), config.latent_channels, last, 3)?,
            mid_block: Middle::new(scope.child("mid_block"), config, last)?,
            up_blocks: (0..channels.len()).map(up).collect::<Result<_>>()?,
            conv_norm_out: GroupNorm::new(scope.child("conv_norm_out"), first, "norm_num_groups", groups, EPS)?,
            conv_out: Conv2d::new(scope.child("conv_out"), first, config.out_channels, 3)?,
        })
    }

    fn forward(&self, z: &Tensor) -> Result<Tensor> {
        let mut h = self.mid_block.forward(&self.conv_in.forward(z)?)?;
        for (resnets, upsampler) in &self.up_blocks {
            for resnet in resnets {
                h = resnet.forward(&h)?;
            }
            if let Some(upsampler) = upsampler {
                h = upsampler.forward(&h)?;
            }
        }
        self.conv_norm_out.forward_conv(&h, &self.conv_out)
    }
}

/// `UNetMidBlock2D`: residual block, attention of one head, residual block.
#[derive(Clone)]
struct Middle {
    first: PlainResnet,
    attention: Option<Attention>,
    second: PlainResnet,
}

impl Middle {
    fn new(scope: Scope, config: &KlConfig, channels: usize) -> Result<Self> {
        let groups = config.norm_num_groups;
        let resnet = |name| PlainResnet::new(scope.child(name), channels, channels, groups);
        let norm = Some(("norm_num_groups", groups, EPS));
        let attention = || Attention::new(scope.child("attentions.0"), channels, None, norm, 1.0);
        Ok(Self {
            first: resnet("resnets.0")?,
            attention: config.mid_block_add_attention.then(attention).transpose()?,
            second: resnet("resnets.1")?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let h = self.first.forward(x)?;
        match &self.attention {
            Some(attention) => self.second.forward(&attention.forward(&h)?),
            None => self.second.forward(&h),
        }
    }
}

fn ends(channels: &[usize]) -> Result<(usize, usize)> {
    ensure!(!channels.is_empty(), "block_out_channels has no levels");
    Ok((channels[0], channels[channels.len() - 1]))
}
