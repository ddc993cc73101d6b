//! DPM-Solver++, the multistep solvers (Lu, Zhou, Bao, Chen, Li & Zhu 2022, "DPM-Solver++: Fast Solver for Guided
//! Sampling of Diffusion Probabilistic Models", algorithm 2, eq. 8 and 19, appendix B; diffusers'
//! DPMSolverMultistepScheduler).

use anyhow::Result;
use candle_core::Tensor;

use super::multistep::{Past, order_of_step};
use super::{LambdaStep, Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, UpdateRule};
use crate::diffusion::combine;

/// The probability flow solved exactly for x_t, with x̂_0 a polynomial in λ = log(α/σ) through the latest answers:
/// one (DDIM), two (2M) or three (3M). With h = λ_s − λ_t, D₁ the slope of the polynomial at λ_t times h, and D₂
/// its second difference times h² (half of its second derivative):
///
/// x_s = (σ_s/σ_t) x_t + α_s (1 − e^{−h}) x̂_0 + α_s φ₁(h) D₁ − α_s φ₂(h) D₂
///
/// φ₁ = (e^{−h} − 1)/h + 1, for which the second order has ½ (1 − e^{−h}) unless asked for the other (diffusers'
/// solver_type "midpoint" and "heun"), and φ₂ = (e^{−h} − 1 + h)/h² − ½.
///
/// The exact integral of the parabola has 2·D₂ here. The authors' code and diffusers have D₂, and so has this: half
/// of the h³ term is left out, so that the error of 3M falls as h² in the end, if from a lower start than 2M's.
/// [`Dpmpp::exact`] has the whole of it, and is of third order.
///
/// With [`Dpmpp::sde`] the reverse SDE instead of the flow: h becomes 2h but for the first term, which is (σ_s/σ_t)
/// e^{−h} x_t, and σ_s √(1 − e^{−2h}) z is added. To first order it is ancestral sampling. Its D₂ has diffusers'
/// sign, with −½ − (e^{−2h} − 1 + 2h)/(2h)² before it, and is no third order.
///
/// One network call a step. The first step is of first order, the second of second at most; how it ends,
/// `order_of_step` says. Never clamps x̂_0, as diffusers' does not.
pub struct Dpmpp {
    levels: Levels,
    past: Past,
    order: usize,
    heun: bool,
    sde: bool,
    /// What D₂ is multiplied by.
    curvature: f64,
    lower_order_final: bool,
    euler_at_final: bool,
}

impl Dpmpp {
    /// `levels` from the noisiest to the cleanest, one a network call; `order` 1 to 3.
    pub fn new(levels: impl Into<Levels>, order: usize) -> Self {
        Self {
            levels: levels.into(),
            past: Past::new(order),
            order,
            heun: false,
            sde: false,
            curvature: 1.0,
            lower_order_final: true,
            euler_at_final: false,
        }
    }

    /// Integrate the straight line of the second order exactly. Diffusers' solver_type "heun". Off unless asked for.
    pub fn heun(mut self, yes: bool) -> Self {
        self.heun = yes;
        self
    }

    /// Solve the reverse SDE. Off unless asked for.
    pub fn sde(mut self, yes: bool) -> Self {
        self.sde = yes;
        self
    }

    /// Integrate the parabola of the third order exactly, other than diffusers. Off unless asked for.
    pub fn exact(mut self, yes: bool) -> Self {
        self.curvature = if yes { 2.0 } else { 1.0 };
        self
    }

    /// Few steps end with lower order. On unless asked for.
    pub fn lower_order_final(mut self, yes: bool) -> Self {
        self.lower_order_final = yes;
        self
    }

    /// The last step is of first order, wherever it leads. Off unless asked for.
    pub fn euler_at_final(mut self, yes: bool) -> Self {
        self.euler_at_final = yes;
        self
    }
}

impl Dpmpp {
    /// The numbers of the coming step, from the level whose answer was remembered last.
    fn numbers(&self) -> LambdaStep {
        let (from, to) = (self.levels.from(), self.levels.to());
        let h = to.lambda() - from.lambda();
        let (kept, h_x_0) = match self.sde {
            true => (to.sigma / from.sigma * (-h).exp(), 2.0 * h),
            false => (to.sigma / from.sigma, h),
        };
        let decay = (-h_x_0).exp_m1();
        let most = order_of_step(&self.levels, self.order, self.lower_order_final, self.euler_at_final);
        // A step that leads nowhere has no slope.
        let order = if h == 0.0 { 1 } else { self.past.order().min(most) };
        let straight = decay / h_x_0 + 1.0;
        let half = if self.sde { -0.5 } else { 0.5 };
        let (slope, bend) = match order {
            1 => (0.0, 0.0),
            2 => (to.alpha * if self.heun { straight } else { -0.5 * decay }, 0.0),
            _ => (to.alpha * straight, to.alpha * (self.curvature * ((decay + h_x_0) / (h_x_0 * h_x_0) - half))),
        };
        let noise = if self.sde && to.sigma > 0.0 { to.sigma * (-decay).sqrt() } else { 0.0 };
        let r = (1..order).map(|i| (self.past.place(i - 1) - self.past.place(i)) / h).collect();
        LambdaStep {
            order,
            h,
            r,
            kept,
            x_0: -to.alpha * decay,
            slope,
            bend,
            noise,
            exact: self.heun || order > 2,
            sde: self.sde,
        }
    }
}

impl Sampler for Dpmpp {
    fn levels(&self) -> &[crate::diffusion::NoiseLevel] {
        self.levels.all()
    }

    fn clips(&self) -> bool {
        false
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        self.past.push(from.lambda(), &prediction.x_0);
        let numbers = self.numbers();
        let h = numbers.h;
        let mut x_s = combine(numbers.kept, x_t, numbers.x_0, &prediction.x_0)?;
        match (numbers.order, &numbers.r[..]) {
            (2, _) => x_s = combine(1.0, &x_s, numbers.slope, &self.past.change(0, h)?)?,
            (3, [r_0, r_1]) => {
                let (newer, older) = (self.past.change(0, h)?, self.past.change(1, h)?);
                let bend = ((&newer - older)? * (1.0 / (r_0 + r_1)))?;
                let slope = combine(1.0, &newer, *r_0, &bend)?;
                x_s = (x_s + combine(numbers.slope, &slope, -numbers.bend, &bend)?)?;
            }
            _ => {}
        }
        if numbers.noise > 0.0 {
            x_s = combine(1.0, &x_s, numbers.noise, &noise.like(x_t)?)?;
        }
        let update = SamplerUpdate::new(from, to, UpdateRule::Multistep(numbers));
        Ok(Step { x_t: x_s, next: self.levels.advance(), update: Some(update) })
    }
}
