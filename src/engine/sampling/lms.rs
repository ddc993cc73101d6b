//! Linear multistep in σ/α (Adams and Bashforth's method for uneven steps: Hairer, Nørsett & Wanner 1993, "Solving
//! Ordinary Differential Equations I", III.5; k-diffusion's LMS and diffusers' LMSDiscreteScheduler).

use anyhow::Result;
use candle_core::Tensor;

use super::multistep::Past;
use super::{Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, UpdateRule};
use crate::diffusion::{NoiseLevel, combine};

/// d(x/α)/d(σ/α) = ε (Karras et al. 2022, eq. 3 and 4), with ε̂ the polynomial in σ/α through the latest answers, four at
/// most, integrated exactly. One answer is Euler's step, and so is a step from a level without signal.
///
/// One network call a step. Never clamps x̂_0, as diffusers' does not.
pub struct Lms {
    levels: Levels,
    past: Past,
    noise_scale: Option<f64>,
}

impl Lms {
    /// `levels` from the noisiest to the cleanest, one a network call; `order` 1 to 4. `noise_scale`: what unit noise
    /// is multiplied by at the first, where it is not the path's own factor.
    pub fn new(levels: impl Into<Levels>, order: usize, noise_scale: Option<f64>) -> Self {
        Self { levels: levels.into(), past: Past::new(order), noise_scale }
    }
}

/// ∫ ℓ_i from `from` to `to` for Lagrange's polynomials ℓ_i through `places`, at most four: Simpson's rule, which is
/// exact for cubics.
fn weights(places: &[f64], from: f64, to: f64) -> Vec<f64> {
    let basis = |i: usize, at: f64| -> f64 {
        let factor = |&(j, place): &(usize, &f64)| (j != i).then(|| (at - place) / (places[i] - place));
        places.iter().enumerate().collect::<Vec<_>>().iter().filter_map(factor).product()
    };
    let simpson = |i| (to - from) / 6.0 * (basis(i, from) + 4.0 * basis(i, from.midpoint(to)) + basis(i, to));
    (0..places.len()).map(simpson).collect()
}

impl Sampler for Lms {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn noise_scale(&self) -> Option<f64> {
        self.noise_scale
    }

    fn clips(&self) -> bool {
        false
    }

    fn thresholds(&self) -> bool {
        false
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, _noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        self.past.push(from.noise_to_signal(), &prediction.epsilon);
        let (x_s, rule) = match self.past.order() {
            1 => {
                let x_s = combine(to.alpha, &prediction.x_0, to.sigma, &prediction.epsilon)?;
                (x_s, UpdateRule::Straight { recomputed: false })
            }
            order => {
                let (places, weights) = self.past.weights(order, (from, to), weights);
                let x_s = self.past.integrate(x_t, &weights, (from, to))?;
                (x_s, UpdateRule::Polynomial { logarithmic: false, places, weights })
            }
        };
        Ok(Step { x_t: x_s, next: self.levels.advance(), update: Some(SamplerUpdate::new(from, to, rule)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_integrate_cubics_exactly() {
        let places = [3.0, 4.5, 7.0, 11.0];
        let found = weights(&places, 3.0, 2.2);
        for power in 0..=3 {
            let sum: f64 = found.iter().zip(places).map(|(w, place)| w * place.powi(power)).sum();
            let exact = (2.2f64.powi(power + 1) - 3f64.powi(power + 1)) / f64::from(power + 1);
            assert!((sum - exact).abs() < 1e-9, "{power}: {sum}, not {exact}");
        }
        // Evenly spaced, they are Adams and Bashforth's 55, −59, 37, −9.
        let even = weights(&[4.0, 5.0, 6.0, 7.0], 4.0, 3.0);
        for (w, expected) in even.iter().zip([-55.0, 59.0, -37.0, 9.0]) {
            assert!((w - expected / 24.0).abs() < 1e-12);
        }
    }
}
