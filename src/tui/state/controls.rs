//! What a person has set, as far as the screen knows.

use crate::config::Config;
use crate::lab::Live;

/// The live-adjustable settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Controls {
    pub live: Live,
    /// Has a person changed the sampling? Until then, the settings of the previews are taken over.
    pub sampling_touched: bool,
}

impl Controls {
    /// As the config says.
    pub fn new(config: &Config) -> Self {
        Self::of(&Live::new(config))
    }

    /// As a run has them.
    pub fn of(live: &Live) -> Self {
        Self { live: live.clone(), sampling_touched: false }
    }

    /// The config of a run with everything in it that was set since it began.
    pub fn put_into(&self, config: &Config) -> Config {
        let mut config = self.live.put_into(config);
        config.train.learning_rate = scaled(config.train.learning_rate, self.live.learning_rate_scale);
        config.train.min_learning_rate = scaled(config.train.min_learning_rate, self.live.learning_rate_scale);
        config
    }
}

/// A learning rate times a factor, without the last digits that the product may get wrong.
fn scaled(rate: f64, scale: f64) -> f64 {
    let product = rate * scale;
    if scale == 1.0 { rate } else { format!("{product:.12e}").parse().unwrap_or(product) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_stands_in_the_config_and_nothing_else_changes() {
        let config = Config::default();
        let mut controls = Controls::new(&config);
        assert_eq!(controls.put_into(&config), config);
        controls.live.learning_rate_scale = 1e-4 / config.train.learning_rate;
        controls.live.previews = false;
        controls.live.sampling.sample.rho = 5.0;
        controls.live.sampling.steps = 10;
        let changed = config.changes(&controls.put_into(&config));
        let keys = ["train.learning_rate", "train.min_learning_rate", "preview.enabled", "preview.steps", "sample.rho"];
        assert_eq!(changed.iter().map(|(key, _)| *key).collect::<Vec<_>>(), keys);
        assert_eq!(changed[0].1, "0.0001");
    }
}
