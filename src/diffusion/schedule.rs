//! Noise schedules of variance-preserving diffusion, in f64.

use anyhow::{Result, bail, ensure};

use super::betas::betas;
use crate::config::{DiffusionConfig, ScheduleName};

/// The longest schedule: beyond it, steps are smaller than f32 pixels can show.
const MOST_TIMESTEPS: usize = 1_000_000;

/// A discrete variance-preserving schedule: β_t and what follows from it, t ∈ 0..T.
///
/// Index t = 0 is *after one* step of noise (the papers' x_1), t = T − 1 is the noisiest.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub name: ScheduleName,
    pub betas: Vec<f64>,
    /// ᾱ_t = Π (1 − β_s), s ≤ t.
    pub alphas_cumprod: Vec<f64>,
}

impl Schedule {
    /// The schedule that a config names.
    ///
    /// # Errors
    /// As [`Schedule::named`].
    pub fn from_config(config: &DiffusionConfig) -> Result<Self> {
        Self::named(config.schedule, config.timesteps, config.beta_start, config.beta_end)
    }

    /// The schedule `name` with T = `timesteps` steps. `beta_start` and `beta_end` are the first and
    /// last β of linear, scaled_linear and sigmoid; cosine ignores them. They are not rescaled with
    /// T: fewer steps of the same β end with more signal left.
    ///
    /// # Errors
    /// When T is not in 1..=1,000,000, or some β is not above 0 and below 1 (the last may be 1, which
    /// leaves no signal at all).
    pub fn named(name: ScheduleName, timesteps: usize, beta_start: f64, beta_end: f64) -> Result<Self> {
        ensure!(
            (1..=MOST_TIMESTEPS).contains(&timesteps),
            "a schedule of {timesteps} timesteps is impossible; choose 1 to {MOST_TIMESTEPS}"
        );
        let betas = betas(name, timesteps, beta_start, beta_end);
        for (t, &beta) in betas.iter().enumerate() {
            // Below 1e-16, 1 − β is 1: a step that does nothing, and an SNR of infinity.
            let possible = 1.0 - beta < 1.0 && (beta < 1.0 || (beta == 1.0 && t + 1 == timesteps));
            if !possible {
                bail!(
                    "β must lie between 0 and 1, but with beta_start = {beta_start} and beta_end = {beta_end} it is \
                     {beta} at t = {t}"
                );
            }
        }
        let mut product = 1.0;
        let alphas_cumprod = betas
            .iter()
            .map(|beta| {
                product *= 1.0 - beta;
                product
            })
            .collect();
        Ok(Self { name, betas, alphas_cumprod })
    }

    /// T.
    pub fn timesteps(&self) -> usize {
        self.betas.len()
    }

    /// α(t) = √ᾱ_t, the signal's share.
    ///
    /// # Panics
    /// This and the other accessors: when t ≥ T.
    pub fn alpha(&self, t: usize) -> f64 {
        self.alphas_cumprod[t].sqrt()
    }

    /// σ(t) = √(1 − ᾱ_t), the noise's share.
    pub fn sigma(&self, t: usize) -> f64 {
        (1.0 - self.alphas_cumprod[t]).sqrt()
    }

    /// Signal-to-noise ratio ᾱ_t / (1 − ᾱ_t).
    pub fn snr(&self, t: usize) -> f64 {
        self.alphas_cumprod[t] / (1.0 - self.alphas_cumprod[t])
    }

    /// Half log-SNR λ = log(α/σ) (Kingma et al. 2021, "Variational Diffusion Models").
    pub fn lambda(&self, t: usize) -> f64 {
        0.5 * self.snr(t).ln()
    }

    /// Signal-to-noise ratio in decibels, 10·log₁₀(SNR).
    pub fn snr_db(&self, t: usize) -> f64 {
        10.0 * self.snr(t).log10()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [ScheduleName; 4] =
        [ScheduleName::Linear, ScheduleName::ScaledLinear, ScheduleName::Cosine, ScheduleName::Sigmoid];

    #[test]
    fn alpha_sigma_snr_and_lambda_say_the_same_thing() {
        for name in NAMES {
            let s = Schedule::named(name, 1000, 1e-4, 0.02).unwrap();
            for t in [0, 1, 17, 500, 998, 999] {
                let (alpha, sigma) = (s.alpha(t), s.sigma(t));
                assert!((alpha * alpha + sigma * sigma - 1.0).abs() < 1e-14, "{name:?} at {t}");
                let snr = s.snr(t);
                assert!((alpha * alpha / (sigma * sigma) / snr - 1.0).abs() < 1e-9);
                assert!(((alpha / sigma).ln() - s.lambda(t)).abs() < 1e-9);
                assert!(((2.0 * s.lambda(t)).exp() / snr - 1.0).abs() < 1e-9);
                assert!((10f64.powf(s.snr_db(t) / 10.0) / snr - 1.0).abs() < 1e-9);
                // ᾱ = sigmoid(log SNR).
                assert!((1.0 / (1.0 + (-2.0 * s.lambda(t)).exp()) - s.alphas_cumprod[t]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn any_number_of_steps_gives_a_falling_alphas_cumprod() {
        for name in NAMES {
            for timesteps in [1, 2, 3, 10, 4000] {
                let s = Schedule::named(name, timesteps, 1e-4, 0.02).unwrap();
                assert_eq!(s.timesteps(), timesteps);
                assert!(s.alphas_cumprod.iter().all(|a| (0.0..1.0).contains(a)), "{name:?}, T = {timesteps}");
                assert!(s.alphas_cumprod.windows(2).all(|pair| pair[1] < pair[0]));
            }
        }
    }

    #[test]
    fn impossible_settings_are_refused_with_the_number() {
        let refusal = |t, start, end| Schedule::named(ScheduleName::Linear, t, start, end).unwrap_err().to_string();
        assert!(refusal(0, 1e-4, 0.02).contains("0 timesteps"));
        assert!(refusal(1_000_000_000, 1e-4, 0.02).contains("1000000"));
        assert!(refusal(10, 0.0, 0.02).contains("t = 0"));
        assert!(refusal(10, -0.5, 0.02).contains("-0.5"));
        assert!(refusal(10, 1e-4, 1.5).contains("1.5"));
        assert!(refusal(10, f64::NAN, 0.02).contains("NaN"));
        assert!(Schedule::named(ScheduleName::Linear, 10, 0.1, 1.0).is_ok(), "zero terminal SNR is a schedule");
    }
}
