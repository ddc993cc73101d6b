//! DPM-Solver++, the singlestep solvers (Lu, Zhou, Bao, Chen, Li & Zhu 2022, "DPM-Solver++", algorithm 1; diffusers'
//! DPMSolverSinglestepScheduler).

use anyhow::Result;
use candle_core::Tensor;

use super::multistep::Past;
use super::{LambdaStep, Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, UpdateRule};
use crate::config::FinalSigmasType;
use crate::diffusion::{NoiseLevel, combine};

/// As [`Dpmpp`](super::Dpmpp), but in groups of `order` levels, each group one long step: the second level's answer
/// mends the step to the third, which begins at the first again, with x̂_0 the line (order 2) or, where "heun" is
/// asked for, the parabola (order 3) through the answers of the group.
///
/// One network call a level. The last level's step is of first order where it leads to the clean image, and from a
/// level without signal every step is.
pub struct Dpmpp2s {
    levels: Levels,
    past: Past,
    heun: bool,
    /// The order of the step that begins at each level: 1, 2 and so on within a group.
    orders: Vec<usize>,
    /// x and the level at the beginning of the group.
    start: Option<(Tensor, NoiseLevel)>,
}

impl Dpmpp2s {
    /// `levels` from the noisiest to the cleanest, one a network call; `order` 1 to 3. With `lower_order_final` the
    /// levels that make no whole group are walked to lower order; diffusers does so in any case where there are such,
    /// and where the end is the clean image.
    pub fn new(levels: impl Into<Levels>, order: usize, lower_order_final: bool, end: FinalSigmasType) -> Self {
        let levels = levels.into();
        let orders = orders(levels.all().len(), order, lower_order_final, end == FinalSigmasType::Zero);
        Self { levels, past: Past::new(order), heun: false, orders, start: None }
    }

    /// Integrate the polynomial exactly. Diffusers' solver_type "heun". Off unless asked for.
    pub fn heun(mut self, yes: bool) -> Self {
        self.heun = yes;
        self
    }
}

/// The orders of `n` steps in groups of `order`.
fn orders(n: usize, order: usize, lower_order_final: bool, ends_clean: bool) -> Vec<usize> {
    let lower = lower_order_final || ends_clean || !n.is_multiple_of(order);
    let mut orders: Vec<usize> = (0..n).map(|i| i % order + 1).collect();
    if lower
        && n.is_multiple_of(order)
        && let Some(last) = orders.last_mut()
    {
        // A whole group at the end is cut in two.
        *last = 1;
    }
    if ends_clean && let Some(last) = orders.last_mut() {
        *last = 1;
    }
    orders
}

impl Dpmpp2s {
    /// The numbers of the coming step, which begins at `start`, `order` answers ago.
    fn numbers(&self, start: NoiseLevel, order: usize) -> LambdaStep {
        let to = self.levels.to();
        let h = to.lambda() - start.lambda();
        let decay = (-h).exp_m1();
        let straight = decay / h + 1.0;
        let (slope, bend) = match order {
            2 => (to.alpha * if self.heun { straight } else { -0.5 * decay }, 0.0),
            3 if !self.heun => (to.alpha * straight, 0.0),
            3 => (to.alpha * straight, to.alpha * ((decay + h) / (h * h) - 0.5)),
            _ => (0.0, 0.0),
        };
        let r = (0..order - 1).map(|i| (self.past.place(i) - self.past.place(order - 1)) / h).collect();
        let (kept, x_0) = (to.sigma / start.sigma, -to.alpha * decay);
        LambdaStep { order, h, r, kept, x_0, slope, bend, noise: 0.0, exact: self.heun || order > 2, sde: false }
    }
}

impl Sampler for Dpmpp2s {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn clips(&self) -> bool {
        false
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, _noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        self.past.push(from.lambda(), &prediction.x_0);
        let mut order = self.orders[self.levels.index()].min(self.past.order());
        if self.start.as_ref().is_none_or(|(_, level)| level.alpha == 0.0) {
            order = 1;
        }
        let (x, start) = match &self.start {
            Some((x, start)) if order > 1 => (x.clone(), *start),
            _ => (x_t.clone(), from),
        };
        let numbers = self.numbers(start, order);
        let h = numbers.h;
        let first = self.past.answer(order - 1);
        let mut x_s = combine(numbers.kept, &x, numbers.x_0, first)?;
        // Slope times h from the first answer of the group to the i-th newest.
        let slope = |i: usize| -> Result<Tensor> {
            let over = h / (self.past.place(i) - self.past.place(order - 1));
            Ok(((self.past.answer(i) - first)? * over)?)
        };
        match (order, &numbers.r[..]) {
            (3, [r_far, r_near]) if self.heun => {
                let (near, far) = (slope(1)?, slope(0)?);
                let tangent = combine(r_far / (r_far - r_near), &near, -r_near / (r_far - r_near), &far)?;
                let bend = ((far - near)? * (2.0 / (r_far - r_near)))?;
                x_s = (x_s + combine(numbers.slope, &tangent, -numbers.bend, &bend)?)?;
            }
            (2 | 3, _) => x_s = combine(1.0, &x_s, numbers.slope, &slope(0)?)?,
            _ => {}
        }
        if order == 1 {
            self.start = Some((x, start));
        }
        let goes_on = self.orders.get(self.levels.index() + 1).is_some_and(|&next| next > 1);
        let ends = !goes_on || start.alpha == 0.0;
        let update = SamplerUpdate::new(start, to, UpdateRule::Singlestep { step: numbers, ends });
        Ok(Step { x_t: x_s, next: self.levels.advance(), update: Some(update) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_whole_but_for_the_end() {
        // As DPMSolverSinglestepScheduler.get_order_list of diffusers 0.42.1 says.
        let list = |n, order, lower, clean| orders(n, order, lower, clean);
        assert_eq!(list(6, 2, true, true), [1, 2, 1, 2, 1, 1]);
        assert_eq!(list(7, 2, true, true), [1, 2, 1, 2, 1, 2, 1]);
        assert_eq!(list(6, 3, true, true), [1, 2, 3, 1, 2, 1]);
        assert_eq!(list(7, 3, true, true), [1, 2, 3, 1, 2, 3, 1]);
        assert_eq!(list(8, 3, true, true), [1, 2, 3, 1, 2, 3, 1, 1]);
        assert_eq!(list(8, 3, true, false), [1, 2, 3, 1, 2, 3, 1, 2]);
        assert_eq!(list(6, 3, false, false), [1, 2, 3, 1, 2, 3]);
        assert_eq!(list(3, 1, true, true), [1, 1, 1]);
        for order in 1..=3 {
            assert_eq!(list(1, order, true, true), [1]);
        }
    }
}
