//! What a sampler asks: which clean image, and which noise, make up this x_t?

use anyhow::Result;
use candle_core::Tensor;

use crate::diffusion::Schedule;

/// Where on the path a network is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseLevel {
    /// What the network is told: the timestep, t ∈ 0..T (may be fractional for some samplers).
    pub t: f64,
    pub alpha: f64,
    pub sigma: f64,
}

impl NoiseLevel {
    /// The end of every path: x_0 itself.
    pub const CLEAN: Self = Self { t: 0.0, alpha: 1.0, sigma: 0.0 };

    /// Timestep `t` of a schedule.
    ///
    /// # Panics
    /// When t ≥ T.
    pub fn of(schedule: &Schedule, t: usize) -> Self {
        Self { t: t as f64, alpha: schedule.alpha(t), sigma: schedule.sigma(t) }
    }
}

/// x̂_0 and ε̂ for one batch, each `[N, H, W, C]`.
#[derive(Clone, Debug)]
pub struct Prediction {
    pub x_0: Tensor,
    pub epsilon: Tensor,
}

/// Anything that can say what the clean image behind x_t is: a network, an exact solution, a guided
/// pair of either.
pub trait Denoiser {
    /// `x_t` is `[N, H, W, C]`.
    ///
    /// # Errors
    /// When the denoiser was made for another shape or batch, or its network fails.
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction>;
}
