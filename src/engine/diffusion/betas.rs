//! The β_t of each named schedule, in f64 and in diffusers' definitions.

use std::f64::consts::FRAC_PI_2;

use crate::config::{DiffusionConfig, ScheduleName};

/// β_t for t ∈ 0..T of the schedule that a config names, by those of its numbers that the schedule has a use for.
/// None for the one that the user lists. Zero terminal SNR is another matter: [`rescale_zero_snr`].
pub fn betas(config: &DiffusionConfig) -> Option<Vec<f64>> {
    let &DiffusionConfig { timesteps, beta_start, beta_end, cosine_s, max_beta, .. } = config;
    Some(match config.schedule {
        ScheduleName::Linear => linear(timesteps, beta_start, beta_end),
        ScheduleName::ScaledLinear => scaled_linear(timesteps, beta_start, beta_end),
        ScheduleName::Cosine => cosine(timesteps, cosine_s, max_beta),
        ScheduleName::Sigmoid => sigmoid(timesteps, beta_start, beta_end),
        ScheduleName::SigmoidJabri => sigmoid_jabri(timesteps, max_beta),
        ScheduleName::Given => return None,
    })
}

/// The β of a list of √ᾱ_t after shifting and scaling it so that the last is 0 and the first stays: Lin
/// et al. 2024, "Common Diffusion Noise Schedules and Sample Steps are Flawed", algorithm 1.
pub fn rescale_zero_snr(betas: &[f64]) -> Vec<f64> {
    let mut product = 1.0;
    let roots: Vec<f64> = betas
        .iter()
        .map(|beta| {
            product *= 1.0 - beta;
            product.sqrt()
        })
        .collect();
    let (Some(&first), Some(&last)) = (roots.first(), roots.last()) else { return Vec::new() };
    if first == last {
        // A single step: all of the signal goes in it.
        return vec![1.0; betas.len()];
    }
    let mut before = 1.0;
    roots
        .iter()
        .map(|root| {
            let now = ((root - last) * first / (first - last)).powi(2);
            let beta = 1.0 - now / before;
            before = now;
            beta
        })
        .collect()
}

/// Evenly spaced from β_start to β_end: Ho, Jain & Abbeel 2020, "Denoising Diffusion Probabilistic
/// Models", section 4 (there 1e-4 to 0.02 with T = 1000).
fn linear(timesteps: usize, beta_start: f64, beta_end: f64) -> Vec<f64> {
    linspace(beta_start, beta_end, timesteps).collect()
}

/// √β evenly spaced: the schedule of Rombach et al. 2022, "High-Resolution Image Synthesis with
/// Latent Diffusion Models" (its code; elsewhere called quadratic).
fn scaled_linear(timesteps: usize, beta_start: f64, beta_end: f64) -> Vec<f64> {
    linspace(beta_start.sqrt(), beta_end.sqrt(), timesteps).map(|root| root * root).collect()
}

/// ᾱ follows a squared cosine: Nichol & Dhariwal 2021, "Improved Denoising Diffusion Probabilistic
/// Models", eq. 17, ᾱ_t = g(t/T) / g(0) with g(u) = cos²((u + s)/(1 + s) · π/2), and β clipped so that the end is
/// no singularity. With s = 0.008 and 0.999 it is diffusers' `squaredcos_cap_v2`.
fn cosine(timesteps: usize, s: f64, max_beta: f64) -> Vec<f64> {
    let g = |u: f64| ((u + s) / (1.0 + s) * FRAC_PI_2).cos().powi(2);
    let total = timesteps as f64;
    (0..timesteps).map(|i| (1.0 - g((i + 1) as f64 / total) / g(i as f64 / total)).min(max_beta)).collect()
}

/// β rises along a logistic curve over [-6, 6]: the schedule of Xu et al. 2022, "GeoDiff", as
/// diffusers' DDPMScheduler has it. (Jabri et al. 2022 give the name to a different curve, in ᾱ.)
fn sigmoid(timesteps: usize, beta_start: f64, beta_end: f64) -> Vec<f64> {
    linspace(-6.0, 6.0, timesteps).map(|x| (beta_end - beta_start) / (1.0 + (-x).exp()) + beta_start).collect()
}

/// ᾱ falls along a logistic curve: Jabri, Fleet & Chen 2022, "Scalable Adaptive Computation for
/// Iterative Generation", algorithm 1 with start −3, end 3, τ = 1 (the "sigmoid" of many image models);
/// β clipped like cosine's.
fn sigmoid_jabri(timesteps: usize, max_beta: f64) -> Vec<f64> {
    const ENDS: (f64, f64) = (-3.0, 3.0);
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (start, end) = (logistic(ENDS.0), logistic(ENDS.1));
    let signal = |u: f64| (end - logistic(u * (ENDS.1 - ENDS.0) + ENDS.0)) / (end - start);
    let total = timesteps as f64;
    let beta = |i: usize| 1.0 - signal((i + 1) as f64 / total) / signal(i as f64 / total);
    (0..timesteps).map(|i| beta(i).min(max_beta)).collect()
}

/// `n` evenly spaced numbers from `start` to `end`, both included; for n = 1 `start` alone.
fn linspace(start: f64, end: f64, n: usize) -> impl Iterator<Item = f64> {
    let last = n.saturating_sub(1).max(1) as f64;
    (0..n).map(move |i| {
        let u = i as f64 / last;
        // Weighted so that both ends come out exactly.
        start * (1.0 - u) + end * u
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(schedule: ScheduleName, timesteps: usize) -> Vec<f64> {
        betas(&DiffusionConfig { schedule, timesteps, ..DiffusionConfig::default() }).unwrap()
    }

    #[test]
    fn the_ends_are_the_numbers_asked_for() {
        for name in [ScheduleName::Linear, ScheduleName::ScaledLinear] {
            let betas = named(name, 1000);
            assert_eq!(betas.len(), 1000);
            assert!((betas[0] - 1e-4).abs() < 1e-18);
            assert!((betas[999] - 0.02).abs() < 1e-16);
        }
        assert_eq!(named(ScheduleName::Linear, 1), vec![1e-4]);
    }

    #[test]
    fn cosine_ends_at_its_cap_and_sigmoid_is_half_way_in_the_middle() {
        assert_eq!(named(ScheduleName::Cosine, 1000)[999], 0.999);
        let sigmoid = named(ScheduleName::Sigmoid, 1000);
        // The logistic curve is half-way in the middle, whatever its ends.
        let middle = (sigmoid[499] + sigmoid[500]) / 2.0;
        assert!((middle - (1e-4 + 0.02) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn the_cosine_takes_its_shift_and_its_cap_from_the_config() {
        let of = |cosine_s, max_beta| {
            betas(&DiffusionConfig { cosine_s, max_beta, timesteps: 4, ..DiffusionConfig::default() }).unwrap()
        };
        // By hand, s = 0: ᾱ at quarters is cos²(π/8), 1/2, sin²(π/8), 0.
        let (high, low) = ((2.0 + 2f64.sqrt()) / 4.0, (2.0 - 2f64.sqrt()) / 4.0);
        for (beta, known) in of(0.0, 0.9).iter().zip([1.0 - high, 1.0 - 0.5 / high, 1.0 - 2.0 * low, 0.9]) {
            assert!((beta - known).abs() < 1e-12, "{beta} {known}");
        }
        assert!(of(0.1, 0.9)[0] > of(0.0, 0.9)[0]);
        assert_eq!(of(0.0, 1.0)[3], 1.0, "no signal at all is left without a cap");
        let capped = DiffusionConfig { schedule: ScheduleName::SigmoidJabri, max_beta: 0.5, ..Default::default() };
        assert_eq!(betas(&capped).unwrap()[999], 0.5);
    }

    #[test]
    fn the_sigmoid_of_jabri_has_the_alphas_cumprod_of_its_formula() {
        let mut product = 1.0;
        let alphas_cumprod: Vec<f64> = named(ScheduleName::SigmoidJabri, 1000)
            .iter()
            .map(|beta| {
                product *= 1.0 - beta;
                product
            })
            .collect();
        // Computed with another implementation of the same formula (start −3, end 3, τ = 1, T = 1000).
        for (t, known) in [(0, 0.9996997), (500, 0.4983428), (999, 3.0028e-7)] {
            assert!((alphas_cumprod[t] / known - 1.0).abs() < 1e-4, "{t}: {}", alphas_cumprod[t]);
        }
    }

    #[test]
    fn rescaling_takes_all_signal_from_the_last_step_and_none_from_the_first() {
        let betas = named(ScheduleName::Linear, 1000);
        let rescaled = rescale_zero_snr(&betas);
        assert!((rescaled[0] - betas[0]).abs() < 1e-12);
        assert_eq!(rescaled[999], 1.0);
        assert!(rescaled[..999].iter().all(|beta| (0.0..1.0).contains(beta)));
        assert_eq!(rescale_zero_snr(&[0.3]), [1.0]);
    }

    #[test]
    fn every_schedule_rises() {
        for name in [ScheduleName::Linear, ScheduleName::ScaledLinear, ScheduleName::Cosine, ScheduleName::Sigmoid] {
            let betas = named(name, 300);
            assert!(betas.windows(2).all(|pair| pair[0] < pair[1]), "{name:?}");
        }
    }
}
