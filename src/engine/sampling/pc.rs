//! Predictor–corrector sampling (Song et al. 2021, "Score-Based Generative Modeling through Stochastic
//! Differential Equations", algorithms 2 to 5).

use anyhow::Result;
use candle_core::Tensor;

use super::{Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, UpdateRule};
use crate::diffusion::{NoiseLevel, Posterior, combine};

/// Alternates a step down the reverse SDE with Langevin steps that stay at their level and mend what the
/// step did to the distribution.
///
/// Predictor, the reverse diffusion of the forward step x_t = a·x_s + √v·w (their eq. 46), which is
/// algorithm 2's on path ve (a = 1) and algorithm 3's on path vp (a = √(1 − β)):
///
/// x_s = (2 − a)·x_t + v·score + √v·z,  score = −ε̂/σ_t
///
/// Corrector (algorithms 4 and 5): x ← x + ε·score + √(2ε)·z with ε = 2 a² (r‖z‖/‖score‖)². For the norms
/// of one draw stand their root mean squares, √d and √d/σ, so that ε = 2 a² r² σ²: then an image does not
/// depend on the others in its batch, and a point near a mode, where the score vanishes, is not thrown
/// away. That is annealed Langevin dynamics' choice (Song & Ermon 2019, algorithm 1). Langevin steps of this
/// size widen the noise by about r² of its variance.
///
/// The last step leads to x̂_0, the mean without its noise.
pub struct PredictorCorrector {
    levels: Levels,
    snr: f64,
    corrections: usize,
    /// Corrections still due at this level.
    due: usize,
}

impl PredictorCorrector {
    /// `levels` from the noisiest to the cleanest; `snr` is r, above 0; `corrections` Langevin steps, one
    /// network call each, at each level that the predictor reaches.
    pub fn new(levels: Vec<NoiseLevel>, snr: f64, corrections: usize) -> Self {
        Self { levels: Levels::new(levels), snr, corrections, due: 0 }
    }

    fn predict(
        &self,
        x_t: &Tensor,
        epsilon: &Tensor,
        noise: &mut dyn NoiseSource,
    ) -> Result<(Tensor, Option<SamplerUpdate>)> {
        let (from, to) = (self.levels.from(), self.levels.to());
        let a = from.alpha / to.alpha;
        let v = Posterior::added_variance((to.alpha, to.sigma), (from.alpha, from.sigma));
        let mean = combine(2.0 - a, x_t, -v / from.sigma, epsilon)?;
        let x_s = (mean + (noise.like(x_t)? * v.sqrt())?)?;
        let rule = UpdateRule::ReverseDiffusion { a, v, corrections: self.corrections };
        Ok((x_s, Some(SamplerUpdate::new(from, to, rule))))
    }

    fn correct(
        &self,
        x_t: &Tensor,
        epsilon: &Tensor,
        noise: &mut dyn NoiseSource,
    ) -> Result<(Tensor, Option<SamplerUpdate>)> {
        let (from, to) = (self.levels.from(), self.levels.to());
        let a = from.alpha / to.alpha;
        let step = 2.0 * (a * self.snr * from.sigma).powi(2);
        let moved = combine(1.0, x_t, -step / from.sigma, epsilon)?;
        let x_s = (moved + (noise.like(x_t)? * (2.0 * step).sqrt())?)?;
        let rule = UpdateRule::Langevin { a, snr: self.snr, step, corrections: self.due };
        Ok((x_s, Some(SamplerUpdate::new(from, from, rule))))
    }
}

impl Sampler for PredictorCorrector {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn calls(&self) -> usize {
        let levels = self.levels.all().len();
        levels + (levels - 1) * self.corrections
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Step> {
        let from = self.levels.from();
        // The noise that goes with x̂_0, which may have been clamped.
        let epsilon = combine(1.0 / from.sigma, x_t, -from.alpha / from.sigma, &prediction.x_0)?;
        if self.due > 0 {
            self.due -= 1;
            let (x_t, update) = self.correct(x_t, &epsilon, noise)?;
            return Ok(Step { x_t, next: Some(from), update });
        }
        if self.levels.is_last() {
            let update = Some(SamplerUpdate::new(from, NoiseLevel::CLEAN, UpdateRule::Clean));
            return Ok(Step { x_t: prediction.x_0.clone(), next: self.levels.advance(), update });
        }
        let (x_s, update) = self.predict(x_t, &epsilon, noise)?;
        self.due = self.corrections;
        Ok(Step { x_t: x_s, next: self.levels.advance(), update })
    }
}
