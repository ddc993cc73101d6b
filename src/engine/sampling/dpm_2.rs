//! DPM-Solver-2 as k-diffusion writes it (Lu et al. 2022, "DPM-Solver", algorithm 1, in the σ of Karras et al. 2022;
//! diffusers' KDPM2DiscreteScheduler and KDPM2AncestralDiscreteScheduler).

use anyhow::Result;
use candle_core::Tensor;

use super::heun::slope;
use super::sigmas::level_of_ratio;
use super::{Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, StepStage, UpdateRule};
use crate::diffusion::{NoiseLevel, Schedule, combine};

/// The midpoint rule on d(x/α)/d(σ/α) = ε, with the middle of log(σ/α): Euler's step leads there, and the slope there
/// makes the whole step. Second order, two network calls a step, but for the last, to the clean image, and one from a
/// level without signal: these are Euler's.
///
/// Ancestral, each step leads down to σ_down and noise of σ_up is added, as [`EulerAncestral`](super::EulerAncestral)
/// splits them; the middle is that of σ and σ_down. Never clamps x̂_0, as diffusers' does not.
pub struct Dpm2 {
    levels: Levels,
    noise_scale: Option<f64>,
    /// Each step: where it leads down to (σ/α), the noise then added (σ/α), and the level of its second call.
    steps: Vec<(f64, f64, Option<NoiseLevel>)>,
    /// x/α at the beginning of a step whose first half is done.
    start: Option<Tensor>,
}

impl Dpm2 {
    /// `levels` of `schedule` from the noisiest to the cleanest. `noise_scale`: what unit noise is multiplied by at
    /// the first, where it is not the path's own factor.
    pub fn new(schedule: &Schedule, levels: Vec<NoiseLevel>, noise_scale: Option<f64>, ancestral: bool) -> Self {
        let step = |i: usize| {
            let from = levels[i].noise_to_signal();
            let to = levels.get(i + 1).map_or(0.0, |level| level.noise_to_signal());
            let (down, up) = match to / from {
                ratio if ancestral => (to * ratio, to * (1.0 - ratio * ratio).max(0.0).sqrt()),
                _ => (to, 0.0),
            };
            let second = (down > 0.0 && from.is_finite()).then(|| level_of_ratio(schedule, (from * down).sqrt()));
            (down, up, second)
        };
        let steps = (0..levels.len()).map(step).collect();
        Self { levels: Levels::new(levels), noise_scale, steps, start: None }
    }
}

impl Sampler for Dpm2 {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn calls(&self) -> usize {
        self.steps.len() + self.steps.iter().filter(|(_, _, second)| second.is_some()).count()
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

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        let (down, up, second) = self.steps[self.levels.index()];
        let update =
            |stage| Some(SamplerUpdate::new(from, to, UpdateRule::Midpoint { stage, middle: second, down, up }));
        let stage = if second.is_some() { StepStage::Second } else { StepStage::Alone };
        let mut x_s = match (self.start.take(), second) {
            (Some(start), Some(second)) => {
                let there = slope(x_t, &prediction.x_0, second)?;
                combine(to.alpha, &start, to.alpha * (down - from.noise_to_signal()), &there)?
            }
            (None, Some(second)) => {
                let begun = slope(x_t, &prediction.x_0, from)?;
                self.start = Some((x_t * (1.0 / from.alpha))?);
                let x_second = combine(second.alpha, &prediction.x_0, second.sigma, &begun)?;
                return Ok(Step { x_t: x_second, next: Some(second), update: update(StepStage::First) });
            }
            _ => combine(to.alpha, &prediction.x_0, to.alpha * down, &slope(x_t, &prediction.x_0, from)?)?,
        };
        if up > 0.0 {
            x_s = combine(1.0, &x_s, to.alpha * up, &noise.like(x_t)?)?;
        }
        Ok(Step { x_t: x_s, next: self.levels.advance(), update: update(stage) })
    }
}
