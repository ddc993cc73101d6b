//! How fewer than T steps are counted on T timesteps.

use anyhow::{Result, bail, ensure};

use crate::config::{SamplerName, TimestepSpacing};

/// How a family of samplers counts n steps on T timesteps. The papers leave it open; diffusers does it
/// differently from scheduler to scheduler, and a sampler of ours does what its namesake does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// DDPM, DDIM and PNDM: n of the timesteps, the cleanest among them.
    Whole,
    /// Euler, Heun, LMS and KDPM2: the same, but linspace is not rounded to whole timesteps.
    Fractional,
    /// DPM-Solver, UniPC and DEIS: n + 1 points, of which the cleanest is left out.
    WithoutLast,
}

impl Counting {
    /// That of a sampler.
    pub fn of(sampler: SamplerName) -> Self {
        match sampler {
            SamplerName::Ddpm | SamplerName::Ddim | SamplerName::Pndm | SamplerName::Pc => Self::Whole,
            SamplerName::Euler
            | SamplerName::EulerA
            | SamplerName::Heun
            | SamplerName::Edm
            | SamplerName::Lms
            | SamplerName::Dpm2
            | SamplerName::Dpm2A
            | SamplerName::PfOde
            | SamplerName::FlowEuler
            | SamplerName::FlowMidpoint
            | SamplerName::FlowHeun => Self::Fractional,
            SamplerName::Dpmpp2m
            | SamplerName::Dpmpp3m
            | SamplerName::Dpmpp2mSde
            | SamplerName::Dpmpp2s
            | SamplerName::UniPc
            | SamplerName::Deis => Self::WithoutLast,
        }
    }
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
/// When n is 0 or above T; for a spacing that does not count timesteps.
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
        TimestepSpacing::Karras | TimestepSpacing::Exponential | TimestepSpacing::Beta | TimestepSpacing::Lu => {
            bail!("spacing {} divides σ/α, not the timesteps", spacing.name())
        }
    })
}

pub(super) fn check_steps(train_timesteps: usize, n: usize) -> Result<()> {
    ensure!(
        (1..=train_timesteps).contains(&n),
        "{n} sampling steps are impossible: the model was trained with {train_timesteps} timesteps; choose 1 to \
         {train_timesteps}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [TimestepSpacing; 3] = [TimestepSpacing::Leading, TimestepSpacing::Trailing, TimestepSpacing::Linspace];
    const COUNTINGS: [Counting; 3] = [Counting::Whole, Counting::Fractional, Counting::WithoutLast];

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
}
