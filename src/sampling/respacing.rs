//! Which noise levels a sampler with fewer than T steps visits.

use anyhow::{Result, bail, ensure};

use super::SamplerSettings;
use super::karras::karras;
use crate::config::{PathName, SamplerName, TimestepSpacing};
use crate::diffusion::{NoiseLevel, Schedule};

/// How a family of samplers counts n steps on T timesteps. The papers leave it open; diffusers does it
/// differently from scheduler to scheduler, and a sampler of ours does what its namesake does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// DDPM and DDIM: n of the timesteps, the cleanest among them.
    Whole,
    /// Euler and Heun: the same, but linspace is not rounded to whole timesteps.
    Fractional,
    /// DPM-Solver and UniPC: n + 1 points, of which the cleanest is left out.
    WithoutLast,
}

impl Counting {
    /// That of a sampler.
    pub fn of(sampler: SamplerName) -> Self {
        match sampler {
            SamplerName::Ddpm | SamplerName::Ddim | SamplerName::Pc => Self::Whole,
            SamplerName::Euler
            | SamplerName::EulerA
            | SamplerName::Heun
            | SamplerName::Edm
            | SamplerName::PfOde
            | SamplerName::FlowEuler
            | SamplerName::FlowMidpoint
            | SamplerName::FlowHeun => Self::Fractional,
            SamplerName::Dpmpp2m | SamplerName::Dpmpp3m | SamplerName::Dpmpp2mSde | SamplerName::UniPc => {
                Self::WithoutLast
            }
        }
    }
}

/// Where each step of a trajectory begins, from the noisiest level to the cleanest; the clean image that
/// follows the last is not among them.
///
/// - On path vp: the levels of [`timesteps`]. Where a timestep is fractional, σ/α is interpolated linearly,
///   as in diffusers. Samplers that reckon in σ/α need it finite: of a schedule with zero terminal SNR they
///   take the last ᾱ as 2⁻²⁴, diffusers' number again. Not Heun's, who would multiply the difference of two
///   slopes by 4096: from no signal it takes Euler's step.
/// - On path flow: u from 1 to 1/T evenly, then moved by the schedule's shift
///   (Esser et al. 2024, "Scaling Rectified Flow Transformers", eq. 23, as diffusers'
///   FlowMatchEulerDiscreteScheduler has it: 1/T is moved twice).
/// - On the other continuous paths: t from the noisiest to the cleanest evenly.
/// - Leading on a continuous path: t = i·T/n, so that it begins below the noisiest.
/// - Spacing karras: [`karras`], on any path with some signal at the end.
/// - A list of timesteps is taken as it is.
/// - A strength below 1 leaves out the levels above it.
///
/// # Errors
/// When n is 0 or above T, the list is not falling within 0..T, or the spacing impossible on the path.
pub fn levels(schedule: &Schedule, settings: &SamplerSettings) -> Result<Vec<NoiseLevel>> {
    ensure!(
        settings.strength > 0.0 && settings.strength <= 1.0,
        "the strength lies above 0 (nothing changes) and at most at 1 (the whole way), but is {}",
        settings.strength
    );
    let mut all = whole_way(schedule, settings)?;
    if settings.strength < 1.0 {
        // At least one level is left.
        let begun = all.iter().position(|level| schedule.u(level.t) <= settings.strength + 1e-9);
        all.drain(..begun.unwrap_or(all.len() - 1));
    }
    Ok(all)
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
    if settings.spacing == TimestepSpacing::Karras {
        return karras(schedule, settings);
    }
    if !schedule.is_continuous() {
        let offset = if settings.spacing == TimestepSpacing::Leading { settings.steps_offset as f64 } else { 0.0 };
        let timesteps = timesteps(counting, settings.spacing, total, n)?;
        return Ok(timesteps.into_iter().map(|t| level_at(schedule, counting, t + offset)).collect());
    }
    let (noisiest, cleanest) = (schedule.noisiest(), schedule.cleanest());
    Ok(match (settings.spacing, schedule.path) {
        (TimestepSpacing::Leading, _) => {
            let ratio = total as f64 / n as f64;
            (0..n).rev().map(|i| schedule.level(i as f64 * ratio)).collect()
        }
        (_, PathName::Flow) => {
            let shift = |u: f64| schedule.shift * u / (1.0 + (schedule.shift - 1.0) * u);
            let last = shift(1.0 / total as f64);
            evenly(1.0, last, n).map(|u| schedule.level(schedule.t_of_u(shift(u)))).collect()
        }
        _ => evenly(noisiest.t, cleanest.t, n).map(|t| schedule.level(t)).collect(),
    })
}

/// `n` of the timesteps 0..`train_timesteps`, falling, as diffusers' `timestep_spacing` has them
/// (Lin et al. 2024, "Common Diffusion Noise Schedules and Sample Steps are Flawed", table 2):
///
/// - leading: ⌊T/n⌋·i. Ends at t = 0, but begins below T − 1 (T = 1000, n = 50: at 980), where some
///   signal is expected that the starting noise doesn't have.
/// - trailing: round(T − i·T/n) − 1. Begins at T − 1 and takes equal steps to the clean image.
/// - linspace: n evenly spaced numbers with both ends; a single step is at t = 0.
///
/// Counted [`WithoutLast`](Counting::WithoutLast), leading is ⌊T/(n + 1)⌋·i and linspace has n + 1 numbers,
/// both without their t = 0. Rounding is to even at halves, as NumPy does it.
///
/// # Errors
/// When n is 0 or above T; for spacing karras, which does not count timesteps.
pub fn timesteps(counting: Counting, spacing: TimestepSpacing, train_timesteps: usize, n: usize) -> Result<Vec<f64>> {
    check_steps(train_timesteps, n)?;
    let total = train_timesteps as f64;
    // As many steps as timesteps leave no room for one more point.
    let left_out = usize::from(counting == Counting::WithoutLast && n < train_timesteps);
    let points = n + left_out;
    Ok(match spacing {
        TimestepSpacing::Leading => {
            let ratio = train_timesteps / points;
            (left_out..points).rev().map(|i| (i * ratio) as f64).collect()
        }
        TimestepSpacing::Trailing => {
            let ratio = total / n as f64;
            // At least 1 before the subtraction: n ≤ T makes every step one timestep or longer.
            (0..n).map(|i| (total - i as f64 * ratio).round_ties_even().max(1.0) - 1.0).collect()
        }
        TimestepSpacing::Linspace => {
            let ratio = (total - 1.0) / (points.max(2) - 1) as f64;
            let whole = |t: f64| if counting == Counting::Fractional { t } else { t.round_ties_even() };
            (left_out..points).rev().map(|i| whole(i as f64 * ratio)).collect()
        }
        TimestepSpacing::Karras => bail!("spacing karras divides σ/α, not the timesteps"),
    })
}

fn check_steps(train_timesteps: usize, n: usize) -> Result<()> {
    ensure!(
        (1..=train_timesteps).contains(&n),
        "{n} sampling steps are impossible: the model was trained with {train_timesteps} timesteps; choose 1 to \
         {train_timesteps}"
    );
    Ok(())
}

/// The level at any t of path vp, as [`levels`] says.
pub(super) fn level_at(schedule: &Schedule, counting: Counting, t: f64) -> NoiseLevel {
    if schedule.is_continuous() {
        return schedule.level(t);
    }
    let t = t.clamp(0.0, (schedule.timesteps() - 1) as f64);
    let (below, share) = (t.floor() as usize, t.fract());
    let whole = |t: usize| match schedule.at(t) {
        level if level.alpha == 0.0 && counting != Counting::Whole => at_ratio(level.t, LEAST_SIGNAL.recip() - 1.0),
        level => level,
    };
    if share == 0.0 {
        return whole(below);
    }
    let (a, b) = (whole(below), whole(below + 1));
    if b.alpha == 0.0 {
        return schedule.level(t);
    }
    let ratio = a.noise_to_signal() * (1.0 - share) + b.noise_to_signal() * share;
    at_ratio(t, ratio * ratio)
}

/// ᾱ in place of 0.
const LEAST_SIGNAL: f64 = 1.0 / (1u32 << 24) as f64;

/// The variance-preserving level with σ²/α² = `ratio_squared`.
pub(super) fn at_ratio(t: f64, ratio_squared: f64) -> NoiseLevel {
    let alpha = 1.0 / (1.0 + ratio_squared).sqrt();
    NoiseLevel { t, alpha, sigma: ratio_squared.sqrt() * alpha }
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

/// n numbers from `start` to `end`, both included; `start` alone for n = 1.
fn evenly(start: f64, end: f64, n: usize) -> impl Iterator<Item = f64> {
    let last = (n.max(2) - 1) as f64;
    (0..n).map(move |i| {
        let share = i as f64 / last;
        // Weighted so that both ends come out exactly.
        start * (1.0 - share) + end * share
    })
}

/// What Euler, Heun and EDM multiply unit noise by, where that is not the path's own factor: on path vp
/// they start from a sample whose σ/α is that of the first level and that holds no image, so that x_t is
/// σ·noise. Diffusers' `init_noise_sigma`: with leading spacing it is a factor that leaves unit variance.
pub(super) fn starting_scale(schedule: &Schedule, settings: &SamplerSettings, first: NoiseLevel) -> Option<f64> {
    (schedule.path == PathName::Vp && settings.spacing != TimestepSpacing::Leading).then_some(first.sigma)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, SampleConfig};

    const ALL: [TimestepSpacing; 3] = [TimestepSpacing::Leading, TimestepSpacing::Trailing, TimestepSpacing::Linspace];
    const COUNTINGS: [Counting; 3] = [Counting::Whole, Counting::Fractional, Counting::WithoutLast];

    fn on(path: PathName) -> Schedule {
        Schedule::from_config(&DiffusionConfig { path, ..DiffusionConfig::default() }).unwrap()
    }

    fn settings(sampler: SamplerName, spacing: TimestepSpacing, steps: usize) -> SamplerSettings {
        SamplerSettings { sampler, spacing, steps, ..SamplerSettings::from(&SampleConfig::default()) }
    }

    #[test]
    fn any_number_of_steps_falls_strictly_within_the_schedule() {
        for (counting, spacing) in COUNTINGS.into_iter().flat_map(|counting| ALL.map(|spacing| (counting, spacing))) {
            for train_timesteps in [1, 2, 7, 50, 1000] {
                for n in 1..=train_timesteps {
                    let t = timesteps(counting, spacing, train_timesteps, n).unwrap();
                    assert_eq!(t.len(), n);
                    assert!(t[0] < train_timesteps as f64 && t[n - 1] >= 0.0);
                    assert!(t.windows(2).all(|pair| pair[0] > pair[1]), "{spacing:?} {train_timesteps} {n}: {t:?}");
                }
            }
        }
    }

    #[test]
    fn as_many_steps_as_timesteps_visits_them_all() {
        for (counting, spacing) in COUNTINGS.into_iter().flat_map(|counting| ALL.map(|spacing| (counting, spacing))) {
            assert_eq!(timesteps(counting, spacing, 6, 6).unwrap(), [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
        }
    }

    #[test]
    fn halves_round_to_even_as_in_numpy() {
        let whole = |spacing, total, n| timesteps(Counting::Whole, spacing, total, n).unwrap();
        // numpy.round(numpy.arange(1000, 0, -62.5)) - 1 begins 999, 937, 874, 811.
        assert_eq!(whole(TimestepSpacing::Trailing, 1000, 16)[..4], [999.0, 937.0, 874.0, 811.0]);
        // numpy.linspace(0, 9, 7).round() is 0, 2, 3, 4, 6, 8, 9.
        assert_eq!(whole(TimestepSpacing::Linspace, 10, 7), [9.0, 8.0, 6.0, 4.0, 3.0, 2.0, 0.0]);
        let fractional = timesteps(Counting::Fractional, TimestepSpacing::Linspace, 10, 7).unwrap();
        assert_eq!(fractional, [9.0, 7.5, 6.0, 4.5, 3.0, 1.5, 0.0]);
    }

    #[test]
    fn impossible_numbers_of_steps_are_refused() {
        for n in [0, 101] {
            let error = timesteps(Counting::Whole, TimestepSpacing::Leading, 100, n).unwrap_err().to_string();
            assert!(error.contains("choose 1 to 100"), "{error}");
        }
    }

    #[test]
    fn continuous_paths_are_walked_from_their_noisiest_level_to_their_cleanest() {
        for path in [PathName::VpSde, PathName::SubVpSde, PathName::Ve, PathName::Edm, PathName::Flow] {
            let schedule = on(path);
            for spacing in [TimestepSpacing::Trailing, TimestepSpacing::Linspace, TimestepSpacing::Karras] {
                if (path, spacing) == (PathName::Flow, TimestepSpacing::Karras) {
                    continue;
                }
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
