//! DPM-Solver++(3M): the third-order member of the family (Lu, Zhou, Bao, Chen, Li & Zhu 2022, "DPM-Solver++",
//! eq. 8 with k = 3 and appendix B; diffusers' DPMSolverMultistepScheduler with solver_order 3).

use anyhow::Result;
use candle_core::Tensor;

use super::dpmpp_2m::FEW;
use super::multistep::{FlowStep, Past};
use super::{Levels, NoiseSource, Prediction, Sampler, Step};
use crate::diffusion::{NoiseLevel, combine};

/// As [`Dpmpp2m`](super::Dpmpp2m), with x̂_0 a parabola in λ through the latest three answers. With
/// h = λ_s − λ_t, D₁ the slope of the parabola at λ_t times h, and D₂ its second difference times h² (half of
/// its second derivative):
///
/// x_s = (σ_s/σ_t) x_t + α_s (1 − e^{−h}) x̂_0 + α_s ((e^{−h} − 1)/h + 1) D₁ − α_s ((e^{−h} − 1 + h)/h² − ½) D₂
///
/// The exact integral of the parabola has 2·D₂ here. The authors' code and diffusers have D₂, and so has this:
/// half of the h³ term is left out, so that the error falls as h² in the end, if from a lower start than
/// 2M's. [`Dpmpp3m::exact`] has the whole of it, and is of third order.
///
/// One network call a step. The first step is of first order, the second of second, and so is the last but
/// one of fewer than 15; the step to the clean image is of first order. Never clamps x̂_0.
pub struct Dpmpp3m {
    levels: Levels,
    past: Past,
    /// What D₂ is multiplied by.
    curvature: f64,
}

impl Dpmpp3m {
    /// `levels` from the noisiest to the cleanest, one a network call.
    pub fn new(levels: Vec<NoiseLevel>) -> Self {
        Self { levels: Levels::new(levels), past: Past::new(3), curvature: 1.0 }
    }

    /// Integrate the parabola exactly, other than diffusers. Off unless asked for.
    pub fn exact(mut self, yes: bool) -> Self {
        self.curvature = if yes { 2.0 } else { 1.0 };
        self
    }

    /// Order of the coming step.
    fn order(&self) -> usize {
        let n = self.levels.all().len();
        let left = n - self.levels.index();
        let most = match left {
            1 => 1,
            2 if n < FEW => 2,
            _ => 3,
        };
        self.past.order().min(most)
    }
}

impl Sampler for Dpmpp3m {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn clips(&self) -> bool {
        false
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, _noise: &mut dyn NoiseSource) -> Result<Step> {
        let step = FlowStep::between(self.levels.from(), self.levels.to());
        let FlowStep { from, to, h, decay } = step;
        self.past.push(from.lambda(), &prediction.x_0);
        let mut x_s = step.straight(x_t, &prediction.x_0)?;
        match self.order() {
            2 => x_s = step.bent(&x_s, &self.past.change(0, h)?)?,
            3 => {
                let (newer, older) = (self.past.change(0, h)?, self.past.change(1, h)?);
                let r_0 = (self.past.lambda(0) - self.past.lambda(1)) / h;
                let r_1 = (self.past.lambda(1) - self.past.lambda(2)) / h;
                let bend = ((&newer - older)? * (1.0 / (r_0 + r_1)))?;
                let d_1 = combine(1.0, &newer, r_0, &bend)?;
                let straight = decay / h + 1.0;
                let curved = self.curvature * ((decay + h) / (h * h) - 0.5);
                x_s = (x_s + combine(to.alpha * straight, &d_1, -to.alpha * curved, &bend)?)?;
            }
            _ => {}
        }
        Ok(Step { x_t: x_s, next: self.levels.advance() })
    }
}
