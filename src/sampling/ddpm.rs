//! Ancestral sampling (Ho, Jain & Abbeel 2020, "Denoising Diffusion Probabilistic Models",
//! algorithm 2).

use anyhow::Result;
use candle_core::Tensor;

use super::{Levels, NoiseSource, Prediction, Sampler, Step};
use crate::diffusion::{NoiseLevel, Posterior};

/// Draws x_s from q(x_s | x_t, x̂_0), with the posterior's own variance (diffusers' `fixed_small`,
/// β̃_t). Any number of steps: the posterior between two visited levels takes the place of the one
/// between neighbours (Nichol & Dhariwal 2021, section 4).
pub struct Ddpm {
    levels: Levels,
}

impl Ddpm {
    /// `levels` from the noisiest to the cleanest, one a network call.
    pub fn new(levels: Vec<NoiseLevel>) -> Self {
        Self { levels: Levels::new(levels) }
    }
}

impl Sampler for Ddpm {
    fn first(&self) -> NoiseLevel {
        self.levels.all()[0]
    }

    fn calls(&self) -> usize {
        self.levels.all().len()
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        let posterior = Posterior::between((to.alpha, to.sigma), (from.alpha, from.sigma));
        let mut x_s = posterior.mean(&prediction.x_0, x_t)?;
        if posterior.variance > 0.0 {
            x_s = (x_s + (noise.like(x_t)? * posterior.variance.sqrt())?)?;
        }
        Ok(Step { x_t: x_s, next: self.levels.advance() })
    }
}
