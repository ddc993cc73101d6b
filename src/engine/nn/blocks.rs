//! The levels of the U: down, middle, up.

use anyhow::{Context, Result};
use candle_core::Tensor;

use super::UNetConfig;
use super::attention::Attention;
use super::pass::Pass;
use super::resample::{Downsample, Upsample};
use super::resnet::ResnetBlock;
use super::scope::Scope;
use super::{DownBlockType, UpBlockType};
use crate::config::TimeScaleShift;

/// Residual blocks with attention behind each or none.
#[derive(Clone)]
struct Layers {
    name: String,
    resnets: Vec<ResnetBlock>,
    attentions: Vec<Attention>,
}

impl Layers {
    /// One layer for each (c_in, c_out) of `widths`.
    fn new(scope: &Scope, config: &UNetConfig, widths: &[(usize, usize)], attends: bool) -> Result<Self> {
        let resnet = |(k, &(c_in, c_out)): (usize, &(usize, usize))| {
            ResnetBlock::new(scope.child(format!("resnets.{k}")), config, c_in, c_out, 1.0)
        };
        let norm = Some(("norm_num_groups", config.norm_num_groups, config.norm_eps));
        let attention = |(k, &(_, c_out)): (usize, &(usize, usize))| {
            Attention::new(scope.child(format!("attentions.{k}")), c_out, config.attention_head_dim, norm, 1.0)
        };
        let attended = if attends { widths } else { &[] };
        Ok(Self {
            name: scope.name().to_string(),
            resnets: widths.iter().enumerate().map(resnet).collect::<Result<_>>()?,
            attentions: attended.iter().enumerate().map(attention).collect::<Result<_>>()?,
        })
    }

    fn len(&self) -> usize {
        self.resnets.len()
    }

    /// Layer `k` of `x`, or of `x` and `skip` side by side.
    fn forward(&self, k: usize, x: &Tensor, skip: Option<&Tensor>, time: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let h = self.resnets[k].forward(x, skip, time, pass)?;
        pass.show(|| format!("{}.resnets.{k}", self.name), &h);
        let Some(attention) = self.attentions.get(k) else { return Ok(h) };
        let h = attention.forward(&h)?;
        pass.show(|| format!("{}.attentions.{k}", self.name), &h);
        Ok(h)
    }
}

/// `DownBlock2D` and `AttnDownBlock2D`.
#[derive(Clone)]
pub(super) struct DownBlock {
    layers: Layers,
    downsampler: Option<Downsample>,
}

impl DownBlock {
    pub fn new(scope: Scope, config: &UNetConfig, level: usize) -> Result<Self> {
        let channels = &config.block_out_channels;
        let c_out = channels[level];
        let c_in = channels[level.saturating_sub(1)];
        let mut widths = vec![(c_out, c_out); config.layers_per_block];
        widths[0].0 = c_in;
        let attends = config.down_block_types[level] == DownBlockType::AttnDownBlock2D;
        let last = level + 1 == channels.len();
        let downsampler = || Downsample::new(scope.child("downsamplers.0"), c_out, config.downsample_padding);
        Ok(Self {
            layers: Layers::new(&scope, config, &widths, attends)?,
            downsampler: (!last).then(downsampler).transpose()?,
        })
    }

    /// Pushes the output of each layer and of the downsampler to `skips`.
    pub fn forward(&self, x: Tensor, time: &Tensor, skips: &mut Vec<Tensor>, pass: &mut Pass) -> Result<Tensor> {
        let mut h = x;
        for k in 0..self.layers.len() {
            h = self.layers.forward(k, &h, None, time, pass)?;
            skips.push(h.clone());
        }
        if let Some(downsampler) = &self.downsampler {
            h = downsampler.forward(&h)?;
            pass.show(|| format!("{}.downsamplers.0", self.layers.name), &h);
            skips.push(h.clone());
        }
        pass.show(|| self.layers.name.clone(), &h);
        Ok(h)
    }
}

/// `UNetMidBlock2D`: residual block, attention, residual block.
#[derive(Clone)]
pub(super) struct MidBlock {
    name: String,
    first: ResnetBlock,
    attention: Option<Attention>,
    second: ResnetBlock,
}

impl MidBlock {
    pub fn new(scope: Scope, config: &UNetConfig, channels: usize) -> Result<Self> {
        let factor = config.mid_block_scale_factor;
        let resnet = |name| ResnetBlock::new(scope.child(name), config, channels, channels, factor);
        let eps = config.norm_eps;
        let norm = match (config.attn_norm_num_groups, config.resnet_time_scale_shift) {
            (Some(groups), _) => Some(("attn_norm_num_groups", groups, eps)),
            (None, TimeScaleShift::Default) => Some(("norm_num_groups", config.norm_num_groups, eps)),
            (None, TimeScaleShift::ScaleShift) => None,
        };
        let head_dim = config.attention_head_dim;
        let attention = || Attention::new(scope.child("attentions.0"), channels, head_dim, norm, factor);
        Ok(Self {
            first: resnet("resnets.0")?,
            attention: config.add_attention.then(attention).transpose()?,
            second: resnet("resnets.1")?,
            name: scope.name().to_string(),
        })
    }

    pub fn forward(&self, x: &Tensor, time: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let mut h = self.first.forward(x, None, time, pass)?;
        if let Some(attention) = &self.attention {
            h = attention.forward(&h)?;
        }
        h = self.second.forward(&h, None, time, pass)?;
        pass.show(|| self.name.clone(), &h);
        Ok(h)
    }
}

/// `UpBlock2D` and `AttnUpBlock2D`.
#[derive(Clone)]
pub(super) struct UpBlock {
    layers: Layers,
    upsampler: Option<Upsample>,
}

impl UpBlock {
    /// `index` counts from the lowest resolution up.
    pub fn new(scope: Scope, config: &UNetConfig, index: usize) -> Result<Self> {
        let levels = config.block_out_channels.len();
        let channels = |i: usize| config.block_out_channels[levels - 1 - i];
        let c_out = channels(index);
        let before = channels(index.saturating_sub(1));
        let skipped_last = channels((index + 1).min(levels - 1));
        let layers = config.layers_per_block + 1;
        let widths: Vec<_> = (0..layers)
            .map(|k| {
                let h = if k == 0 { before } else { c_out };
                let skip = if k + 1 == layers { skipped_last } else { c_out };
                (h + skip, c_out)
            })
            .collect();
        let attends = config.up_block_types[index] == UpBlockType::AttnUpBlock2D;
        let last = index + 1 == levels;
        let upsampler = || Upsample::new(scope.child("upsamplers.0"), c_out);
        Ok(Self {
            layers: Layers::new(&scope, config, &widths, attends)?,
            upsampler: (!last).then(upsampler).transpose()?,
        })
    }

    /// Takes one tensor from the end of `skips` for each layer.
    pub fn forward(&self, x: Tensor, time: &Tensor, skips: &mut Vec<Tensor>, pass: &mut Pass) -> Result<Tensor> {
        let mut h = x;
        for k in 0..self.layers.len() {
            let skip = skips.pop().context("the way down left too few tensors for the way up")?;
            h = self.layers.forward(k, &h, Some(&skip), time, pass)?;
        }
        if let Some(upsampler) = &self.upsampler {
            h = upsampler.forward(&h)?;
        }
        pass.show(|| self.layers.name.clone(), &h);
        Ok(h)
    }
}
