//! Time and class as vectors.

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};

use super::UNetConfig;
use super::layers::Linear;
use super::parameters::ParameterKind;
use super::scope::Scope;
use crate::kernels;

/// Sinusoidal features of t (Vaswani et al. 2017, §3.5), exactly as diffusers computes them in f32.
#[derive(Clone)]
pub(super) struct TimeFeatures {
    width: usize,
    freq_shift: f64,
    cosines_first: bool,
    /// Zeros whatever the time, if not.
    told: bool,
}

impl TimeFeatures {
    pub fn new(config: &UNetConfig) -> Self {
        Self {
            width: config.block_out_channels[0],
            freq_shift: config.freq_shift,
            cosines_first: config.flip_sin_to_cos,
            told: config.noise_conditioning,
        }
    }

    /// As today's diffusers has them: cosines first, frequencies not shifted.
    pub fn of_width(width: usize, told: bool) -> Self {
        Self { width, freq_shift: 0.0, cosines_first: true, told }
    }

    /// `t` `[N]`, which may be fractional, to `[N, width]`.
    pub fn forward(&self, t: &Tensor) -> Result<Tensor> {
        if !self.told {
            return Ok(Tensor::zeros((t.dim(0)?, self.width), t.dtype(), t.device())?);
        }
        let frequencies = self.frequencies(t.device())?.to_dtype(t.dtype())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn features(config: &UNetConfig, t: f32) -> Vec<f32> {
        let t = Tensor::from_vec(vec![t], 1, &Device::Cpu).unwrap();
        TimeFeatures::new(config).forward(&t).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    fn assert_close(a: &[f32], b: &[f64]) {
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(&a, &b)| (a as f64 - b).abs() < 1e-5), "{a:?} {b:?}");
    }

    #[test]
    fn time_features_are_cosines_and_sines_of_falling_frequencies() {
        let config = UNetConfig { block_out_channels: vec![4], ..UNetConfig::default() };
        let t = 2.5f64;
        assert_close(&features(&config, 2.5), &[t.cos(), (t / 100.0).cos(), t.sin(), (t / 100.0).sin()]);
        let google = UNetConfig { flip_sin_to_cos: false, freq_shift: 1.0, ..config };
        assert_close(&features(&google, 2.5), &[t.sin(), (t / 1e4).sin(), t.cos(), (t / 1e4).cos()]);
    }

    #[test]
    fn without_noise_conditioning_every_time_has_the_same_features() {
        let config = UNetConfig { block_out_channels: vec![3], noise_conditioning: false, ..UNetConfig::default() };
        assert_eq!(features(&config, 7.0), [0.0; 3]);
        assert_eq!(features(&config, 700.0), [0.0; 3]);
    }

    #[test]
    fn an_odd_width_ends_with_a_zero() {
        let config = UNetConfig { block_out_channels: vec![3], ..UNetConfig::default() };
        let t = 7.0f64;
        assert_close(&features(&config, 7.0), &[t.cos(), t.sin(), 0.0]);
    }
}
