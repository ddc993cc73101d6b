//! Time and class as vectors.

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};

use super::UNetConfig;
use super::layers::Linear;
use super::parameters::{ParameterKind, Scope};
use crate::kernels;

/// Sinusoidal features of t (Vaswani et al. 2017, §3.5), exactly as diffusers computes them in f32.
#[derive(Clone)]
pub(super) struct TimeFeatures {
    width: usize,
    freq_shift: f64,
    cosines_first: bool,
}

impl TimeFeatures {
    pub fn new(config: &UNetConfig) -> Self {
        Self {
            width: config.block_out_channels[0],
            freq_shift: config.freq_shift,
            cosines_first: config.flip_sin_to_cos,
        }
    }

    /// `t` `[N]` f32, which may be fractional, to `[N, width]`.
    pub fn forward(&self, t: &Tensor) -> Result<Tensor> {
        let frequencies = self.frequencies(t.device())?;
        let angles = t.unsqueeze(1)?.broadcast_mul(&frequencies)?;
        let (sines, cosines) = (angles.sin()?, angles.cos()?);
        let ordered = if self.cosines_first { [cosines, sines] } else { [sines, cosines] };
        let features = Tensor::cat(&ordered, 1)?;
        Ok(features.pad_with_zeros(1, 0, self.width % 2)?)
    }

    /// f_i = 10000^(−i / (half − freq_shift)), `[1, half]`.
    fn frequencies(&self, device: &Device) -> Result<Tensor> {
        let half = self.width / 2;
        let denominator = (half as f64 - self.freq_shift) as f32;
        let scale = -(10_000f64.ln() as f32);
        let values = (0..half).map(|i| (scale * i as f32 / denominator).exp()).collect();
        Ok(Tensor::from_vec(values, (1, half), device)?)
    }
}

/// The two-layer network on the time features.
#[derive(Clone)]
pub(super) struct TimeEmbedding {
    linear_1: Linear,
    linear_2: Linear,
}

impl TimeEmbedding {
    pub fn new(scope: Scope, features: usize, width: usize) -> Result<Self> {
        Ok(Self {
            linear_1: Linear::new(scope.child("linear_1"), features, width)?,
            linear_2: Linear::new(scope.child("linear_2"), width, width)?,
        })
    }

    pub fn forward(&self, features: &Tensor) -> Result<Tensor> {
        self.linear_2.forward(&kernels::silu(&self.linear_1.forward(features)?)?)
    }
}

/// A vector for each class; the last row stands for "no class".
#[derive(Clone)]
pub(super) struct ClassEmbedding {
    table: Tensor,
    rows: usize,
}

impl ClassEmbedding {
    pub fn new(scope: Scope, rows: usize, width: usize) -> Result<Self> {
        Ok(Self { table: scope.parameter("weight", ParameterKind::Embedding, &[rows, width])?, rows })
    }

    /// `labels` `[N]` u32 to `[N, width]`.
    pub fn forward(&self, labels: &Tensor) -> Result<Tensor> {
        let largest = labels.to_vec1::<u32>()?.into_iter().max().unwrap_or(0);
        ensure!((largest as usize) < self.rows, "class {largest} is beyond the {} rows of class_embedding", self.rows);
        Ok(self.table.index_select(labels, 0)?)
    }
}
