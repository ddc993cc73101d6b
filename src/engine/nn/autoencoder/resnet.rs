//! diffusers' `ResnetBlock2D` without a time: norm, SiLU, convolution, norm, SiLU, convolution, and the way round.

use anyhow::Result;
use candle_core::Tensor;

use crate::kernels::{self, ResidualBlock};
use crate::nn::layers::{Conv2d, GroupNorm};
use crate::nn::scope::Scope;

/// What diffusers' autoencoders add to the variance before they divide by its root.
pub const EPS: f64 = 1e-6;

#[derive(Clone)]
pub struct PlainResnet {
    norm1: GroupNorm,
    conv1: Conv2d,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
}

impl PlainResnet {
    /// # Errors
    /// When `groups` does not divide the channels.
    pub fn new(scope: Scope, c_in: usize, c_out: usize, groups: usize) -> Result<Self> {
        let norm = |name, channels| GroupNorm::new(scope.child(name), channels, "norm_num_groups", groups, EPS);
        let shortcut = || Conv2d::new(scope.child("conv_shortcut"), c_in, c_out, 1);
        Ok(Self {
            norm1: norm("norm1", c_in)?,
            conv1: Conv2d::new(scope.child("conv1"), c_in, c_out, 3)?,
            norm2: norm("norm2", c_out)?,
            conv2: Conv2d::new(scope.child("conv2"), c_out, c_out, 3)?,
            conv_shortcut: (c_in != c_out).then(shortcut).transpose()?,
        })
    }

    /// `[N, H, W, c_in]` to `[N, H, W, c_out]`.
    ///
    /// # Errors
    /// When the shapes don't fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (norm1, norm2) = (self.norm1.affine(), self.norm2.affine());
        let block = ResidualBlock {
            norm1: (&norm1.0, &norm1.1),
            conv1: (self.conv1.weight(), self.conv1.bias()),
            norm2: (&norm2.0, &norm2.1),
            conv2: (self.conv2.weight(), self.conv2.bias()),
            shortcut: self.conv_shortcut.as_ref().map(|conv| (conv.weight(), conv.bias())),
            groups: self.norm1.groups(),
            eps: self.norm1.eps(),
            output_scale_factor: 1.0,
            precision: self.conv1.precision(),
        };
        Ok(kernels::residual_block(x, None, &block)?)
    }
}
