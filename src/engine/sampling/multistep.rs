//! What a multistep solver remembers, and how it ends.

use anyhow::Result;
use candle_core::Tensor;

use super::Levels;
use crate::diffusion::{NoiseLevel, combine};

/// Below so many steps the solvers of DPM-Solver++ and DEIS end with lower order (Lu et al. 2022, section 4.2;
/// diffusers' `lower_order_final`).
const FEW: usize = 15;

/// The highest order that the coming step may have, of `order` in all: 1 where it leads to the clean image, and
/// near the end of few steps, where that is asked for, 1 and 2.
pub fn order_of_step(levels: &Levels, order: usize, lower_order_final: bool, euler_at_final: bool) -> usize {
    let few = lower_order_final && levels.all().len() < FEW;
    match levels.left() {
        0 | 1 if few || euler_at_final || levels.to().sigma == 0.0 => 1,
        2 if few => order.min(2),
        _ => order,
    }
}

/// The answers of the latest levels, newest first: each at a place on the axis that the solver integrates over
/// (λ = log(α/σ), or σ/α).
///
/// A level without signal has no finite place, and none in a polynomial through the answers: the solver steps
/// from it to first order, and it is forgotten as soon as there is a newer one.
pub struct Past {
    answers: Vec<(f64, Tensor)>,
    most: usize,
}

impl Past {
    /// Keeps `most` answers, at least 1.
    pub fn new(most: usize) -> Self {
        Self { answers: Vec::new(), most }
    }

    pub fn push(&mut self, place: f64, answer: &Tensor) {
        self.answers.retain(|(place, _)| place.is_finite());
        self.answers.insert(0, (place, answer.clone()));
        self.answers.truncate(self.most);
    }

    /// The highest order that a step can have: as many answers as there are.
    pub fn order(&self) -> usize {
        self.answers.len()
    }

    /// The place of the i-th newest answer.
    ///
    /// # Panics
    /// This and the others: when there are not so many answers.
    pub fn place(&self, i: usize) -> f64 {
        self.answers[i].0
    }

    /// The i-th newest answer.
    pub fn answer(&self, i: usize) -> &Tensor {
        &self.answers[i].1
    }

    /// Change from the (i + 1)-th newest answer to the i-th, over `h` of the axis: the slope times h.
    ///
    /// # Errors
    /// When the shapes disagree.
    pub fn change(&self, i: usize, h: f64) -> Result<Tensor> {
        let over = h / (self.place(i) - self.place(i + 1));
        Ok(((self.answer(i) - self.answer(i + 1))? * over)?)
    }

    /// The places of the `order` newest answers, and their weights: `weights` integrates Lagrange's polynomials through
    /// these places over σ/α, from the first number to the second.
    pub fn weights(
        &self,
        order: usize,
        (from, to): (NoiseLevel, NoiseLevel),
        weights: impl Fn(&[f64], f64, f64) -> Vec<f64>,
    ) -> (Vec<f64>, Vec<f64>) {
        let places: Vec<f64> = (0..order).map(|i| self.place(i)).collect();
        let weights = weights(&places, from.noise_to_signal(), to.noise_to_signal());
        (places, weights)
    }

    /// x_s = α_s (x_t/α_t + Σ_i ε̂_i w_i) from the newest answers ε̂_i, as many as there are weights w_i.
    ///
    /// # Errors
    /// When the shapes disagree.
    pub fn integrate(&self, x_t: &Tensor, weights: &[f64], (from, to): (NoiseLevel, NoiseLevel)) -> Result<Tensor> {
        combine(to.alpha / from.alpha, x_t, to.alpha, &self.sum(weights)?)
    }

    /// Σ c_i times the i-th newest answer.
    ///
    /// # Errors
    /// When the shapes disagree.
    pub fn sum(&self, coefficients: &[f64]) -> Result<Tensor> {
        let mut sum = (self.answer(0) * coefficients[0])?;
        for (i, c) in coefficients.iter().enumerate().skip(1) {
            sum = (sum + (self.answer(i) * *c)?)?;
        }
        Ok(sum)
    }
}
