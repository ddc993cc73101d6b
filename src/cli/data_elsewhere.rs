//! `--set data.…` of commands that take a run as it is: its data, where they lie now.

use crate::config::{Config, ConfigError};

/// What such a setting looks like.
pub const EXAMPLE: &str = "data.path=IMAGES";

/// The run's config with other data.
///
/// # Errors
/// A key that is none of `[data]`, and what the config refuses.
pub fn with_data(config: &Config, overrides: &[String]) -> Result<Config, ConfigError> {
    for given in overrides {
        if !given.split('=').next().unwrap_or_default().trim().starts_with("data.") {
            let problem = "only where the data lie, and what of them, can be set here: the keys of [data]".to_string();
            return Err(ConfigError::Override { given: given.clone(), problem, example: EXAMPLE });
        }
    }
    config.clone().with_overrides(overrides).map_err(|error| error.with_example(EXAMPLE))
}
