//! Ancestral sampling (Ho, Jain & Abbeel 2020, "Denoising Diffusion Probabilistic Models",
//! algorithm 2).

use anyhow::Result;
use candle_core::Tensor;

use super::{NoiseLevel, NoiseSource, Prediction, Sampler};
use crate::diffusion::Posterior;

/// Draws x_s from q(x_s | x_t, x̂_0), with the posterior's own variance (diffusers' `fixed_small`,
/// β̃_t). Any number of steps: the posterior between two visited levels takes the place of the one
/// between neighbours (Nichol & Dhariwal 2021, section 4).
pub struct Ddpm {
    levels: Vec<NoiseLevel>,
}

impl Ddpm {
    /// `levels` from the noisiest to the cleanest, one a network call.
    pub fn new(levels: Vec<NoiseLevel>) -> Self {
        Self { levels }
    }
}

impl Sampler for Ddpm {
    fn levels(&self) -> &[NoiseLevel] {
        &self.levels
    }

    fn step(&mut self, i: usize, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Tensor> {
        let (from, to) = self.between(i);
        let posterior = Posterior::between((to.alpha, to.sigma), (from.alpha, from.sigma));
        let mean = posterior.mean(&prediction.x_0, x_t)?;
        if posterior.variance == 0.0 {
            return Ok(mean);
        }
        Ok((mean + (noise.like(x_t)? * posterior.variance.sqrt())?)?)
    }
}
