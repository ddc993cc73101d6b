//! Levels that divide the range of σ/α rather than the timesteps: those of Karras, Aittala, Aila & Laine 2022,
//! "Elucidating the Design Space of Diffusion-Based Generative Models", and of others since.

use anyhow::{Result, ensure};

use super::SamplerSettings;
use super::beta_quantile::beta_quantile;
use super::counting::Counting;
use super::visited::{at_ratio, evenly, flow_range, level_at, visited};
use super::whole_timesteps::F32Sigmas;
use crate::config::{PathName, SamplerName, ScheduleName, SigmaRange, TimestepSpacing};
use crate::diffusion::{NoiseLevel, Schedule};

/// `settings.steps` levels between the ends of the path, σ/α falling from the largest to the least by the rule of
/// `settings.spacing`:
///
/// - karras: (σ/α)^(1/ρ) evenly spaced (eq. 5). ρ = 3 makes the error of every step about the same, ρ = 7 (the
///   paper's choice) spends more steps near the clean image.
/// - exponential, lu: log(σ/α) evenly spaced (Lu et al. 2022, "DPM-Solver", section 3.4: uniform λ).
/// - beta: σ/α at the quantiles of the Beta(0.6, 0.6) distribution (Lee et al. 2024, "Beta Sampling is All You Need",
///   with diffusers' numbers).
///
/// On path flow it is u that is divided, as diffusers' FlowMatchEulerDiscreteScheduler does.
///
/// On path vp the ends may be given, or be those of the timesteps that another spacing visits ([`SigmaRange`]); the
/// timestep that the network is told is interpolated in log(σ/α) between its neighbours, and made whole where
/// diffusers' scheduler of that sampler makes it so.
///
/// # Errors
/// When ρ is not above 0, or the ends are no range.
pub fn sigmas(schedule: &Schedule, settings: &SamplerSettings) -> Result<Vec<NoiseLevel>> {
    let n = settings.steps;
    let (least, most) = ends(schedule, settings)?;
    let between = rule(settings)?;
    let last = (n.max(2) - 1) as f64;
    let ratios = (0..n).map(|i| match i as f64 / last {
        // Both ends exactly.
        0.0 => most,
        1.0 => least,
        share => between(least, most, share),
    });
    if schedule.path == PathName::Flow {
        return Ok(ratios.map(|u| schedule.level(schedule.t_of_u(u))).collect());
    }
    if schedule.is_continuous() {
        return Ok(ratios.map(|ratio| schedule.level_of(ratio)).collect());
    }
    let Some(whole) = whole(schedule, settings) else {
        let rounded = told_rounded(settings);
        let t =
            |ratio| if rounded { t_of_ratio(schedule, ratio).round_ties_even() } else { t_of_ratio(schedule, ratio) };
        return Ok(ratios.map(|ratio| at_ratio(t(ratio), ratio * ratio)).collect());
    };
    // σ/α in full precision, but the timestep that diffusers makes of it in its own.
    let known = F32Sigmas::of(schedule);
    let all = if settings.spacing == TimestepSpacing::Lu { known.ends_of_logs() } else { known.ends() };
    let own = |given: f64, exact: f64, own: f64| match settings.sigma_range {
        _ if given > 0.0 => given,
        SigmaRange::Whole => own,
        SigmaRange::Leading | SigmaRange::Trailing | SigmaRange::Linspace => f64::from(exact as f32),
    };
    let (low, high) = (own(settings.sigma_min, least, all.0), own(settings.sigma_max, most, all.1));
    let t = |i: usize| whole(known.t(between(low, high, i as f64 / last)));
    Ok(ratios.enumerate().map(|(i, ratio)| at_ratio(t(i), ratio * ratio)).collect())
}

/// σ/α at a share of the way from `most` down to `least`.
fn rule(settings: &SamplerSettings) -> Result<impl Fn(f64, f64, f64) -> f64> {
    let (spacing, rho) = (settings.spacing, settings.rho);
    ensure!(rho > 0.0 && rho.is_finite(), "ρ of spacing karras must be a number above 0, but is {rho}");
    Ok(move |least: f64, most: f64, share: f64| match spacing {
        TimestepSpacing::Beta => least + beta_quantile(1.0 - share, BETA, BETA) * (most - least),
        TimestepSpacing::Exponential | TimestepSpacing::Lu => (most.ln() * (1.0 - share) + least.ln() * share).exp(),
        _ => (most.powf(1.0 / rho) * (1.0 - share) + least.powf(1.0 / rho) * share).powf(rho),
    })
}

/// Both parameters of diffusers' beta distribution.
const BETA: f64 = 0.6;

/// The least and the largest σ/α, or u on path flow.
fn ends(schedule: &Schedule, settings: &SamplerSettings) -> Result<(f64, f64)> {
    if schedule.path == PathName::Flow {
        let (most, least) = flow_range(schedule, settings);
        return Ok((least, most));
    }
    let counting = Counting::of(settings.sampler);
    let (cleanest, noisiest) = (schedule.cleanest().t, schedule.noisiest().t);
    let (least, most) = match settings.sigma_range {
        _ if schedule.is_continuous() => (cleanest, noisiest),
        SigmaRange::Whole => (cleanest, noisiest),
        SigmaRange::Leading | SigmaRange::Trailing | SigmaRange::Linspace => {
            let spacing = match settings.sigma_range {
                SigmaRange::Leading => TimestepSpacing::Leading,
                SigmaRange::Trailing => TimestepSpacing::Trailing,
                _ => TimestepSpacing::Linspace,
            };
            let visited = visited(schedule, &SamplerSettings { spacing, ..settings.clone() })?;
            let end = |t: Option<&f64>, otherwise| t.copied().unwrap_or(otherwise);
            (end(visited.last(), cleanest), end(visited.first(), noisiest))
        }
    };
    let given = |given: f64, t: f64| {
        if given > 0.0 { given } else { level_at(schedule, counting_of(counting), t).noise_to_signal() }
    };
    let (least, most) = (given(settings.sigma_min, least), given(settings.sigma_max, most));
    ensure!(
        least > 0.0 && most.is_finite() && (least < most || settings.steps == 1),
        "spacing {} divides σ/α from its largest to its least, but these are {most} and {least}; change sample.sigma_max \
         and sample.sigma_min",
        settings.spacing.name()
    );
    Ok((least, most))
}

/// A counting under which σ/α is finite even with zero terminal SNR.
fn counting_of(counting: Counting) -> Counting {
    if counting == Counting::Whole { Counting::Fractional } else { counting }
}

/// How diffusers' scheduler of that sampler makes a timestep whole; None: it tells the network fractional ones.
fn whole(schedule: &Schedule, settings: &SamplerSettings) -> Option<fn(f64) -> f64> {
    use SamplerName::{Deis, Dpmpp2m, Dpmpp2mSde, Dpmpp2s, Dpmpp3m, UniPc};
    match settings.sampler {
        Dpmpp2m | Dpmpp3m | Dpmpp2mSde if schedule.name == ScheduleName::Cosine => Some(f64::floor),
        Dpmpp2m | Dpmpp3m | Dpmpp2mSde | Dpmpp2s | UniPc | Deis if rounds(settings) => Some(f64::round_ties_even),
        Dpmpp2m | Dpmpp3m | Dpmpp2mSde | Dpmpp2s | UniPc | Deis => Some(f64::floor),
        _ => None,
    }
}

/// KDPM2's timesteps are fractional between the levels, and may be rounded at them.
fn told_rounded(settings: &SamplerSettings) -> bool {
    matches!(settings.sampler, SamplerName::Dpm2 | SamplerName::Dpm2A) && rounds(settings)
}

fn rounds(settings: &SamplerSettings) -> bool {
    matches!(settings.spacing, TimestepSpacing::Karras | TimestepSpacing::Lu)
}

/// σ/α at t; a finite number even with zero terminal SNR.
fn ratio_at(schedule: &Schedule, t: f64) -> f64 {
    level_at(schedule, Counting::Fractional, t).noise_to_signal()
}

/// The level at any σ/α, with the t that the network is told: on path vp interpolated in log(σ/α).
pub(super) fn level_of_ratio(schedule: &Schedule, ratio: f64) -> NoiseLevel {
    match schedule.is_continuous() {
        true => schedule.level_of(ratio),
        false => at_ratio(t_of_ratio(schedule, ratio), ratio * ratio),
    }
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

/// log(σ/α) evenly spaced over the whole schedule, `n` of n + 1 numbers, and the last of them: what diffusers'
/// EulerDiscreteScheduler takes in place of those at the timesteps with interpolation_type "log_linear".
pub(super) fn log_linear(schedule: &Schedule, n: usize) -> (Vec<f64>, f64) {
    let end = |t: NoiseLevel| ratio_at(schedule, t.t);
    let (least, most) = (end(schedule.cleanest()), end(schedule.noisiest()));
    let mut all: Vec<f64> = evenly(most.ln(), least.ln(), n + 1).map(f64::exp).collect();
    let last = all.pop().unwrap_or(least);
    (all, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, SampleConfig};

    fn on(config: DiffusionConfig) -> Schedule {
        Schedule::from_config(&config).unwrap()
    }

    fn settings(sampler: SamplerName, steps: usize) -> SamplerSettings {
        let spacing = TimestepSpacing::Karras;
        SamplerSettings { sampler, steps, spacing, ..SamplerSettings::from(&SampleConfig::default()) }
    }

    #[test]
    fn the_levels_of_edm_are_those_of_the_paper() {
        let schedule = on(DiffusionConfig { path: PathName::Edm, ..DiffusionConfig::default() });
        let levels = sigmas(&schedule, &settings(SamplerName::Edm, 18)).unwrap();
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
    fn zero_terminal_snr_has_an_end() {
        let zero = on(DiffusionConfig { rescale_betas_zero_snr: true, ..DiffusionConfig::default() });
        let levels = sigmas(&zero, &settings(SamplerName::Ddim, 10)).unwrap();
        assert!((levels[0].noise_to_signal() - 4096.0).abs() < 0.001 && levels[0].t == 999.0);
    }

    #[test]
    fn path_flow_divides_u() {
        // FlowMatchEulerDiscreteScheduler(use_karras_sigmas=True), set_timesteps(4), and the same with exponential and
        // beta sigmas: diffusers 0.42.1.
        let flow = on(DiffusionConfig { path: PathName::Flow, ..DiffusionConfig::default() });
        for (spacing, expected) in [
            (TimestepSpacing::Karras, [1.0, 0.193_609_7, 0.022_574_75, 0.001]),
            (TimestepSpacing::Exponential, [1.0, 0.1, 0.01, 0.001]),
            (TimestepSpacing::Beta, [1.0, 0.724_862_1, 0.276_137_9, 0.001]),
        ] {
            let settings = SamplerSettings { spacing, ..settings(SamplerName::Euler, 4) };
            let levels = sigmas(&flow, &settings).unwrap();
            for (level, u) in levels.iter().zip(expected) {
                assert!((level.sigma - u).abs() < 1e-5, "{spacing:?}: {} against {u}", level.sigma);
            }
        }
    }

    #[test]
    fn a_single_step_is_the_noisiest_and_impossible_numbers_are_refused() {
        let schedule = on(DiffusionConfig { path: PathName::Ve, ..DiffusionConfig::default() });
        assert_eq!(sigmas(&schedule, &settings(SamplerName::Heun, 1)).unwrap(), [schedule.noisiest()]);
        let usual = settings(SamplerName::Heun, 5);
        assert!(sigmas(&schedule, &SamplerSettings { rho: 0.0, ..usual.clone() }).is_err());
        let upside_down = SamplerSettings { sigma_min: 100.0, ..usual };
        assert!(sigmas(&schedule, &upside_down).unwrap_err().to_string().contains("sample.sigma_min"));
    }
}
