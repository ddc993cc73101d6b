//! Euler's method on the probability flow (Karras, Aittala, Aila & Laine 2022, "Elucidating the Design Space
//! of Diffusion-Based Generative Models", algorithm 1 without its correction; diffusers'
//! EulerDiscreteScheduler).

use anyhow::Result;
use candle_core::Tensor;

use super::{Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, UpdateRule};
use crate::diffusion::{NoiseLevel, combine};

/// d(x/α)/d(σ/α) = ε (Karras et al. 2022, eq. 3 and 4 at s = 1, σ(t) = t), so a step along the straight line
/// leads to x_s = α_s x̂_0 + σ_s ε̂: in the image's own scale no α is divided by, and the first step from a
/// level without signal is as any other. On path flow that line is the velocity's, and the step that of flow
/// matching.
///
/// First order. It never clamps x̂_0, as diffusers' does not.
pub struct Euler {
    levels: Levels,
    noise_scale: Option<f64>,
}

impl Euler {
    /// `levels` from the noisiest to the cleanest, one a network call. `noise_scale`: what unit noise is
    /// multiplied by at the first, where it is not the path's own factor.
    pub fn new(levels: impl Into<Levels>, noise_scale: Option<f64>) -> Self {
        Self { levels: levels.into(), noise_scale }
    }
}

impl Sampler for Euler {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn noise_scale(&self) -> Option<f64> {
        self.noise_scale
    }

    fn clips(&self) -> bool {
        false
    }

    fn thresholds(&self) -> bool {
        false
    }

    fn step(&mut self, _x_t: &Tensor, prediction: &Prediction, _noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        let x_s = combine(to.alpha, &prediction.x_0, to.sigma, &prediction.epsilon)?;
        let update = SamplerUpdate::new(from, to, UpdateRule::Straight { recomputed: false });
        Ok(Step { x_t: x_s, next: self.levels.advance(), update: Some(update) })
    }
}
