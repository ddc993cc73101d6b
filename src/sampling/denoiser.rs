//! What a sampler asks: which clean image, and which noise, make up this x_t?

use anyhow::Result;
use candle_core::Tensor;

use crate::diffusion::NoiseLevel;

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
