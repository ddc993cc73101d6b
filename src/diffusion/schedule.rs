//! Noise schedules of variance-preserving diffusion, in f64.

use anyhow::Result;

use crate::config::{DiffusionConfig, ScheduleName};

/// A discrete variance-preserving schedule: β_t and what follows from it, t ∈ 0..T.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub name: ScheduleName,
    pub betas: Vec<f64>,
    /// ᾱ_t = Π (1 − β_s), s ≤ t.
    pub alphas_cumprod: Vec<f64>,
}

impl Schedule {
    /// The schedule that a config names.
    pub fn from_config(_config: &DiffusionConfig) -> Result<Self> {
        todo!()
    }

    /// T.
    pub fn timesteps(&self) -> usize {
        self.betas.len()
    }

    /// α(t) = √ᾱ_t.
    pub fn alpha(&self, t: usize) -> f64 {
        self.alphas_cumprod[t].sqrt()
    }

    /// σ(t) = √(1 − ᾱ_t).
    pub fn sigma(&self, t: usize) -> f64 {
        (1.0 - self.alphas_cumprod[t]).sqrt()
    }

    /// Signal-to-noise ratio ᾱ_t / (1 − ᾱ_t).
    pub fn snr(&self, t: usize) -> f64 {
        self.alphas_cumprod[t] / (1.0 - self.alphas_cumprod[t])
    }

    /// Half log-SNR λ = log(α/σ).
    pub fn lambda(&self, t: usize) -> f64 {
        0.5 * self.snr(t).ln()
    }

    /// x_t of the closed form q(x_t | x_0) for a batch: each sample its own t.
    /// `x_0` and `noise` are `[N, H, W, C]`, `t` has N entries.
    pub fn add_noise(
        &self,
        _x_0: &candle_core::Tensor,
        _noise: &candle_core::Tensor,
        _t: &[usize],
    ) -> Result<candle_core::Tensor> {
        todo!()
    }
}
