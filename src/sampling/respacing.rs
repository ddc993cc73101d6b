//! Which timesteps a sampler with fewer than T steps visits.

use anyhow::{Result, ensure};

use crate::config::TimestepSpacing;
use crate::diffusion::{NoiseLevel, Schedule};

/// `n` of the timesteps 0..`train_timesteps`, falling, as diffusers' `timestep_spacing` has them
/// (Lin et al. 2023, "Common Diffusion Noise Schedules and Sample Steps are Flawed", table 2):
///
/// - leading: ⌊T/n⌋·i. Ends at t = 0, but begins below T − 1 (T = 1000, n = 50: at 980), where some
///   signal is expected that the starting noise doesn't have.
/// - trailing: round(T − i·T/n) − 1. Begins at T − 1 and takes equal steps to the clean image.
/// - linspace: round of n evenly spaced numbers with both ends; a single step is at t = 0.
///
/// Rounding is to even at halves, as NumPy does it.
///
/// # Errors
/// When n is 0 or above T.
pub fn timesteps(spacing: TimestepSpacing, train_timesteps: usize, n: usize) -> Result<Vec<usize>> {
    ensure!(
        (1..=train_timesteps).contains(&n),
        "{n} sampling steps are impossible: the model was trained with {train_timesteps} timesteps; choose 1 to \
         {train_timesteps}"
    );
    let total = train_timesteps as f64;
    Ok(match spacing {
        TimestepSpacing::Leading => {
            let ratio = train_timesteps / n;
            (0..n).rev().map(|i| i * ratio).collect()
        }
        TimestepSpacing::Trailing => {
            let ratio = total / n as f64;
            // At least 1 before the subtraction: n ≤ T makes every step one timestep or longer.
            (0..n).map(|i| (total - i as f64 * ratio).round_ties_even().max(1.0) as usize - 1).collect()
        }
        TimestepSpacing::Linspace => {
            let ratio = (total - 1.0) / (n.max(2) - 1) as f64;
            (0..n).rev().map(|i| (i as f64 * ratio).round_ties_even() as usize).collect()
        }
    })
}

/// The noise levels of [`timesteps`] on a schedule: where each network call of a trajectory stands.
///
/// # Errors
/// As [`timesteps`].
pub fn levels(schedule: &Schedule, spacing: TimestepSpacing, n: usize) -> Result<Vec<NoiseLevel>> {
    Ok(timesteps(spacing, schedule.timesteps(), n)?.into_iter().map(|t| schedule.at(t)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [TimestepSpacing; 3] = [TimestepSpacing::Leading, TimestepSpacing::Trailing, TimestepSpacing::Linspace];

    #[test]
    fn any_number_of_steps_falls_strictly_within_the_schedule() {
        for spacing in ALL {
            for train_timesteps in [1, 2, 7, 50, 1000] {
                for n in 1..=train_timesteps {
                    let t = timesteps(spacing, train_timesteps, n).unwrap();
                    assert_eq!(t.len(), n);
                    assert!(t[0] < train_timesteps);
                    assert!(t.windows(2).all(|pair| pair[0] > pair[1]), "{spacing:?} {train_timesteps} {n}: {t:?}");
                }
            }
        }
    }

    #[test]
    fn as_many_steps_as_timesteps_visits_them_all() {
        for spacing in ALL {
            assert_eq!(timesteps(spacing, 6, 6).unwrap(), vec![5, 4, 3, 2, 1, 0]);
        }
    }

    #[test]
    fn halves_round_to_even_as_in_numpy() {
        // numpy.round(numpy.arange(1000, 0, -62.5)) - 1 begins 999, 937, 874, 811.
        assert_eq!(timesteps(TimestepSpacing::Trailing, 1000, 16).unwrap()[..4], [999, 937, 874, 811]);
        // numpy.linspace(0, 9, 7).round() is 0, 2, 3, 4, 6, 8, 9.
        assert_eq!(timesteps(TimestepSpacing::Linspace, 10, 7).unwrap(), vec![9, 8, 6, 4, 3, 2, 0]);
    }

    #[test]
    fn impossible_numbers_of_steps_are_refused() {
        for n in [0, 101] {
            let error = timesteps(TimestepSpacing::Leading, 100, n).unwrap_err().to_string();
            assert!(error.contains("choose 1 to 100"), "{error}");
        }
    }
}
