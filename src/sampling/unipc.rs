//! UniPC (Zhao, Bai, Rao, Zhou & Lu 2023, "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of
//! Diffusion Models"; diffusers' UniPCMultistepScheduler).

use anyhow::Result;
use candle_core::Tensor;

use super::multistep::{FlowStep, Past};
use super::{Levels, NoiseSource, Prediction, Sampler, Step};
use crate::diffusion::{NoiseLevel, combine};

/// A multistep step as a predictor (algorithm 2, UniP-2), and, once the network has answered at its end, the
/// same step again with that answer among the points (algorithm 1, UniC-2): a correction that costs no call.
/// On x̂_0, with B(h) = e^{−h} − 1 (the paper's B₂, diffusers' "bh2"), h = λ_s − λ_t.
///
/// One network call a step. The first step and the last are of first order, corrected to second and not at
/// all; a step from a level without signal is of first order. Never clamps x̂_0, as diffusers' does not.
pub struct UniPc {
    levels: Levels,
    /// Where the last step leads.
    end: NoiseLevel,
    past: Past,
    /// The step taken last.
    taken: Option<Taken>,
}

/// A step that can be corrected.
struct Taken {
    /// x_t before it, itself corrected.
    start: Tensor,
    from: NoiseLevel,
    order: usize,
}

impl UniPc {
    /// `levels` from the noisiest to the cleanest, one a network call. `end`: the level that the last step
    /// leads to: [`NoiseLevel::CLEAN`], or a little noise (diffusers' `final_sigmas_type`).
    pub fn new(levels: Vec<NoiseLevel>, end: NoiseLevel) -> Self {
        Self { levels: Levels::new(levels), end, past: Past::new(2), taken: None }
    }

    /// UniC: the last step again, now that x̂_0 at its end, `at`, is known. Before that is remembered.
    fn correct(&self, taken: &Taken, at: NoiseLevel, x_0: &Tensor) -> Result<Tensor> {
        let step = FlowStep::between(taken.from, at);
        let FlowStep { h, decay, .. } = step;
        let latest = self.past.x_0(0);
        let straight = step.straight(&taken.start, latest)?;
        let news = (x_0 - latest)?;
        let bend = if taken.order == 1 {
            (news * 0.5)?
        } else {
            // ρ from the 2 × 2 system of eq. 10: ρ_1 + ρ_2 = b_1, r ρ_1 + ρ_2 = b_2.
            let r = (self.past.lambda(1) - self.past.lambda(0)) / h;
            let phi_2 = decay / -h - 1.0;
            let (b_1, b_2) = (phi_2 / decay, 2.0 * (phi_2 / -h - 0.5) / decay);
            let rho_1 = (b_1 - b_2) / (1.0 - r);
            // The change over −r·h is (x̂_0 older − latest)/r.
            combine(rho_1, &((self.past.x_0(1) - latest)? * (1.0 / r))?, b_1 - rho_1, &news)?
        };
        combine(1.0, &straight, -at.alpha * decay, &bend)
    }

    /// UniP: from `from` to `to`.
    fn predict(&self, x: &Tensor, from: NoiseLevel, to: NoiseLevel, order: usize) -> Result<Tensor> {
        let step = FlowStep::between(from, to);
        let straight = step.straight(x, self.past.x_0(0))?;
        if order == 1 {
            return Ok(straight);
        }
        // ρ_1 = ½ for the order 2, as the paper simplifies it.
        step.bent(&straight, &self.past.change(0, step.h)?)
    }
}

impl Sampler for UniPc {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn clips(&self) -> bool {
        false
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, _noise: &mut dyn NoiseSource) -> Result<Step> {
        let from = self.levels.from();
        let left = self.levels.all().len() - self.levels.index();
        let to = if left == 1 { self.end } else { self.levels.to() };
        let start = match &self.taken {
            Some(taken) => self.correct(taken, from, &prediction.x_0)?,
            None => x_t.clone(),
        };
        self.past.push(from.lambda(), &prediction.x_0);
        let order = self.past.order().min(left);
        let x_s = self.predict(&start, from, to, order)?;
        self.taken = Some(Taken { start, from, order });
        Ok(Step { x_t: x_s, next: self.levels.advance() })
    }
}
