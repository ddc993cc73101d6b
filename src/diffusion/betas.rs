//! The β_t of each named schedule, in f64 and in diffusers' definitions.

use std::f64::consts::FRAC_PI_2;

use crate::config::ScheduleName;

/// β_t for t ∈ 0..T. `beta_start` and `beta_end` are the ends of the linear, scaled_linear and
/// sigmoid schedules; cosine has no use for them.
pub fn betas(name: ScheduleName, timesteps: usize, beta_start: f64, beta_end: f64) -> Vec<f64> {
    match name {
        ScheduleName::Linear => linear(timesteps, beta_start, beta_end),
        ScheduleName::ScaledLinear => scaled_linear(timesteps, beta_start, beta_end),
        ScheduleName::Cosine => cosine(timesteps),
        ScheduleName::Sigmoid => sigmoid(timesteps, beta_start, beta_end),
    }
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
/// Models", eq. 17, ᾱ_t = g(t/T) / g(0) with g(u) = cos²((u + s)/(1 + s) · π/2), s = 0.008, and β
/// clipped at 0.999 so that the end is no singularity (diffusers' `squaredcos_cap_v2`).
fn cosine(timesteps: usize) -> Vec<f64> {
    const OFFSET: f64 = 0.008;
    const LARGEST: f64 = 0.999;
    let g = |u: f64| ((u + OFFSET) / (1.0 + OFFSET) * FRAC_PI_2).cos().powi(2);
    let total = timesteps as f64;
    (0..timesteps).map(|i| (1.0 - g((i + 1) as f64 / total) / g(i as f64 / total)).min(LARGEST)).collect()
}

/// β rises along a logistic curve over [-6, 6]: the schedule of Xu et al. 2022, "GeoDiff", as
/// diffusers' DDPMScheduler has it. (Jabri et al. 2022 give the name to a different curve, in ᾱ.)
fn sigmoid(timesteps: usize, beta_start: f64, beta_end: f64) -> Vec<f64> {
    linspace(-6.0, 6.0, timesteps).map(|x| (beta_end - beta_start) / (1.0 + (-x).exp()) + beta_start).collect()
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

    #[test]
    fn the_ends_are_the_numbers_asked_for() {
        for name in [ScheduleName::Linear, ScheduleName::ScaledLinear] {
            let betas = betas(name, 1000, 1e-4, 0.02);
            assert_eq!(betas.len(), 1000);
            assert!((betas[0] - 1e-4).abs() < 1e-18);
            assert!((betas[999] - 0.02).abs() < 1e-16);
        }
        assert_eq!(betas(ScheduleName::Linear, 1, 1e-4, 0.02), vec![1e-4]);
    }

    #[test]
    fn cosine_ends_at_its_cap_and_sigmoid_is_half_way_in_the_middle() {
        assert_eq!(betas(ScheduleName::Cosine, 1000, 1e-4, 0.02)[999], 0.999);
        let sigmoid = betas(ScheduleName::Sigmoid, 1000, 1e-4, 0.02);
        // The logistic curve is half-way in the middle, whatever its ends.
        let middle = (sigmoid[499] + sigmoid[500]) / 2.0;
        assert!((middle - (1e-4 + 0.02) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn every_schedule_rises() {
        for name in [ScheduleName::Linear, ScheduleName::ScaledLinear, ScheduleName::Cosine, ScheduleName::Sigmoid] {
            let betas = betas(name, 300, 1e-4, 0.02);
            assert!(betas.windows(2).all(|pair| pair[0] < pair[1]), "{name:?}");
        }
    }
}
