//! Mistakes on the command line that clap cannot see.

use std::convert::Infallible;

use crate::config::key_in_full;

/// Something that the user asked for and that cannot be: exit code 2.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(String);

impl UsageError {
    /// `message` says what is wrong and what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Refuses `--steps` that a run of so many timesteps cannot have.
///
/// # Errors
/// With the numbers that it can.
pub fn check_steps(steps: usize, timesteps: usize) -> Result<(), UsageError> {
    let takes = match timesteps {
        _ if (1..=timesteps).contains(&steps) => return Ok(()),
        1 => "this run has 1 timestep, and takes one step".to_string(),
        _ => format!("this run has {timesteps} timesteps: use 1 to {timesteps} steps"),
    };
    Err(UsageError::new(format!("--steps {steps}: {takes}")))
}

/// Refuses `--set` of a key that a flag chooses too: one of them would silently be the one that counts.
///
/// # Errors
/// With both, where the flag was given.
pub fn refuse_both(flag: &str, given: bool, keys: &[&str], sets: &[String]) -> Result<(), UsageError> {
    let key = |set: &String| set.split('=').next().map(str::trim).filter(|key| keys.contains(key)).map(String::from);
    match sets.iter().find_map(key).filter(|_| given) {
        Some(key) => Err(UsageError::new(format!("{flag} and {key} both choose it: leave one of them out"))),
        None => Ok(()),
    }
}

/// What `--set` is given, with its key in full where that is clear: whoever asks what is set finds it under one name.
///
/// # Errors
/// None: the config refuses what it doesn't take, in its own words.
pub fn set_in_full(given: &str) -> Result<String, Infallible> {
    Ok(key_in_full(given))
}

/// The keys that say how long to train.
pub const LENGTHS: [&str; 2] = ["train.steps", "train.epochs"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_keys_are_written_out_so_that_flags_find_them() {
        let sets = ["epochs=3", "lr=1e-3", "steps=5", "nonsense"].map(|given| set_in_full(given).unwrap());
        assert_eq!(sets, ["train.epochs=3", "train.learning_rate=1e-3", "steps=5", "nonsense"]);
        assert!(refuse_both("--epochs", true, &LENGTHS, &sets).is_err());
    }

    #[test]
    fn what_a_flag_and_a_set_both_choose_is_refused() {
        let sets = ["seed=3", "train.steps = 30"].map(String::from);
        let said = refuse_both("--steps", true, &LENGTHS, &sets).unwrap_err().to_string();
        assert_eq!(said, "--steps and train.steps both choose it: leave one of them out");
        assert_eq!(refuse_both("--steps", false, &LENGTHS, &sets), Ok(()));
        assert_eq!(refuse_both("--seed", true, &["seed"], &sets[1..]), Ok(()));
    }

    #[test]
    fn steps_that_cannot_be_are_refused_with_those_that_can() {
        assert_eq!(check_steps(1, 1), Ok(()));
        assert_eq!(check_steps(100, 100), Ok(()));
        let said = |steps, timesteps| check_steps(steps, timesteps).unwrap_err().to_string();
        assert_eq!(said(101, 100), "--steps 101: this run has 100 timesteps: use 1 to 100 steps");
        assert_eq!(said(3, 1), "--steps 3: this run has 1 timestep, and takes one step");
    }
}
