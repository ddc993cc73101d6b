//! UniPC (Zhao, Bai, Rao, Zhou & Lu 2023, "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of
//! Diffusion Models"; diffusers' UniPCMultistepScheduler).

use anyhow::{Context, Result};
use candle_core::Tensor;
use nalgebra::{DMatrix, DVector};

use super::multistep::Past;
use super::{Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, UniStep, UpdateRule};
use crate::diffusion::{NoiseLevel, combine};

/// A multistep step as a predictor (algorithm 2, UniP), and, once the network has answered at its end, the same step
/// again with that answer among the points (algorithm 1, UniC): a correction that costs no call. On x̂_0, or on ε̂
/// where that is asked for, with h = λ_s − λ_t, and B(h) = e^h − 1 of ∓h (the paper's B₂, diffusers' "bh2") or B(h)
/// = ∓h (B₁, "bh1").
///
/// One network call a step. A step has as many points as there are answers, `order` at most, and no more than steps
/// are left unless asked for; to the clean image it is of first order, and from a level without signal. A corrected
/// step is of one order more. Never clamps x̂_0, as diffusers' does not.
pub struct UniPc {
    levels: Levels,
    past: Past,
    order: usize,
    bh1: bool,
    predict_x0: bool,
    lower_order_final: bool,
    /// Steps that are not corrected.
    disable_corrector: Vec<usize>,
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
    /// `levels` from the noisiest to the cleanest, one a network call; `order` 1 to 3.
    pub fn new(levels: impl Into<Levels>, order: usize) -> Self {
        Self {
            levels: levels.into(),
            past: Past::new(order),
            order,
            bh1: false,
            predict_x0: true,
            lower_order_final: true,
            disable_corrector: Vec::new(),
            taken: None,
        }
    }

    /// B₁ in place of B₂. Off unless asked for.
    pub fn bh1(mut self, yes: bool) -> Self {
        self.bh1 = yes;
        self
    }

    /// Solve for x_0 rather than for the noise. On unless asked for.
    pub fn predict_x0(mut self, yes: bool) -> Self {
        self.predict_x0 = yes;
        self
    }

    /// No more points than steps are left. On unless asked for.
    pub fn lower_order_final(mut self, yes: bool) -> Self {
        self.lower_order_final = yes;
        self
    }

    /// The steps, counted from 0, that are not corrected. None unless asked for.
    pub fn disable_corrector(mut self, steps: Vec<usize>) -> Self {
        self.disable_corrector = steps;
        self
    }

    /// What the polynomial is through: x̂_0, or ε̂.
    fn answer(&self, prediction: &Prediction) -> Tensor {
        if self.predict_x0 { prediction.x_0.clone() } else { prediction.epsilon.clone() }
    }

    /// UniC: the last step again, now that the answer at its end, `at`, is known. Before that is remembered.
    fn correct(&self, taken: &Taken, at: NoiseLevel, answer: &Tensor) -> Result<Option<(Tensor, UniStep)>> {
        let h = at.lambda() - taken.from.lambda();
        if h.is_infinite() && (self.bh1 || !self.predict_x0) {
            return Ok(None);
        }
        let news = (answer - self.past.answer(0))?;
        let terms = Terms::new(self, h, taken.order);
        // The first order as the authors simplify it.
        let rho = if taken.order == 1 { vec![0.5] } else { terms.solve(taken.order)? };
        let [old @ .., latest] = &rho[..] else { return Ok(None) };
        let mut bend = (news * *latest)?;
        for (i, (rho, ratio)) in old.iter().zip(&terms.ratios).enumerate() {
            bend = (bend + ((self.past.answer(i + 1) - self.past.answer(0))? * (rho / ratio))?)?;
        }
        let ratios = old.iter().enumerate().map(|(i, _)| terms.ratios[i]).chain([1.0]).collect();
        let numbers = UniStep { rho, ratios, ..self.numbers((taken.from, at), h, taken.order, &terms) };
        Ok(Some((self.arrive(&taken.start, &numbers, Some(&bend))?, numbers)))
    }

    /// UniP: from `from` to `to`.
    fn predict(&self, x: &Tensor, from: NoiseLevel, to: NoiseLevel, order: usize) -> Result<(Tensor, UniStep)> {
        let h = to.lambda() - from.lambda();
        let terms = Terms::new(self, h, order);
        let rho = match order {
            1 => Vec::new(),
            // As the paper simplifies the second order.
            2 => vec![0.5],
            _ => terms.solve(order - 1)?,
        };
        let mut bend: Option<Tensor> = None;
        for (i, (rho, ratio)) in rho.iter().zip(&terms.ratios).enumerate() {
            let term = ((self.past.answer(i + 1) - self.past.answer(0))? * (rho / ratio))?;
            bend = Some(match bend {
                Some(bend) => (bend + term)?,
                None => term,
            });
        }
        let ratios = rho.iter().zip(&terms.ratios).map(|(_, ratio)| *ratio).collect();
        let numbers = UniStep { rho, ratios, ..self.numbers((from, to), h, order, &terms) };
        Ok((self.arrive(x, &numbers, bend.as_ref())?, numbers))
    }

    /// What the step's terms are multiplied by.
    fn numbers(&self, (from, to): (NoiseLevel, NoiseLevel), h: f64, order: usize, terms: &Terms) -> UniStep {
        let (kept, scale) = match self.predict_x0 {
            true => (to.sigma / from.sigma, to.alpha),
            false => (to.alpha / from.alpha, to.sigma),
        };
        let straight = match self.predict_x0 {
            // σ_s (e^h − 1) where σ_s is 0 and h infinite.
            false if to.sigma == 0.0 => -kept * from.sigma,
            _ => -scale * terms.decay,
        };
        let (b_of_h, bend) = (terms.b_of_h, -scale * terms.b_of_h);
        UniStep { order, h, b_of_h, kept, straight, bend, rho: Vec::new(), ratios: Vec::new() }
    }

    /// The step of first order from `x`, and `bend` times B(h) beside it.
    fn arrive(&self, x: &Tensor, numbers: &UniStep, bend: Option<&Tensor>) -> Result<Tensor> {
        let straight = combine(numbers.kept, x, numbers.straight, self.past.answer(0))?;
        match bend {
            Some(bend) => combine(1.0, &straight, numbers.bend, bend),
            None => Ok(straight),
        }
    }
}

/// The numbers of a step (eq. 10 of the paper, appendix A of its code).
struct Terms {
    /// e^{∓h} − 1.
    decay: f64,
    /// B(h).
    b_of_h: f64,
    /// (λ of each older answer − λ of the latest)/h, and 1 for an answer at the end.
    ratios: Vec<f64>,
    /// The right-hand sides.
    b: Vec<f64>,
}

impl Terms {
    fn new(solver: &UniPc, h: f64, order: usize) -> Self {
        let signed = if solver.predict_x0 { -h } else { h };
        let decay = signed.exp_m1();
        let b_of_h = if solver.bh1 { signed } else { decay };
        let older = (1..order).map(|i| (solver.past.place(i) - solver.past.place(0)) / h);
        let ratios: Vec<f64> = older.chain([1.0]).collect();
        let (mut phi, mut factorial) = (decay / signed - 1.0, 1.0);
        let b = (1..=order).map(|i| {
            let b = phi * factorial / b_of_h;
            factorial *= (i + 1) as f64;
            phi = phi / signed - 1.0 / factorial;
            b
        });
        Self { decay, b_of_h, b: b.collect(), ratios }
    }

    /// ρ of Σ_j ratio_j^(k − 1) ρ_j = b_k, k = 1..=`n`.
    fn solve(&self, n: usize) -> Result<Vec<f64>> {
        // The predictor has no answer at the end: its unknowns are the older ones.
        let matrix = DMatrix::from_fn(n, n, |k, j| self.ratios[j].powi(k as i32));
        let rho = matrix.lu().solve(&DVector::from_column_slice(&self.b[..n]));
        Ok(rho.context("two of the levels have the same noise: UniPC has no step between them")?.as_slice().to_vec())
    }
}

impl Sampler for UniPc {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn clips(&self) -> bool {
        false
    }

    fn thresholds(&self) -> bool {
        self.predict_x0
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, _noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        let answer = self.answer(prediction);
        let corrected = match &self.taken {
            Some(taken) if !self.disable_corrector.contains(&(self.levels.index() - 1)) => {
                self.correct(taken, from, &answer)?
            }
            _ => None,
        };
        let (start, corrected) = corrected.map_or_else(|| (x_t.clone(), None), |(x, numbers)| (x, Some(numbers)));
        self.past.push(from.lambda(), &answer);
        let most = if self.lower_order_final { self.levels.left() } else { self.order };
        let order = match to {
            to if to.sigma == 0.0 || to.lambda() == from.lambda() => 1,
            _ => self.past.order().min(most),
        };
        let (x_s, predicted) = match from.alpha {
            0.0 => (combine(to.alpha, &prediction.x_0, to.sigma, &prediction.epsilon)?, None),
            _ => self.predict(&start, from, to, order).map(|(x_s, numbers)| (x_s, Some(numbers)))?,
        };
        self.taken = Some(Taken { start, from, order });
        let rule = UpdateRule::UniPc { predict_x0: self.predict_x0, corrected, predicted };
        Ok(Step { x_t: x_s, next: self.levels.advance(), update: Some(SamplerUpdate::new(from, to, rule)) })
    }
}
