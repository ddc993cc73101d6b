//! Which noise levels a sampler with fewer than T steps visits.

use anyhow::{Result, ensure};

use super::SamplerSettings;
use super::counting::{Counting, check_steps};
use super::sigmas::{log_linear, sigmas};
use super::visited::{at_ratio, evenly, level_at, shifted, stretch, visited};
use crate::config::{PathName, SamplerName, TimestepSpacing};
use crate::diffusion::{NoiseLevel, Schedule};

/// Where each step of a trajectory begins, from the noisiest level to the cleanest; the clean image that
/// follows the last is not among them.
///
/// - On path vp: the levels of [`timesteps`](super::timesteps). Where a timestep is fractional, σ/α is interpolated linearly,
///   as in diffusers. Samplers that reckon in σ/α need it finite: of a schedule with zero terminal SNR they
///   take the last ᾱ as 2⁻²⁴, diffusers' number again. Not Heun's, who would multiply the difference of two
///   slopes by 4096: from no signal it takes Euler's step.
/// - On path flow: u from 1 to 1/T evenly, then moved by the schedule's shift
///   (Esser et al. 2024, "Scaling Rectified Flow Transformers", eq. 23, as diffusers'
///   FlowMatchEulerDiscreteScheduler has it: 1/T is moved twice).
/// - On the other continuous paths: t from the noisiest to the cleanest evenly.
/// - Leading on a continuous path: t = i·T/n, so that it begins below the noisiest.
/// - The spacings that divide σ/α: `sigmas`.
/// - A list of timesteps is taken as it is.
/// - A strength below 1 begins at that u, the nearest whole timestep of path vp (where the sampler visits whole ones
///   only), and goes on with the levels below it.
///
/// # Errors
/// When n is 0 or above T, the list is not falling within 0..T, or the spacing impossible on the path.
pub fn levels(schedule: &Schedule, settings: &SamplerSettings) -> Result<Vec<NoiseLevel>> {
    ensure!(
        settings.strength > 0.0 && settings.strength <= 1.0,
        "the strength must be above 0 (nothing changes) and at most 1 (nothing is left), but is {}",
        settings.strength
    );
    let mut all = whole_way(schedule, settings)?;
    if settings.strength < 1.0 {
        let first = begun_at(schedule, settings);
        // A step of less than half a timestep leads nowhere.
        let least = if schedule.is_continuous() { 1e-6 * schedule.timesteps() as f64 } else { 0.5 };
        all.retain(|level| level.t < first.t - least);
        all.insert(0, first);
    }
    Ok(all)
}

/// Where the strength says that sampling begins.
fn begun_at(schedule: &Schedule, settings: &SamplerSettings) -> NoiseLevel {
    let counting = Counting::of(settings.sampler);
    let t = schedule.t_of_u(settings.strength);
    let whole = !schedule.is_continuous() && counting != Counting::Fractional;
    level_at(schedule, counting, if whole { t.round() } else { t })
}

fn whole_way(schedule: &Schedule, settings: &SamplerSettings) -> Result<Vec<NoiseLevel>> {
    let mut levels = with_some_signal(schedule, settings)?;
    let noisiest = schedule.noisiest();
    if matches!(settings.sampler, SamplerName::Heun | SamplerName::Edm)
        && noisiest.alpha == 0.0
        && levels[0].t == noisiest.t
    {
        levels[0] = noisiest;
    }
    Ok(levels)
}

/// [`levels`], of which the first has a signal on path vp whatever the sampler, but for whole counting.
fn with_some_signal(schedule: &Schedule, settings: &SamplerSettings) -> Result<Vec<NoiseLevel>> {
    let counting = Counting::of(settings.sampler);
    let (total, n) = (schedule.timesteps(), settings.steps);
    if !settings.timesteps.is_empty() {
        return listed(schedule, counting, &settings.timesteps);
    }
    check_steps(total, n)?;
    if settings.spacing.divides_sigmas() {
        return sigmas(schedule, settings);
    }
    if !schedule.is_continuous() {
        let visited = visited(schedule, settings)?;
        if settings.is_log_linear() {
            let (ratios, _) = log_linear(schedule, visited.len());
            return Ok(visited.iter().zip(ratios).map(|(&t, ratio)| at_ratio(t, ratio * ratio)).collect());
        }
        return Ok(visited.into_iter().map(|t| level_at(schedule, counting, t)).collect());
    }
    let (noisiest, cleanest) = (schedule.noisiest(), schedule.cleanest());
    Ok(match (settings.spacing, schedule.path) {
        (TimestepSpacing::Leading, _) => {
            let ratio = total as f64 / n as f64;
            (0..n).rev().map(|i| schedule.level(i as f64 * ratio)).collect()
        }
        (_, PathName::Flow) => {
            let last = shifted(schedule, 1.0 / total as f64);
            let stretch = stretch(schedule, settings);
            let moved = |u: f64| stretch(shifted(schedule, u));
            evenly(1.0, last, n).map(|u| schedule.level(schedule.t_of_u(moved(u)))).collect()
        }
        _ => evenly(noisiest.t, cleanest.t, n).map(|t| schedule.level(t)).collect(),
    })
}

fn listed(schedule: &Schedule, counting: Counting, timesteps: &[f64]) -> Result<Vec<NoiseLevel>> {
    let last = (schedule.timesteps() - 1) as f64;
    let falling = timesteps.windows(2).all(|pair| pair[0] > pair[1]);
    ensure!(
        falling && timesteps.iter().all(|t| (0.0..=last).contains(t)),
        "the timesteps to visit must fall, from {last} at most to 0 at least, but they are {timesteps:?}"
    );
    Ok(timesteps.iter().map(|&t| level_at(schedule, counting, t)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, SampleConfig};

    fn on(path: PathName) -> Schedule {
        Schedule::from_config(&DiffusionConfig { path, ..DiffusionConfig::default() }).unwrap()
    }

    fn settings(sampler: SamplerName, spacing: TimestepSpacing, steps: usize) -> SamplerSettings {
        SamplerSettings { sampler, spacing, steps, ..SamplerSettings::from(&SampleConfig::default()) }
    }

    #[test]
    fn continuous_paths_are_walked_from_their_noisiest_level_to_their_cleanest() {
        for path in [PathName::VpSde, PathName::SubVpSde, PathName::Ve, PathName::Edm, PathName::Flow] {
            let schedule = on(path);
            for spacing in [TimestepSpacing::Trailing, TimestepSpacing::Linspace, TimestepSpacing::Karras] {
                let levels = levels(&schedule, &settings(SamplerName::Heun, spacing, 10)).unwrap();
                let close = |a: NoiseLevel, b: NoiseLevel| (a.sigma / b.sigma - 1.0).abs() < 1e-9;
                assert!(close(levels[0], schedule.noisiest()), "{path:?} {spacing:?}");
                assert!(close(levels[9], schedule.cleanest()), "{path:?} {spacing:?}");
                assert!(levels.windows(2).all(|pair| pair[0].snr() < pair[1].snr()), "{path:?} {spacing:?}");
            }
            let leading = levels(&schedule, &settings(SamplerName::Ddim, TimestepSpacing::Leading, 10)).unwrap();
            assert!(leading[0].snr() > schedule.noisiest().snr());
        }
    }

    #[test]
    fn a_list_of_timesteps_is_taken_as_it_is_and_a_wrong_one_refused() {
        let schedule = on(PathName::Vp);
        let with = |timesteps: &[f64]| {
            let settings = SamplerSettings {
                timesteps: timesteps.to_vec(),
                ..settings(SamplerName::Euler, TimestepSpacing::Trailing, 50)
            };
            levels(&schedule, &settings)
        };
        let visited = with(&[999.0, 400.5, 3.0]).unwrap();
        assert_eq!(visited.iter().map(|level| level.t).collect::<Vec<_>>(), [999.0, 400.5, 3.0]);
        let ratio = |t| schedule.at(t).noise_to_signal();
        assert!((visited[1].noise_to_signal() - 0.5 * (ratio(400) + ratio(401))).abs() < 1e-12);
        for wrong in [&[1000.0][..], &[5.0, 5.0], &[5.0, 6.0], &[3.0, -1.0], &[f64::NAN]] {
            assert!(with(wrong).unwrap_err().to_string().contains("must fall"), "{wrong:?}");
        }
    }

    #[test]
    fn zero_terminal_snr_is_diffusers_number_where_the_sampler_divides_by_the_signal() {
        let config = DiffusionConfig { rescale_betas_zero_snr: true, ..DiffusionConfig::default() };
        let schedule = Schedule::from_config(&config).unwrap();
        let first = |sampler| levels(&schedule, &settings(sampler, TimestepSpacing::Trailing, 10)).unwrap()[0];
        assert_eq!(first(SamplerName::Ddim).alpha, 0.0);
        for sampler in [SamplerName::Euler, SamplerName::Dpmpp2m, SamplerName::UniPc] {
            assert!((first(sampler).noise_to_signal() - 4096.0).abs() < 0.001, "{sampler:?}");
        }
        for sampler in [SamplerName::Heun, SamplerName::Edm] {
            assert_eq!(first(sampler), schedule.noisiest(), "{sampler:?}");
        }
    }

    #[test]
    fn a_strength_begins_exactly_there_however_few_the_steps_are() {
        let schedule = on(PathName::Vp);
        for sampler in [SamplerName::Ddim, SamplerName::Dpmpp2m, SamplerName::Euler] {
            for (steps, strength) in [(1, 0.01), (50, 0.01), (50, 0.333), (10, 0.5), (3, 0.9)] {
                let settings = SamplerSettings { strength, ..settings(sampler, TimestepSpacing::Trailing, steps) };
                let levels = levels(&schedule, &settings).unwrap();
                assert!(
                    (schedule.u(levels[0].t) - strength).abs() < 1e-9,
                    "{sampler:?} {steps} {strength}: {levels:?}"
                );
                assert!(levels.windows(2).all(|pair| pair[0].t > pair[1].t));
            }
        }
        let flow = on(PathName::Flow);
        let settings =
            SamplerSettings { strength: 0.01, ..settings(SamplerName::FlowEuler, TimestepSpacing::Linspace, 1) };
        let levels = levels(&flow, &settings).unwrap();
        assert!(levels.len() == 1 && (levels[0].sigma - 0.01).abs() < 1e-9, "{levels:?}");
    }

    #[test]
    fn the_stretch_of_path_flow_is_diffusers() {
        // FlowMatchEulerDiscreteScheduler(shift_terminal=0.1), set_timesteps(4): its sigmas.
        let settings =
            SamplerSettings { shift_terminal: 0.1, ..settings(SamplerName::Euler, TimestepSpacing::Linspace, 4) };
        let levels = levels(&on(PathName::Flow), &settings).unwrap();
        for (level, sigma) in levels.iter().zip([1.0, 0.7, 0.4, 0.1]) {
            assert!((level.sigma - sigma).abs() < 1e-6, "{} against {sigma}", level.sigma);
        }
    }

    const CLIPPED: [(TimestepSpacing, [f64; 10]); 3] = [
        (TimestepSpacing::Leading, [900.0, 810.0, 720.0, 630.0, 540.0, 450.0, 360.0, 270.0, 180.0, 90.0]),
        (TimestepSpacing::Trailing, [995.0, 895.0, 795.0, 695.0, 595.0, 495.0, 395.0, 295.0, 195.0, 95.0]),
        (TimestepSpacing::Linspace, [995.0, 896.0, 796.0, 696.0, 597.0, 498.0, 398.0, 298.0, 199.0, 100.0]),
    ];

    #[test]
    fn a_clipped_lambda_leaves_out_the_noisiest_timesteps_as_in_diffusers() {
        // DPMSolverMultistepScheduler(beta_schedule="squaredcos_cap_v2", lambda_min_clipped=-5.1), set_timesteps(10).
        let config = DiffusionConfig { schedule: crate::config::ScheduleName::Cosine, ..DiffusionConfig::default() };
        let schedule = Schedule::from_config(&config).unwrap();
        for (spacing, expected) in CLIPPED {
            let settings = SamplerSettings { lambda_min_clipped: -5.1, ..settings(SamplerName::Dpmpp2m, spacing, 10) };
            let levels = levels(&schedule, &settings).unwrap();
            assert_eq!(levels.iter().map(|level| level.t).collect::<Vec<_>>(), expected, "{spacing:?}");
        }
    }

    #[test]
    fn the_shift_of_path_flow_is_diffusers() {
        // FlowMatchEulerDiscreteScheduler(shift=3.0), set_timesteps(4): its sigmas.
        let config = DiffusionConfig { path: PathName::Flow, shift: 3.0, ..DiffusionConfig::default() };
        let schedule = Schedule::from_config(&config).unwrap();
        let levels = levels(&schedule, &settings(SamplerName::Euler, TimestepSpacing::Linspace, 4)).unwrap();
        for (level, sigma) in levels.iter().zip([1.0, 0.857_692_3, 0.602_150_56, 0.008_928_572]) {
            assert!((level.sigma - sigma).abs() < 1e-6, "{} against {sigma}", level.sigma);
        }
    }
}
