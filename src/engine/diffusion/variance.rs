//! The two variances of a step back between which a network can learn its own.

use super::{Posterior, Schedule};

impl Schedule {
    /// (log β̃_t, log β_t), the ends of the learned log-variance: Nichol & Dhariwal 2021, "Improved Denoising
    /// Diffusion Probabilistic Models", eq. 15, log Σ = f·log β_t + (1 − f)·log β̃_t. β̃_0 is 0 and has no
    /// logarithm; as in their code β̃_1 takes its place (β_0 where T = 1).
    ///
    /// # Panics
    /// When t ≥ T.
    pub fn log_variances(&self, t: usize) -> (f64, f64) {
        let large = self.betas[t].ln();
        let t = if t == 0 { 1 } else { t };
        if t >= self.timesteps() {
            return (large, large);
        }
        let (s, t) = (self.at(t - 1), self.at(t));
        (Posterior::between((s.alpha, s.sigma), (t.alpha, t.sigma)).variance.ln(), large)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ScheduleName;

    #[test]
    fn the_ends_are_beta_tilde_and_beta() {
        let schedule = Schedule::named(ScheduleName::Linear, 1000, 1e-4, 0.02).unwrap();
        let (small, large) = schedule.log_variances(500);
        let ratio = (1.0 - schedule.alphas_cumprod[499]) / (1.0 - schedule.alphas_cumprod[500]);
        assert!((large - schedule.betas[500].ln()).abs() < 1e-12);
        assert!((small - (schedule.betas[500] * ratio).ln()).abs() < 1e-9);
        assert_eq!(schedule.log_variances(0).0, schedule.log_variances(1).0);
        assert_eq!(schedule.log_variances(0).1, schedule.betas[0].ln());
        let one = Schedule::named(ScheduleName::Linear, 1, 0.5, 0.5).unwrap();
        assert_eq!(one.log_variances(0), (0.5f64.ln(), 0.5f64.ln()));
    }
}
