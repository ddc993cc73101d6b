//! The residual block: diffusers' `ResnetBlock2D`.

use anyhow::Result;
use candle_core::Tensor;

use super::UNetConfig;
use super::layers::{Conv2d, GroupNorm, Linear};
use super::parameters::Scope;
use super::pass::Pass;
use crate::config::TimeScaleShift;

/// norm, SiLU, convolution, time, norm, SiLU, dropout, convolution, and the way round.
#[derive(Clone)]
pub(super) struct ResnetBlock {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Linear,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
    time_scale_shift: TimeScaleShift,
    dropout: f64,
    output_scale_factor: f64,
}

impl ResnetBlock {
    pub fn new(scope: Scope, config: &UNetConfig, c_in: usize, c_out: usize, output_scale_factor: f64) -> Result<Self> {
        let norm = |name, channels| {
            GroupNorm::new(scope.child(name), channels, "norm_num_groups", config.norm_num_groups, config.norm_eps)
        };
        let time_outputs = match config.resnet_time_scale_shift {
            TimeScaleShift::Default => c_out,
            TimeScaleShift::ScaleShift => 2 * c_out,
        };
        let shortcut = || Conv2d::new(scope.child("conv_shortcut"), c_in, c_out, 1);
        Ok(Self {
            norm1: norm("norm1", c_in)?,
            conv1: Conv2d::new(scope.child("conv1"), c_in, c_out, 3)?,
            time_emb_proj: Linear::new(scope.child("time_emb_proj"), config.time_width(), time_outputs)?,
            norm2: norm("norm2", c_out)?,
            conv2: Conv2d::new(scope.child("conv2"), c_out, c_out, 3)?,
            conv_shortcut: (c_in != c_out).then(shortcut).transpose()?,
            time_scale_shift: config.resnet_time_scale_shift,
            dropout: config.dropout,
            output_scale_factor,
        })
    }

    /// `x` `[N, H, W, c_in]` to `[N, H, W, c_out]`; `time` `[N, D]` is the time embedding behind its
    /// SiLU.
    pub fn forward(&self, x: &Tensor, time: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let time = self.time_emb_proj.forward(time)?;
        let additive = self.time_scale_shift == TimeScaleShift::Default;
        let h = match additive {
            true => self.norm1.forward_conv_plus(x, &self.conv1, &time)?,
            false => self.norm1.forward_conv(x, &self.conv1)?,
        };
        // Dropout stands between the second normalization and its convolution.
        let h = match (additive, pass.drops(self.dropout)) {
            (true, false) => self.norm2.forward_conv(&h, &self.conv2)?,
            (false, false) => self.norm2.forward_film_conv(&h, &time, &self.conv2)?,
            (true, true) => self.conv2.forward(&pass.drop_out(self.norm2.forward(&h, true)?, self.dropout)?)?,
            (false, true) => self.conv2.forward(&pass.drop_out(self.norm2.forward_film(&h, &time)?, self.dropout)?)?,
        };
        let sum = match &self.conv_shortcut {
            Some(conv) => (conv.forward(x)? + h)?,
            None => (x + h)?,
        };
        rescale(sum, self.output_scale_factor)
    }
}

/// `x / factor`, for nothing when the factor is 1.
pub(super) fn rescale(x: Tensor, factor: f64) -> Result<Tensor> {
    Ok(if factor == 1.0 { x } else { (x / factor)? })
}
