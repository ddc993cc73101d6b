//! The residual block: diffusers' `ResnetBlock2D`.

use anyhow::Result;
use candle_core::Tensor;

use super::UNetConfig;
use super::layers::{Conv2d, GroupNorm, Linear};
use super::pass::Pass;
use super::scope::Scope;
use crate::config::TimeScaleShift;
use crate::kernels::{self, ResidualBlock};

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

    /// `x` `[N, H, W, c_in]` to `[N, H, W, c_out]`, or `x` and `skip` side by side along the channels,
    /// c_in together; `time` `[N, D]` is the time embedding behind its SiLU.
    pub fn forward(&self, x: &Tensor, skip: Option<&Tensor>, time: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let time = self.time_emb_proj.forward(time)?;
        let (norm2, conv1_bias) = match self.time_scale_shift {
            TimeScaleShift::Default => (self.norm2.affine(), time.broadcast_add(self.conv1.bias())?),
            TimeScaleShift::ScaleShift => (self.norm2.film(&time)?, self.conv1.bias().clone()),
        };
        let norm1 = self.norm1.affine();
        let block = ResidualBlock {
            norm1: (&norm1.0, &norm1.1),
            conv1: (self.conv1.weight(), &conv1_bias),
            norm2: (&norm2.0, &norm2.1),
            conv2: (self.conv2.weight(), self.conv2.bias()),
            shortcut: self.conv_shortcut.as_ref().map(|conv| (conv.weight(), conv.bias())),
            groups: self.norm1.groups(),
            eps: self.norm1.eps(),
            output_scale_factor: self.output_scale_factor,
            precision: self.conv1.precision(),
        };
        // Dropout stands between the second normalization and its convolution.
        let (n, h, w, _) = x.dims4()?;
        let mask = pass.mask((n, h, w, self.conv2.bias().dim(0)?), self.dropout);
        Ok(kernels::residual_block_dropping(x, skip, &block, mask)?)
    }
}

/// `x / factor`, for nothing when the factor is 1.
pub(super) fn rescale(x: Tensor, factor: f64) -> Result<Tensor> {
    Ok(if factor == 1.0 { x } else { (x / factor)? })
}
