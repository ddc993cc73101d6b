//! The whole network: diffusers' `UNet2DModel`.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;

use super::blocks::{DownBlock, MidBlock, UpBlock};
use super::conditioning::Conditioning;
use super::embedding::{ClassEmbedding, TimeEmbedding, TimeFeatures};
use super::layers::{Conv2d, GroupNorm};
use super::pass::Pass;
use super::scope::Scope;
use super::{UNetConfig, Weights};
use crate::config::Precision;

/// A U-Net (Ho et al. 2020, appendix B) ready to be asked.
///
/// A clone is cheap and shares the weights: where they are variables, setting one is seen by every
/// network made of it.
#[derive(Clone)]
pub struct UNet {
    parts: Arc<Parts>,
}

struct Parts {
    config: UNetConfig,
    conditioning: Conditioning,
    conv_in: Conv2d,
    down_blocks: Vec<DownBlock>,
    mid_block: Option<MidBlock>,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl UNet {
    /// # Errors
    /// When the architecture is impossible or not supported, or a tensor is missing or has another
    /// shape; the message names the key or the tensor.
    pub fn new(config: &UNetConfig, weights: &Weights) -> Result<Self> {
        Self::build(config, Scope::root(weights))
    }

    /// The same network, its convolutions and attention multiplied with this precision (forward and backward).
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_precision(config: &UNetConfig, weights: &Weights, precision: Precision) -> Result<Self> {
        Self::build(config, Scope::root(weights).with_precision(precision))
    }

    pub(super) fn build(config: &UNetConfig, scope: Scope) -> Result<Self> {
        config.validate().context("the U-Net's configuration")?;
        let channels = &config.block_out_channels;
        let levels = channels.len();
        let (first, last) = (channels[0], channels[levels - 1]);
        let width = config.time_width();
        let class_embedding =
            config.num_class_embeds.map(|rows| ClassEmbedding::new(scope.child("class_embedding"), rows, width));
        let mid_block = config.mid_block_type.as_ref().map(|_| MidBlock::new(scope.child("mid_block"), config, last));
        let down = |i| DownBlock::new(scope.child(format!("down_blocks.{i}")), config, i);
        let up = |i| UpBlock::new(scope.child(format!("up_blocks.{i}")), config, i);
        let (groups, eps) = (config.norm_num_groups, config.norm_eps);
        let parts = Parts {
            conditioning: Conditioning {
                time_features: TimeFeatures::new(config),
                time_embedding: TimeEmbedding::new(scope.child("time_embedding"), first, width)?,
                class_embedding: class_embedding.transpose()?,
            },
            conv_in: Conv2d::new(scope.child("conv_in"), config.in_channels, first, 3)?,
            down_blocks: (0..levels).map(down).collect::<Result<_>>()?,
            mid_block: mid_block.transpose()?,
            up_blocks: (0..levels).map(up).collect::<Result<_>>()?,
            conv_norm_out: GroupNorm::new(scope.child("conv_norm_out"), first, "norm_num_groups", groups, eps)?,
            conv_out: Conv2d::new(scope.child("conv_out"), first, config.out_channels, 3)?,
            config: config.clone(),
        };
        Ok(Self { parts: Arc::new(parts) })
    }

    pub fn config(&self) -> &UNetConfig {
        &self.parts.config
    }

    /// Classes that can be asked for, the null class not counted; `None`: unconditional.
    pub fn num_classes(&self) -> Option<usize> {
        self.parts.config.num_class_embeds.map(|rows| rows - 1)
    }

    /// Names of the blocks that are told the time, along the way.
    pub fn blocks(&self) -> Vec<String> {
        let down = (0..self.parts.down_blocks.len()).map(|i| format!("down_blocks.{i}"));
        let mid = self.parts.mid_block.iter().map(|_| "mid_block".to_string());
        let up = (0..self.parts.up_blocks.len()).map(|i| format!("up_blocks.{i}"));
        down.chain(mid).chain(up).collect()
    }

    /// The network's output `[N, H, W, out_channels]` for `x` `[N, H, W, in_channels]` at the times
    /// `t` `[N]` (f32, 0 to T, may be fractional), each sample of its class in `class_labels` `[N]`
    /// (u32; the last row of the table is the null class). Dropout is off.
    ///
    /// # Errors
    /// When a shape doesn't fit, a class is out of range, or labels are given to an unconditional
    /// network or not given to a conditional one.
    pub fn forward(&self, x: &Tensor, t: &Tensor, class_labels: Option<&Tensor>) -> Result<Tensor> {
        self.pass(x, t, class_labels, Pass::default())
    }

    /// As [`Self::forward`], with all that a pass can carry. The observer is told diffusers' names; `conv_act` is
    /// the output of `conv_norm_out` behind its SiLU.
    pub(super) fn pass(&self, x: &Tensor, t: &Tensor, class_labels: Option<&Tensor>, pass: Pass) -> Result<Tensor> {
        self.parts.forward(x, t, class_labels, pass)
    }
}

impl Parts {
    fn forward(&self, x: &Tensor, t: &Tensor, class_labels: Option<&Tensor>, mut pass: Pass) -> Result<Tensor> {
        self.check_input(x, t)?;
        let time = self.conditioning.told(t, class_labels, &mut pass)?;
        let mut h = match self.config.center_input_sample {
            true => self.conv_in.forward(&((x * 2.0)? - 1.0)?)?,
            false => self.conv_in.forward(x)?,
        };
        pass.show(|| "conv_in".into(), &h);
        let mut skips = vec![h.clone()];
        for (i, block) in self.down_blocks.iter().enumerate() {
            h = block.forward(h, time.to(i), &mut skips, &mut pass)?;
        }
        let mut before = self.down_blocks.len();
        if let Some(block) = &self.mid_block {
            h = block.forward(&h, time.to(before), &mut pass)?;
            before += 1;
        }
        for (i, block) in self.up_blocks.iter().enumerate() {
            h = block.forward(h, time.to(before + i), &mut skips, &mut pass)?;
        }
        if pass.observer.is_none() {
            return self.conv_norm_out.forward_conv(&h, &self.conv_out);
        }
        h = self.conv_norm_out.forward(&h, true)?;
        pass.show(|| "conv_act".into(), &h);
        self.conv_out.forward(&h)
    }

    fn check_input(&self, x: &Tensor, t: &Tensor) -> Result<()> {
        let (n, h, w, c) = x.dims4().context("a batch of images is [N, H, W, C]")?;
        let expected = self.config.in_channels;
        ensure!(c == expected, "images of {c} channels for a network that takes {expected}");
        let multiple = self.config.size_multiple();
        ensure!(
            h > 0 && w > 0 && h.is_multiple_of(multiple) && w.is_multiple_of(multiple),
            "images of {w} × {h} pixels: with {} levels, width and height must be multiples of {multiple}",
            self.config.block_out_channels.len()
        );
        ensure!(t.dims() == [n], "{n} images need {n} times, not a tensor of shape {:?}", t.dims());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::config::ModelConfig;

    fn unet(num_classes: Option<usize>) -> UNet {
        let model = ModelConfig {
            block_out_channels: vec![8, 8],
            class_conditional: num_classes.is_some(),
            ..ModelConfig::default()
        };
        let config = UNetConfig::new(&model, 8, 8, 1, num_classes);
        UNet::new(&config, &Weights::init(&config, 0, &Device::Cpu).unwrap()).unwrap()
    }

    fn zeros(shape: &[usize], dtype: DType) -> Tensor {
        Tensor::zeros(shape, dtype, &Device::Cpu).unwrap()
    }

    #[test]
    fn a_network_can_be_shared_by_threads() {
        fn shareable<T: Clone + Send + Sync>() {}
        shareable::<UNet>();
        shareable::<Weights>();
    }

    #[test]
    fn the_null_class_is_not_counted() {
        assert_eq!(unet(Some(10)).num_classes(), Some(10));
        assert_eq!(unet(None).num_classes(), None);
    }

    #[test]
    fn inputs_that_do_not_fit_are_refused_with_the_reason() {
        let message = |conditional: bool, x: &[usize], n_t: usize, labels: Option<&[u32]>| {
            let labels = labels.map(|l| Tensor::new(l, &Device::Cpu).unwrap());
            let t = zeros(&[n_t], DType::F32);
            let unet = unet(conditional.then_some(2));
            format!("{:#}", unet.forward(&zeros(x, DType::F32), &t, labels.as_ref()).unwrap_err())
        };
        for (message, part) in [
            (message(false, &[2, 8, 8], 2, None), "[N, H, W, C]"),
            (message(false, &[2, 8, 8, 3], 2, None), "takes 1"),
            (message(false, &[2, 7, 8, 1], 2, None), "multiples of 2"),
            (message(false, &[2, 0, 8, 1], 2, None), "multiples of 2"),
            (message(false, &[2, 8, 8, 1], 3, None), "2 images need 2 times"),
            (message(false, &[2, 8, 8, 1], 2, Some(&[0, 1])), "unconditional"),
            (message(true, &[2, 8, 8, 1], 2, None), "class-conditional"),
            (message(true, &[2, 8, 8, 1], 2, Some(&[0])), "[1] class labels"),
            (message(true, &[2, 8, 8, 1], 2, Some(&[0, 3])), "class 3"),
        ] {
            assert!(message.contains(part), "{message:?} should say {part:?}");
        }
    }

    #[test]
    fn weights_of_another_architecture_are_refused_by_name() {
        let narrow = unet(None).config().clone();
        let wide = UNetConfig { block_out_channels: vec![8, 16], ..narrow.clone() };
        let weights = Weights::init(&narrow, 0, &Device::Cpu).unwrap();
        let message = format!("{:#}", UNet::new(&wide, &weights).err().unwrap());
        assert!(message.contains("down_blocks.1.resnets.0"), "{message}");
    }

    #[test]
    fn the_padding_of_downsampling_changes_the_output() {
        let same = unet(None);
        let weights = Weights::init(same.config(), 0, &Device::Cpu).unwrap();
        let config = UNetConfig { downsample_padding: 0, ..same.config().clone() };
        let below = UNet::new(&config, &weights).unwrap();
        let x = Tensor::arange(0f32, 64.0, &Device::Cpu).unwrap().reshape((1, 8, 8, 1)).unwrap();
        let run = |unet: &UNet| unet.forward(&x, &zeros(&[1], DType::F32), None).unwrap();
        let difference = (run(&same) - run(&below)).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() > 1e-3);
    }
}
