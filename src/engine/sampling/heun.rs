//! Heun's method on the probability flow (Karras, Aittala, Aila & Laine 2022, "Elucidating the Design Space
//! of Diffusion-Based Generative Models", algorithm 1; diffusers' HeunDiscreteScheduler).

use anyhow::Result;
use candle_core::Tensor;

use super::{Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, StepStage, UpdateRule};
use crate::diffusion::{NoiseLevel, combine};

/// Euler's step in x/α and σ/α, then again with the mean of the slopes at both ends. Second order, and two
/// network calls a step, but for the last: to the clean image, where the slope has no value, it is Euler's.
/// n steps cost 2n − 1 calls.
///
/// The slope is taken from x̂_0, so that a clamped x̂_0 bends it, as in diffusers. From a level without signal
/// σ/α is infinite, and the first step is Euler's too. (Diffusers' scheduler forgets the zero-terminal-SNR
/// setting instead, and walks another schedule.)
pub struct Heun {
    levels: Levels,
    noise_scale: Option<f64>,
    /// A step whose first half is done.
    half: Option<Half>,
}

/// Where a step began, and what Euler's method said there.
pub(super) struct Half {
    /// x/α at the beginning.
    pub start: Tensor,
    pub slope: Tensor,
}

impl Heun {
    /// `levels` from the noisiest to the cleanest. `noise_scale`: what unit noise is multiplied by at the
    /// first, where it is not the path's own factor.
    pub fn new(levels: Vec<NoiseLevel>, noise_scale: Option<f64>) -> Self {
        Self { levels: Levels::new(levels), noise_scale, half: None }
    }
}

/// The slope d(x/α)/d(σ/α): ε̂ of the x̂_0 that may have been clamped.
pub(super) fn slope(x_t: &Tensor, x_0: &Tensor, at: NoiseLevel) -> Result<Tensor> {
    combine(1.0 / at.sigma, x_t, -at.alpha / at.sigma, x_0)
}

/// What the sum of both slopes is multiplied by: half the difference of σ/α, times α.
pub(super) fn half_step(from: NoiseLevel, to: NoiseLevel) -> f64 {
    0.5 * to.alpha * (to.noise_to_signal() - from.noise_to_signal())
}

/// α·start + half·(a + b), where `start` is an x/α, and α that of the level where the step leads.
pub(super) fn mean_step(start: &Tensor, a: &Tensor, b: &Tensor, alpha: f64, half: f64) -> Result<Tensor> {
    combine(alpha, start, half, &(a + b)?)
}

/// Two calls a level, but for the last and for one without signal: these have Euler's step alone.
pub(super) fn calls(levels: &[NoiseLevel]) -> usize {
    let single = levels.iter().filter(|level| level.alpha == 0.0).count();
    (2 * levels.len()).saturating_sub(1 + single).max(1)
}

impl Sampler for Heun {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn calls(&self) -> usize {
        calls(self.levels.all())
    }

    fn noise_scale(&self) -> Option<f64> {
        self.noise_scale
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, _noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        let half = half_step(from, to);
        let update = |stage| Some(SamplerUpdate::new(from, to, UpdateRule::Heun { stage, half, churn: None }));
        if let Some(Half { start, slope: before }) = self.half.take() {
            let after = slope(x_t, &prediction.x_0, to)?;
            let x_t = mean_step(&start, &before, &after, to.alpha, half)?;
            return Ok(Step { x_t, next: self.levels.advance(), update: update(StepStage::Second) });
        }
        let before = slope(x_t, &prediction.x_0, from)?;
        let euler = combine(to.alpha, &prediction.x_0, to.sigma, &before)?;
        if to.sigma == 0.0 || from.alpha == 0.0 {
            return Ok(Step { x_t: euler, next: self.levels.advance(), update: update(StepStage::Alone) });
        }
        self.half = Some(Half { start: (x_t * (1.0 / from.alpha))?, slope: before });
        Ok(Step { x_t: euler, next: Some(to), update: update(StepStage::First) })
    }
}
