//! DPM-Solver++(2M) (Lu, Zhou, Bao, Chen, Li & Zhu 2022, "DPM-Solver++: Fast Solver for Guided Sampling of
//! Diffusion Probabilistic Models", algorithm 2; diffusers' DPMSolverMultistepScheduler).

use anyhow::Result;
use candle_core::Tensor;

use super::multistep::Past;
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
    fn first(&self) -> NoiseLevel {
        self.levels.all()[0]
    }

    fn calls(&self) -> usize {
        self.levels.all().len()
    }

    fn clips(&self) -> bool {
        false
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, _noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        self.past.push(from.lambda(), &prediction.x_0);
        let h = to.lambda() - from.lambda();
        let decay = (-h).exp_m1();
        let mut x_s = combine(to.sigma / from.sigma, x_t, -to.alpha * decay, &prediction.x_0)?;
        if self.past.order() == 2 && to.sigma > 0.0 {
            let factor = if self.heun { decay / h + 1.0 } else { -0.5 * decay };
            x_s = combine(1.0, &x_s, to.alpha * factor, &self.past.change(0, h)?)?;
        }
        Ok(Step { x_t: x_s, next: self.levels.advance() })
    }
}
