//! DEIS (Zhang & Chen 2023, "Fast Sampling of Diffusion Models with Exponential Integrator", section 3.2, in
//! log ρ; diffusers' DEISMultistepScheduler).

use anyhow::Result;
use candle_core::Tensor;

use super::heun::slope;
use super::multistep::{Past, order_of_step};
use super::{Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, UpdateRule};
use crate::diffusion::{NoiseLevel, combine};

/// With x̄ = x/α and ρ = σ/α the flow is dx̄/dρ = ε (Karras et al. 2022, eq. 4). ε̂ is a polynomial in log ρ through
/// the latest answers, integrated exactly over ρ:
///
/// x̄_s = x̄_t + Σ_i ε̂_i ∫ ℓ_i(log ρ) dρ, from ρ_t to ρ_s, ℓ_i Lagrange's polynomials
///
/// One answer is DDIM. One network call a step; how it ends, `order_of_step` says. ε̂ is that of the x̂_0 that may
/// have been thresholded, as in diffusers; never clamps.
pub struct Deis {
    levels: Levels,
    past: Past,
    order: usize,
    lower_order_final: bool,
}

impl Deis {
    /// `levels` from the noisiest to the cleanest, one a network call; `order` 1 to 3.
    pub fn new(levels: impl Into<Levels>, order: usize) -> Self {
        Self { levels: levels.into(), past: Past::new(order), order, lower_order_final: true }
    }

    /// Few steps end with lower order. On unless asked for.
    pub fn lower_order_final(mut self, yes: bool) -> Self {
        self.lower_order_final = yes;
        self
    }
}

/// ∫ ℓ_i(log ρ) dρ from `from` to `to` for Lagrange's polynomials ℓ_i through `places` of log ρ, at most three.
///
/// With L = log ρ, ∫ p(L) dρ = ρ (p − p′ + p″ − …)(L).
fn weights(places: &[f64], from: f64, to: f64) -> Vec<f64> {
    let weight = |i: usize| {
        // The coefficients of ℓ_i, the constant first.
        let mut polynomial = vec![1.0];
        for (j, place) in places.iter().enumerate().filter(|(j, _)| *j != i) {
            let width = places[i] - places[j];
            let mut longer = vec![0.0; polynomial.len() + 1];
            for (k, c) in polynomial.iter().enumerate() {
                longer[k] -= c * place / width;
                longer[k + 1] += c / width;
            }
            polynomial = longer;
        }
        let at = |rho: f64| {
            let (mut sum, mut sign, mut p) = (0.0, 1.0, polynomial.clone());
            while !p.is_empty() {
                sum += sign * p.iter().rev().fold(0.0, |sum, c| sum * rho.ln() + c);
                sign = -sign;
                p = p.iter().enumerate().skip(1).map(|(k, c)| k as f64 * c).collect();
            }
            rho * sum
        };
        at(to) - at(from)
    };
    (0..places.len()).map(weight).collect()
}

impl Sampler for Deis {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn clips(&self) -> bool {
        false
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, _noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        let epsilon = slope(x_t, &prediction.x_0, from)?;
        self.past.push(from.noise_to_signal().ln(), &epsilon);
        let order = order_of_step(&self.levels, self.order, self.lower_order_final, false);
        let (x_s, rule) = match self.past.order().min(order) {
            1 => {
                let x_s = combine(to.alpha, &prediction.x_0, to.sigma, &epsilon)?;
                (x_s, UpdateRule::Straight { recomputed: true })
            }
            order => {
                let (places, weights) = self.past.weights(order, (from, to), weights);
                let x_s = self.past.integrate(x_t, &weights, (from, to))?;
                (x_s, UpdateRule::Polynomial { logarithmic: true, places, weights })
            }
        };
        Ok(Step { x_t: x_s, next: self.levels.advance(), update: Some(SamplerUpdate::new(from, to, rule)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_integrate_polynomials_in_the_logarithm_exactly() {
        let places = [2f64.ln(), 3f64.ln(), 5f64.ln()];
        let found = weights(&places, 2.0, 1.2);
        // ∫ log²ρ dρ = ρ (log²ρ − 2 log ρ + 2), ∫ log ρ dρ = ρ (log ρ − 1).
        let square = |rho: f64| rho * (rho.ln().powi(2) - 2.0 * rho.ln() + 2.0);
        let line = |rho: f64| rho * (rho.ln() - 1.0);
        let sum = |f: fn(f64) -> f64| found.iter().zip(places).map(|(w, place)| w * f(place)).sum::<f64>();
        assert!((sum(|_| 1.0) - (1.2 - 2.0)).abs() < 1e-12);
        assert!((sum(|l| l) - (line(1.2) - line(2.0))).abs() < 1e-12);
        assert!((sum(|l| l * l) - (square(1.2) - square(2.0))).abs() < 1e-12);
    }
}
