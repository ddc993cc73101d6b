//! The noise levels of Karras, Aittala, Aila & Laine 2022, "Elucidating the Design Space of Diffusion-Based
//! Generative Models".

use anyhow::{Result, ensure};

use super::SamplerSettings;
use super::respacing::{Counting, at_ratio, level_at};
use crate::config::{SamplerName, ScheduleName};
use crate::diffusion::{NoiseLevel, Schedule};

/// `settings.steps` levels between the ends of the path with (σ/α)^(1/ρ) evenly spaced (eq. 5). ρ = 3 makes the error of
/// every step about the same, ρ = 7 (the paper's choice) spends more steps near the clean image.
///
/// On path vp the timestep that the network is told is interpolated in log(σ/α) between its neighbours, and
/// made whole for DPM-Solver and UniPC: rounded, on the cosine schedule cut off by DPM-Solver, all as in
/// diffusers.
///
/// # Errors
/// When ρ is not above 0, or σ/α has no end: no signal is left at the noisiest level of path flow.
pub fn karras(schedule: &Schedule, settings: &SamplerSettings) -> Result<Vec<NoiseLevel>> {
    let (n, rho) = (settings.steps, settings.rho);
    ensure!(rho > 0.0 && rho.is_finite(), "ρ of spacing karras must be a number above 0, but is {rho}");
    let (least, most) = (ratio_at(schedule, schedule.cleanest().t), ratio_at(schedule, schedule.noisiest().t));
    ensure!(
        most.is_finite(),
        "spacing karras divides the range of σ/α, which on path {} has no end: no signal is left at u = 1; use spacing \
         linspace",
        schedule.label()
    );
    let (least_root, most_root) = (least.powf(1.0 / rho), most.powf(1.0 / rho));
    let last = (n.max(2) - 1) as f64;
    let ratios = (0..n).map(|i| {
        let share = i as f64 / last;
        match share {
            // Both ends exactly.
            0.0 => most,
            1.0 => least,
            _ => (most_root * (1.0 - share) + least_root * share).powf(rho),
        }
    });
    if schedule.is_continuous() {
        return Ok(ratios.map(|ratio| schedule.level_of(ratio)).collect());
    }
    let whole = |t: f64| match (Counting::of(settings.sampler), schedule.name) {
        (Counting::WithoutLast, ScheduleName::Cosine) if settings.sampler != SamplerName::UniPc => t.floor(),
        (Counting::WithoutLast, _) => t.round_ties_even(),
        _ => t,
    };
    Ok(ratios.map(|ratio| at_ratio(whole(t_of_ratio(schedule, ratio)), ratio * ratio)).collect())
}

/// σ/α at t; a finite number even with zero terminal SNR.
fn ratio_at(schedule: &Schedule, t: f64) -> f64 {
    level_at(schedule, Counting::Fractional, t).noise_to_signal()
}

/// The t of path vp at which σ/α is `ratio`, within its ends.
fn t_of_ratio(schedule: &Schedule, ratio: f64) -> f64 {
    // σ/α rises with t.
    let (mut below, mut above) = (0, schedule.timesteps() - 1);
    while above - below > 1 {
        let middle = below.midpoint(above);
        if ratio_at(schedule, middle as f64) <= ratio { below = middle } else { above = middle }
    }
    let (a, b) = (ratio_at(schedule, below as f64), ratio_at(schedule, above as f64));
    if a == b {
        return below as f64;
    }
    below as f64 + ((ratio / a).ln() / (b / a).ln()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, PathName, SampleConfig};

    fn on(config: DiffusionConfig) -> Schedule {
        Schedule::from_config(&config).unwrap()
    }

    fn settings(sampler: SamplerName, steps: usize) -> SamplerSettings {
        SamplerSettings { sampler, steps, ..SamplerSettings::from(&SampleConfig::default()) }
    }

    #[test]
    fn the_levels_of_edm_are_those_of_the_paper() {
        let schedule = on(DiffusionConfig { path: PathName::Edm, ..DiffusionConfig::default() });
        let levels = karras(&schedule, &settings(SamplerName::Edm, 18)).unwrap();
        // σ_i = (80^{1/7} + i/17 (0.002^{1/7} − 80^{1/7}))^7 at i = 0, 1, 17.
        let root = |sigma: f64| sigma.powf(1.0 / 7.0);
        let second = (root(80.0) + (root(0.002) - root(80.0)) / 17.0).powi(7);
        for (i, sigma) in [(0, 80.0), (1, second), (17, 0.002)] {
            assert!((levels[i].sigma / sigma - 1.0).abs() < 1e-9, "{i}: {} against {sigma}", levels[i].sigma);
            assert_eq!(levels[i].alpha, 1.0);
        }
        assert!((levels[1].sigma - 57.5860).abs() < 1e-3);
    }

    #[test]
    fn zero_terminal_snr_has_an_end_and_flow_has_none() {
        let zero = on(DiffusionConfig { rescale_betas_zero_snr: true, ..DiffusionConfig::default() });
        let levels = karras(&zero, &settings(SamplerName::Ddim, 10)).unwrap();
        assert!((levels[0].noise_to_signal() - 4096.0).abs() < 0.001 && levels[0].t == 999.0);
        let flow = on(DiffusionConfig { path: PathName::Flow, ..DiffusionConfig::default() });
        let refusal = karras(&flow, &settings(SamplerName::Euler, 10)).unwrap_err().to_string();
        assert!(refusal.contains("no signal is left") && refusal.contains("linspace"), "{refusal}");
    }

    #[test]
    fn a_single_step_is_the_noisiest_and_an_impossible_rho_is_refused() {
        let schedule = on(DiffusionConfig { path: PathName::Ve, ..DiffusionConfig::default() });
        assert_eq!(karras(&schedule, &settings(SamplerName::Heun, 1)).unwrap(), [schedule.noisiest()]);
        assert!(karras(&schedule, &SamplerSettings { rho: 0.0, ..settings(SamplerName::Heun, 5) }).is_err());
    }
}
