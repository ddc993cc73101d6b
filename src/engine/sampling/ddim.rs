//! DDIM (Song, Meng & Ermon 2021, "Denoising Diffusion Implicit Models", eq. 12 and 16).

use anyhow::Result;
use candle_core::Tensor;

use super::{Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, UpdateRule};
use crate::diffusion::{NoiseLevel, Posterior, combine};

/// x_s = α_s x̂_0 + √(σ_s² − ς²)·ε̂ + ς·z, with ς² = η² times the variance of q(x_s | x_t, x_0).
/// η = 0 is deterministic, η = 1 has the marginals of ancestral sampling.
///
/// As in diffusers, a clamped x̂_0 is combined with the ε̂ of the *unclamped* one; see
/// [`Ddim::use_clipped_model_output`]. Unlike diffusers, s is the next level of the list unless
/// told otherwise ([`Ddim::landing_on`]). Diffusers steps to t − ⌊T/n⌋ instead, which is the next entry with
/// leading spacing (both agree) and with trailing spacing when n divides T, but leaves the list with linspace.
pub struct Ddim {
    levels: Levels,
    eta: f64,
    use_clipped_model_output: bool,
    /// Where each step leads; empty: to the next level.
    landings: Vec<NoiseLevel>,
}

impl Ddim {
    /// `levels` from the noisiest to the cleanest, one a network call; `eta` in 0..=1.
    pub fn new(levels: Vec<NoiseLevel>, eta: f64) -> Self {
        Self { levels: Levels::new(levels), eta, use_clipped_model_output: false, landings: Vec::new() }
    }

    /// The level that each step leads to, one a level, where that is not the next one.
    pub fn landing_on(mut self, landings: Vec<NoiseLevel>) -> Self {
        self.landings = landings;
        self
    }

    /// Recompute ε̂ from the clamped x̂_0, so that the two make up x_t again, as GLIDE does (Nichol et al.
    /// 2022; diffusers' option of this name). Off unless asked for.
    pub fn use_clipped_model_output(mut self, yes: bool) -> Self {
        self.use_clipped_model_output = yes;
        self
    }
}

impl Sampler for Ddim {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Step> {
        let landing = self.landings.get(self.levels.index()).copied();
        let (from, to) = (self.levels.from(), landing.unwrap_or(self.levels.to()));
        let variance = Posterior::between((to.alpha, to.sigma), (from.alpha, from.sigma)).variance;
        let added = self.eta * self.eta * variance;
        let direction = (to.sigma * to.sigma - added).max(0.0).sqrt();
        let epsilon = if self.use_clipped_model_output {
            &combine(1.0 / from.sigma, x_t, -from.alpha / from.sigma, &prediction.x_0)?
        } else {
            &prediction.epsilon
        };
        let mut x_s = combine(to.alpha, &prediction.x_0, direction, epsilon)?;
        if added > 0.0 {
            x_s = (x_s + (noise.like(x_t)? * added.sqrt())?)?;
        }
        let (eta, recomputed) = (self.eta, self.use_clipped_model_output);
        let update = SamplerUpdate::new(from, to, UpdateRule::Ddim { eta, variance, added, direction, recomputed });
        Ok(Step { x_t: x_s, next: self.levels.advance(), update: Some(update) })
    }
}
