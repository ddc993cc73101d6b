//! DPM-Solver++(2M) (Lu, Zhou, Bao, Chen, Li & Zhu 2022, "DPM-Solver++: Fast Solver for Guided Sampling of
//! Diffusion Probabilistic Models", algorithm 2; diffusers' DPMSolverMultistepScheduler).

use anyhow::Result;
use candle_core::Tensor;

use super::multistep::{FlowStep, Past};
use super::{Levels, NoiseSource, Prediction, Sampler, Step};
use crate::diffusion::{NoiseLevel, combine};

/// Below so many steps the solvers of DPM-Solver++ end with lower order (its section 4.2;
/// diffusers' `lower_order_final`).
pub(super) const FEW: usize = 15;

/// The probability flow solved exactly for x_t, with x̂_0 taken as a straight line in λ through the latest two
/// answers. With h = λ_s − λ_t:
///
/// x_s = (σ_s/σ_t) x_t + α_s (1 − e^{−h}) x̂_0 + ½ α_s (1 − e^{−h}) h·x̂_0′ (eq. 9, and algorithm 2's D)
///
/// Second order, one network call a step. The first step, the step to the clean image, and one from a level
/// without signal are of first order (DDIM's). Never clamps x̂_0, as diffusers' does not.
pub struct Dpmpp2m {
    levels: Levels,
    past: Past,
    heun: bool,
}

impl Dpmpp2m {
    /// `levels` from the noisiest to the cleanest, one a network call.
    pub fn new(levels: Vec<NoiseLevel>) -> Self {
        Self { levels: Levels::new(levels), past: Past::new(2), heun: false }
    }

    /// Integrate the straight line exactly: α_s ((e^{−h} − 1)/h + 1) in place of ½ α_s (1 − e^{−h}).
    /// Diffusers' solver_type "heun"; the same order. Off unless asked for.
    pub fn heun(mut self, yes: bool) -> Self {
        self.heun = yes;
        self
    }
}

impl Sampler for Dpmpp2m {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn clips(&self) -> bool {
        false
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, _noise: &mut dyn NoiseSource) -> Result<Step> {
        let step = FlowStep::between(self.levels.from(), self.levels.to());
        self.past.push(step.from.lambda(), &prediction.x_0);
        let mut x_s = step.straight(x_t, &prediction.x_0)?;
        if self.past.order() == 2 && step.to.sigma > 0.0 {
            let change = self.past.change(0, step.h)?;
            x_s = match self.heun {
                true => combine(1.0, &x_s, step.to.alpha * (step.decay / step.h + 1.0), &change)?,
                false => step.bent(&x_s, &change)?,
            };
        }
        Ok(Step { x_t: x_s, next: self.levels.advance() })
    }
}
