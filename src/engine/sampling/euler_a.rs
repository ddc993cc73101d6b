//! Euler ancestral sampling: as much noise thrown away as the step can give back, then an Euler step
//! of the probability-flow ODE over the rest (k-diffusion's and diffusers' sampler of this name).

use anyhow::Result;
use candle_core::Tensor;

use super::{Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, UpdateRule};
use crate::diffusion::{NoiseLevel, combine};

/// With σ̄ = σ/α and x̄ = x/α (Karras et al. 2022, eq. 4, where dx̄/dσ̄ = ε̂), from σ̄_t to σ̄_s:
///
/// σ_up² = σ̄_s² (σ̄_t² − σ̄_s²)/σ̄_t²,  σ_down² = σ̄_s² − σ_up²,
///
/// x̄_s = x̄_t + (σ_down − σ̄_t)·ε̂ + σ_up·z
///
/// σ_up² is the variance of q(x̄_s | x̄_t, x_0) (Song et al. 2021, "Score-Based Generative Modeling through
/// Stochastic Differential Equations", eq. 46): without clamping this is DDIM with η = 1. It differs where
/// x̂_0 is clamped, since ε̂ follows the clamped estimate here, and in where it starts: at σ·noise.
pub struct EulerAncestral {
    levels: Levels,
    noise_scale: Option<f64>,
}

impl EulerAncestral {
    /// `levels` from the noisiest to the cleanest, one a network call; `noise_scale` is what unit noise is
    /// multiplied by, if not the path's own.
    pub fn new(levels: Vec<NoiseLevel>, noise_scale: Option<f64>) -> Self {
        Self { levels: Levels::new(levels), noise_scale }
    }
}

impl Sampler for EulerAncestral {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn noise_scale(&self) -> Option<f64> {
        self.noise_scale
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        // σ̄_s/σ̄_t, which stays finite where no signal is left: σ̄_t = ∞ gives 0.
        let ratio = to.noise_to_signal() / from.noise_to_signal();
        let (up, down) = match to.noise_to_signal() {
            s if s.is_finite() => (s * (1.0 - ratio * ratio).max(0.0).sqrt(), s * ratio),
            _ => (0.0, 1.0),
        };
        // x̄_s = x̂_0 + σ_down·ε̂ + σ_up·z with ε̂ = (x_t − α_t x̂_0)/σ_t, times α_s.
        let epsilon = to.alpha * down / from.sigma;
        let mut x_s = combine(to.alpha - epsilon * from.alpha, &prediction.x_0, epsilon, x_t)?;
        if up > 0.0 {
            x_s = (x_s + (noise.like(x_t)? * (to.alpha * up))?)?;
        }
        let update = SamplerUpdate::new(from, to, UpdateRule::EulerAncestral { up, down });
        Ok(Step { x_t: x_s, next: self.levels.advance(), update: Some(update) })
    }
}
