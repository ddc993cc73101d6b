//! Halving and doubling the resolution.

use anyhow::Result;
use candle_core::Tensor;

use super::layers::Conv2d;
use super::scope::Scope;
use crate::kernels::{self, Padding};

/// A 3×3 convolution with stride 2.
#[derive(Clone)]
pub(super) struct Downsample {
    conv: Conv2d,
}

impl Downsample {
    /// `padding` 1: zeros on all sides; 0: right and below alone.
    pub fn new(scope: Scope, channels: usize, padding: usize) -> Result<Self> {
        let padding = if padding == 0 { Padding::RightBottom } else { Padding::Same };
        Ok(Self { conv: Conv2d::strided(scope.child("conv"), channels, channels, 3, 2, padding)? })
    }

    /// `[N, H, W, C]` to `[N, H/2, W/2, C]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.conv.forward(x)
    }
}

/// Each pixel doubled in both directions, then a 3×3 convolution.
#[derive(Clone)]
pub(super) struct Upsample {
    conv: Conv2d,
}

impl Upsample {
    pub fn new(scope: Scope, channels: usize) -> Result<Self> {
        Ok(Self { conv: Conv2d::new(scope.child("conv"), channels, channels, 3)? })
    }

    /// `[N, H, W, C]` to `[N, 2H, 2W, C]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(kernels::upsample_conv2d(x, self.conv.weight(), self.conv.bias(), self.conv.precision())?)
    }
}
