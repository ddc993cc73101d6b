//! What a multistep solver remembers, and the step that it bends.

use anyhow::Result;
use candle_core::Tensor;

use crate::diffusion::{NoiseLevel, combine};

/// One step of the probability flow in λ = log(α/σ), where it is solved exactly up to the change of x̂_0 (Lu et al.
/// 2022, "DPM-Solver++", eq. 9).
#[derive(Clone, Copy)]
pub struct FlowStep {
    pub from: NoiseLevel,
    pub to: NoiseLevel,
    /// λ_s − λ_t.
    pub h: f64,
    /// e^{−h} − 1.
    pub decay: f64,
}

impl FlowStep {
    /// From x_t at `from` to x_s at `to`.
    pub fn between(from: NoiseLevel, to: NoiseLevel) -> Self {
        let h = to.lambda() - from.lambda();
        Self { from, to, h, decay: (-h).exp_m1() }
    }

    /// x_s for an x̂_0 that does not change, the first order: (σ_s/σ_t) x_t + α_s (1 − e^{−h}) x̂_0.
    ///
    /// # Errors
    /// When the shapes disagree.
    pub fn straight(&self, x_t: &Tensor, x_0: &Tensor) -> Result<Tensor> {
        combine(self.to.sigma / self.from.sigma, x_t, -self.to.alpha * self.decay, x_0)
    }

    /// `straight` with x̂_0 on the line that changes by `change` over the step: ½ α_s (1 − e^{−h}) more of it.
    ///
    /// # Errors
    /// When the shapes disagree.
    pub fn bent(&self, straight: &Tensor, change: &Tensor) -> Result<Tensor> {
        combine(1.0, straight, -0.5 * self.to.alpha * self.decay, change)
    }
}

/// The answers of the latest levels, newest first: λ = log(α/σ) and x̂_0.
///
/// A level without signal has λ = −∞ and no place in a polynomial through the answers: the solver steps from
/// it to first order, and it is forgotten as soon as there is a newer one.
pub struct Past {
    answers: Vec<(f64, Tensor)>,
    most: usize,
}

impl Past {
    /// Keeps `most` answers, at least 1.
    pub fn new(most: usize) -> Self {
        Self { answers: Vec::new(), most }
    }

    pub fn push(&mut self, lambda: f64, x_0: &Tensor) {
        self.answers.retain(|(lambda, _)| lambda.is_finite());
        self.answers.insert(0, (lambda, x_0.clone()));
        self.answers.truncate(self.most);
    }

    /// The highest order that a step can have: as many answers as there are.
    pub fn order(&self) -> usize {
        self.answers.len()
    }

    /// λ of the i-th newest answer.
    ///
    /// # Panics
    /// This and the others: when there are not so many answers.
    pub fn lambda(&self, i: usize) -> f64 {
        self.answers[i].0
    }

    /// x̂_0 of the i-th newest answer.
    pub fn x_0(&self, i: usize) -> &Tensor {
        &self.answers[i].1
    }

    /// Change of x̂_0 from the (i + 1)-th newest answer to the i-th, over `h` of λ: its slope times h.
    ///
    /// # Errors
    /// When the shapes disagree.
    pub fn change(&self, i: usize, h: f64) -> Result<Tensor> {
        let over = h / (self.lambda(i) - self.lambda(i + 1));
        Ok(((self.x_0(i) - self.x_0(i + 1))? * over)?)
    }
}
