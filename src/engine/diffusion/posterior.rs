//! The way back when the clean image is known: q(x_s | x_t, x_0) for s before t.

use anyhow::Result;
use candle_core::Tensor;

use super::combine;

/// q(x_s | x_t, x_0) = N(a·x_0 + b·x_t, v·I): a Gaussian whose mean is linear in x_0 and x_t.
///
/// With α_ts = α_t/α_s and σ²_ts = σ_t² − α_ts² σ_s² (Kingma et al. 2021, "Variational Diffusion
/// Models", eq. 24 to 26):
///
/// a = α_s σ²_ts/σ_t²,  b = α_ts σ_s²/σ_t²,  v = σ²_ts σ_s²/σ_t²
///
/// which for neighbouring steps of a variance-preserving schedule is Ho et al. 2020, eq. 6 and 7.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    /// a, what x_0 is multiplied by.
    pub x_0: f64,
    /// b, what x_t is multiplied by.
    pub x_t: f64,
    /// v, the variance (β̃_t for neighbouring steps; 0 when x_s is the clean image).
    pub variance: f64,
}

impl Posterior {
    /// From the noisier level `t` to the cleaner level `s`, each given as (α, σ). The clean image is
    /// (1, 0).
    pub fn between(s: (f64, f64), t: (f64, f64)) -> Self {
        let ((alpha_s, sigma_s), (alpha_t, sigma_t)) = (s, t);
        let alpha_ts = Self::alpha_ratio(alpha_s, alpha_t);
        let (var_s, var_t) = (sigma_s * sigma_s, sigma_t * sigma_t);
        let var_ts = Self::added_variance(s, t);
        Self { x_0: alpha_s * var_ts / var_t, x_t: alpha_ts * var_s / var_t, variance: var_ts * var_s / var_t }
    }

    /// σ²_ts, the variance that q(x_t | x_s) adds on the way from `s` to `t` (β_t for neighbouring steps).
    pub fn added_variance(s: (f64, f64), t: (f64, f64)) -> f64 {
        let ratio = Self::alpha_ratio(s.0, t.0);
        (t.1 * t.1 - ratio * ratio * s.1 * s.1).max(0.0)
    }

    /// α_ts = α_t/α_s. Where s has no signal left either, any ratio describes the path; 0 is what a limit
    /// from below gives, and keeps 0/0 out.
    fn alpha_ratio(alpha_s: f64, alpha_t: f64) -> f64 {
        if alpha_s == 0.0 { 0.0 } else { alpha_t / alpha_s }
    }

    /// The mean, from tensors of one shape.
    ///
    /// # Errors
    /// When the shapes disagree.
    pub fn mean(&self, x_0: &Tensor, x_t: &Tensor) -> Result<Tensor> {
        combine(self.x_0, x_0, self.x_t, x_t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ScheduleName;
    use crate::diffusion::Schedule;

    fn gaussian(x: f64, mean: f64, variance: f64) -> f64 {
        (-(x - mean).powi(2) / (2.0 * variance)).exp() / (2.0 * std::f64::consts::PI * variance).sqrt()
    }

    /// Mean and variance of q(x_{t−1} | x_t, x_0) ∝ q(x_t | x_{t−1}) q(x_{t−1} | x_0), by quadrature.
    fn by_bayes(schedule: &Schedule, t: usize, x_0: f64, x_t: f64) -> (f64, f64) {
        let (alpha, sigma) = (schedule.alpha(t - 1), schedule.sigma(t - 1));
        let beta = schedule.betas[t];
        let (mut mass, mut first, mut second) = (0.0, 0.0, 0.0);
        let points = 200_000;
        for i in 0..points {
            let x = alpha * x_0 + sigma * 16.0 * (i as f64 / points as f64 - 0.5);
            let density = gaussian(x_t, (1.0 - beta).sqrt() * x, beta) * gaussian(x, alpha * x_0, sigma * sigma);
            mass += density;
            first += density * x;
            second += density * x * x;
        }
        let mean = first / mass;
        (mean, second / mass - mean * mean)
    }

    #[test]
    fn it_is_bayes_rule() {
        let schedule = Schedule::named(ScheduleName::Linear, 50, 0.01, 0.3).unwrap();
        for t in [1, 5, 20, 49] {
            for (x_0, z) in [(0.7, -0.9), (-0.4, 1.7)] {
                let x_t = schedule.alpha(t) * x_0 + schedule.sigma(t) * z;
                let (mean, variance) = by_bayes(&schedule, t, x_0, x_t);
                let posterior = schedule.posterior(t).unwrap();
                assert!((posterior.x_0 * x_0 + posterior.x_t * x_t - mean).abs() < 1e-6, "t = {t}");
                assert!((posterior.variance / variance - 1.0).abs() < 1e-6, "t = {t}");
            }
        }
    }

    #[test]
    fn neighbouring_steps_give_the_equations_of_ddpm() {
        let s = Schedule::named(ScheduleName::Linear, 1000, 1e-4, 0.02).unwrap();
        for t in [1, 10, 500, 999] {
            let (beta, now, before) = (s.betas[t], s.alphas_cumprod[t], s.alphas_cumprod[t - 1]);
            let posterior = s.posterior(t).unwrap();
            let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
            assert!(close(posterior.x_0, before.sqrt() * beta / (1.0 - now)));
            assert!(close(posterior.x_t, (1.0 - beta).sqrt() * (1.0 - before) / (1.0 - now)));
            assert!(close(posterior.variance, beta * (1.0 - before) / (1.0 - now)));
        }
    }

    #[test]
    fn the_first_step_back_from_t_0_is_the_clean_image() {
        let schedule = Schedule::named(ScheduleName::Cosine, 100, 1e-4, 0.02).unwrap();
        let posterior = schedule.posterior(0).unwrap();
        assert_eq!((posterior.x_0, posterior.x_t, posterior.variance), (1.0, 0.0, 0.0));
        assert!(schedule.posterior(100).is_err());
    }

    #[test]
    fn no_signal_at_all_gives_numbers() {
        let posterior = Posterior::between((0.0, 1.0), (0.0, 1.0));
        assert!([posterior.x_0, posterior.x_t, posterior.variance].iter().all(|v| v.is_finite()));
    }
}
