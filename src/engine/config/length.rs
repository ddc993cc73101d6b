//! How long a run trains: in steps, or in epochs, which become steps once the number of images is known.

use super::{Config, ConfigError, TrainConfig};

/// What counting in floating point may add to a whole number of steps.
const ROUNDING: f64 = 1e-9;

/// The two keys, of which one says it.
pub(super) const STEPS: &str = "train.steps";
pub(super) const EPOCHS: &str = "train.epochs";

impl TrainConfig {
    /// The steps of so many passes through `images` training images, in batches of `batch_size`: rounded up, 1 at least.
    pub fn steps_of(&self, epochs: f64, images: usize) -> u64 {
        let steps = epochs * images as f64 / self.batch_size.max(1) as f64;
        // Saturates; what is no number has been refused.
        ((steps - steps * ROUNDING).ceil() as u64).max(1)
    }
}

impl Config {
    /// Counts `train.epochs` in steps, now that the number of training images is known: they become `train.steps`, and
    /// are 0 from then on. Returns how many epochs they were, where there were any.
    pub fn count_epochs(&mut self, images: usize) -> Option<f64> {
        let epochs = std::mem::take(&mut self.train.epochs);
        (epochs > 0.0).then(|| {
            self.train.steps = self.train.steps_of(epochs, images);
            epochs
        })
    }

    /// A warning where the run ends before its learning rate is at its peak; none while the steps are not known.
    pub fn warm_up_doubt(&self) -> Option<String> {
        let train = &self.train;
        (train.epochs == 0.0 && train.warmup_steps >= train.steps).then(|| {
            format!(
                "train.warmup_steps = {} reaches the end of the run ({} steps): the learning rate never gets to \
                 its peak. Set train.warmup_steps = {}",
                train.warmup_steps,
                train.steps,
                train.steps / 20
            )
        })
    }
}

/// Refuses overrides that say it in both ways; `overrides` are `KEY=VALUE`.
pub(super) fn refuse_both(overrides: &[String]) -> Result<(), ConfigError> {
    let asked = |key: &str| {
        overrides.iter().filter_map(|given| given.split_once('=')).rfind(|(name, _)| name.trim() == key).map(|(_, v)| v)
    };
    match (asked(STEPS), asked(EPOCHS)) {
        (Some(_), Some(epochs)) if is_set(epochs) => Err(ConfigError::TwoLengths { at: "the command line".into() }),
        _ => Ok(()),
    }
}

/// Does this number of epochs, as it is written, say how long to train? What is no number is refused elsewhere.
pub(super) fn is_set(epochs: &str) -> bool {
    epochs.trim().parse::<f64>() != Ok(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(sets: &[&str]) -> Result<Config, ConfigError> {
        Config::default().with_overrides(&sets.iter().map(|set| set.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn epochs_become_steps_rounded_up() {
        let steps = |sets: &[&str], images| {
            let mut config = set(sets).unwrap();
            let epochs = config.count_epochs(images);
            assert_eq!(config.train.epochs, 0.0, "counted once");
            (epochs, config.train.steps)
        };
        assert_eq!(steps(&["train.epochs=10", "train.batch_size=128"], 60_000), (Some(10.0), 4688));
        assert_eq!(steps(&["train.epochs=10", "train.batch_size=100"], 60_000), (Some(10.0), 6000));
        assert_eq!(steps(&["train.epochs=0.1", "train.batch_size=64"], 64_000), (Some(0.1), 100));
        assert_eq!(steps(&["train.epochs=0.3", "train.batch_size=1"], 10), (Some(0.3), 3));
        assert_eq!(steps(&["train.epochs=0.0001"], 10), (Some(0.0001), 1));
        assert_eq!(steps(&["train.steps=7"], 60_000), (None, 7));
    }

    #[test]
    fn a_file_or_a_command_line_that_says_both_is_refused_and_the_command_line_wins_over_the_file() {
        let message = Config::from_toml("[train]\nsteps = 5\n\nepochs = 2\n", "my.toml").unwrap_err().to_string();
        assert!(message.starts_with("my.toml:4: `train.steps` and `train.epochs` are both given"), "{message}");
        // What a run folder holds.
        assert_eq!(Config::from_toml("[train]\nsteps = 5\nepochs = 0\n", "x").unwrap().train.steps, 5);
        let both = set(&["train.epochs=2", "train.steps=5"]).unwrap_err();
        assert_eq!(both, ConfigError::TwoLengths { at: "the command line".into() });
        let file = Config::from_toml("[train]\nepochs = 2\n", "x").unwrap();
        let mut by_steps = file.with_overrides(&["train.steps=9".into()]).unwrap();
        assert_eq!((by_steps.count_epochs(640), by_steps.train.steps), (None, 9));
        let file = Config::from_toml("[train]\nsteps = 9\n", "x").unwrap();
        let mut by_epochs = file.with_overrides(&["train.epochs=2".into()]).unwrap();
        assert_eq!((by_epochs.count_epochs(640), by_epochs.train.steps), (Some(2.0), 20));
    }

    #[test]
    fn the_warm_up_is_judged_once_the_steps_are_known() {
        let mut config = set(&["train.epochs=1"]).unwrap();
        config.train.steps = 1;
        assert_eq!((config.validate().unwrap(), config.warm_up_doubt()), (vec![], None));
        config.count_epochs(64 * 50);
        assert!(config.warm_up_doubt().unwrap().contains("(50 steps)"));
    }
}
