//! What a sampler asks: which clean image, and which noise, make up this x_t?

use anyhow::Result;
use candle_core::Tensor;

use crate::diffusion::NoiseLevel;

/// x̂_0 and ε̂ for one batch, each `[N, H, W, C]`.
#[derive(Clone, Debug)]
pub struct Prediction {
    pub x_0: Tensor,
    pub epsilon: Tensor,
    /// Where the network learned the variance of p(x_s | x_t): its logarithm's place between that of the
    /// posterior (0) and that of the step (1), not clamped (Nichol & Dhariwal 2021, eq. 15).
    pub variance_fraction: Option<Tensor>,
}

impl Prediction {
    /// Estimates that say nothing about the variance.
    pub fn new(x_0: Tensor, epsilon: Tensor) -> Self {
        Self { x_0, epsilon, variance_fraction: None }
    }
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
