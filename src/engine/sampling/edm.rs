//! The stochastic sampler of Karras, Aittala, Aila & Laine 2022, "Elucidating the Design Space of
//! Diffusion-Based Generative Models", algorithm 2.

use anyhow::{Result, ensure};
use candle_core::Tensor;

use super::heun::{Half, calls, half_step, mean_step, slope};
use super::{Churn, Levels, NoiseSource, Prediction, Raised, Sampler, SamplerUpdate, Step, StepStage, UpdateRule};
use crate::diffusion::{NoiseLevel, Schedule, combine};

/// Before each step of Heun's method σ/α is raised by a factor 1 + γ with fresh noise, γ = min(S_churn/n,
/// √2 − 1) where σ/α lies within S_tmin..=S_tmax; the step then leads down from there. Without churn it is
/// Heun's method.
///
/// Never raised above the path's noisiest level, which is the last that a network knows, and not at the
/// first level: to a sample that is all noise, more noise adds nothing.
pub struct Edm {
    levels: Levels,
    /// The raised level of each; the level itself where there is no churn.
    raised: Vec<NoiseLevel>,
    noise_scale: Option<f64>,
    s_noise: f64,
    /// A step, from the raised level, whose first half is done.
    half: Option<Half>,
}

impl Edm {
    /// `levels` of `schedule` from the noisiest to the cleanest. `noise_scale`: what unit noise is
    /// multiplied by at the first, where it is not the path's own factor.
    ///
    /// # Errors
    /// When a number of `churn` is negative or none.
    pub fn new(schedule: &Schedule, levels: Vec<NoiseLevel>, noise_scale: Option<f64>, churn: Churn) -> Result<Self> {
        let Churn { s_churn, s_tmin, s_tmax, s_noise } = churn;
        ensure!(
            s_churn >= 0.0 && s_tmin >= 0.0 && s_tmax >= 0.0 && s_noise >= 0.0 && s_noise.is_finite(),
            "churn can't be negative, but s_churn = {s_churn}, s_tmin = {s_tmin}, s_tmax = {s_tmax}, s_noise = {s_noise}"
        );
        let gamma = (s_churn / levels.len() as f64).min(std::f64::consts::SQRT_2 - 1.0);
        let raise = |(i, &level): (usize, &NoiseLevel)| {
            let ratio = level.noise_to_signal();
            if i == 0 || gamma == 0.0 || !(s_tmin..=s_tmax).contains(&ratio) {
                return level;
            }
            let raised = schedule.level_of(ratio * (1.0 + gamma));
            if raised.noise_to_signal() > ratio { raised } else { level }
        };
        let raised = levels.iter().enumerate().map(raise).collect();
        Ok(Self { levels: Levels::new(levels), raised, noise_scale, s_noise, half: None })
    }

    /// From the level of the list that x stands at to its raised one, where that is another.
    fn churn(&self) -> Option<Raised> {
        let (level, to) = (self.levels.from(), *self.raised.get(self.levels.index())?);
        let (before, after) = (level.noise_to_signal(), to.noise_to_signal());
        let added = to.alpha * (after * after - before * before).max(0.0).sqrt() * self.s_noise;
        (after > before).then(|| Raised { to, kept: to.alpha / level.alpha, added })
    }
}

impl Sampler for Edm {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn calls(&self) -> usize {
        calls(self.levels.all())
    }

    fn noise_scale(&self) -> Option<f64> {
        self.noise_scale
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.raised[self.levels.index()], self.levels.to());
        let half = half_step(from, to);
        let update = |stage, churn| Some(SamplerUpdate::new(from, to, UpdateRule::Heun { stage, half, churn }));
        let (arrived, stage) = match self.half.take() {
            Some(Half { start, slope: before }) => {
                let after = slope(x_t, &prediction.x_0, to)?;
                (mean_step(&start, &before, &after, to.alpha, half)?, StepStage::Second)
            }
            None => {
                let before = slope(x_t, &prediction.x_0, from)?;
                let euler = combine(to.alpha, &prediction.x_0, to.sigma, &before)?;
                if to.sigma > 0.0 && from.alpha > 0.0 {
                    self.half = Some(Half { start: (x_t * (1.0 / from.alpha))?, slope: before });
                    return Ok(Step { x_t: euler, next: Some(to), update: update(StepStage::First, None) });
                }
                (euler, StepStage::Alone)
            }
        };
        let next = self.levels.advance();
        let churn = self.churn();
        let (x_t, next) = match churn {
            Some(Raised { to, kept, added }) => (combine(kept, &arrived, added, &noise.like(&arrived)?)?, Some(to)),
            None => (arrived, next),
        };
        Ok(Step { x_t, next, update: update(stage, churn) })
    }
}
