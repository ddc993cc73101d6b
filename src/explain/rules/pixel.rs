//! One network call at the followed pixel.

use crate::diffusion::NoiseLevel;
use crate::sampling::SamplerUpdate;

/// The numbers of one call at one pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelCall {
    pub at: NoiseLevel,
    /// Before and after.
    pub x_t: f64,
    pub x_s: f64,
    /// As the sampler saw it, which may be clamped.
    pub x_0: f64,
    /// As the network said it.
    pub epsilon: f64,
    /// The unit noise that was drawn; 0 where none was.
    pub noise: f64,
    pub variance_fraction: Option<f64>,
    pub update: Option<SamplerUpdate>,
}

impl PixelCall {
    /// d = (x_t − α x̂_0)/σ: the noise that goes with x̂_0, and the slope d(x/α)/d(σ/α) (Karras et al. 2022, eq. 3).
    pub fn slope(&self) -> f64 {
        (self.x_t - self.at.alpha * self.x_0) / self.at.sigma
    }
}
