//! SDE-DPM-Solver++(2M) (Lu, Zhou, Bao, Chen, Li & Zhu 2022, "DPM-Solver++", section 6 and eq. 19; diffusers'
//! DPMSolverMultistepScheduler with algorithm_type "sde-dpmsolver++").

use anyhow::Result;
use candle_core::Tensor;

use super::multistep::Past;
use super::{Levels, NoiseSource, Prediction, Sampler, Step};
use crate::diffusion::{NoiseLevel, combine};

/// The reverse SDE instead of the flow, solved exactly for x_t and its noise. With h = λ_s − λ_t:
///
/// x_s = (σ_s/σ_t) e^{−h} x_t + α_s (1 − e^{−2h}) (x̂_0 + ½ h·x̂_0′) + σ_s √(1 − e^{−2h}) z
///
/// To first order (without x̂_0′) it is ancestral sampling. The first step, the step to the clean image, and
/// one from a level without signal are of first order. Never clamps x̂_0, as diffusers' does not.
pub struct Dpmpp2mSde {
    levels: Levels,
    past: Past,
}

impl Dpmpp2mSde {
    /// `levels` from the noisiest to the cleanest, one a network call.
    pub fn new(levels: Vec<NoiseLevel>) -> Self {
        Self { levels: Levels::new(levels), past: Past::new(2) }
    }
}

impl Sampler for Dpmpp2mSde {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn clips(&self) -> bool {
        false
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        self.past.push(from.lambda(), &prediction.x_0);
        let h = to.lambda() - from.lambda();
        let replaced = -(-2.0 * h).exp_m1();
        let mut x_s = combine(to.sigma / from.sigma * (-h).exp(), x_t, to.alpha * replaced, &prediction.x_0)?;
        if to.sigma > 0.0 {
            if self.past.order() == 2 {
                x_s = combine(1.0, &x_s, 0.5 * to.alpha * replaced, &self.past.change(0, h)?)?;
            }
            x_s = combine(1.0, &x_s, to.sigma * replaced.sqrt(), &noise.like(x_t)?)?;
        }
        Ok(Step { x_t: x_s, next: self.levels.advance() })
    }
}
