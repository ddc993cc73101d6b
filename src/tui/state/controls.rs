//! What a person has set, as far as the screen knows.

use crate::config::Config;
use crate::lab::Live;

/// The live-adjustable settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Controls {
    pub live: Live,
    /// Has a person changed the sampling? Until then, the settings of the previews are taken over.
    pub sampling_touched: bool,
    pub homes: Homes,
}

/// Values that keys step away from, and come back to by the opposite keys although they lie between two rungs. One
/// that is set otherwise is a new home.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Homes {
    /// `preview.steps` and `sample.steps`.
    pub steps: Option<(usize, usize)>,
    pub guidance: Option<f64>,
    pub budget: Option<f64>,
}

impl Controls {
    /// As the config says.
    pub fn new(config: &Config) -> Self {
        Self::of(&Live::new(config))
    }

    /// As a run has them.
    pub fn of(live: &Live) -> Self {
        Self { live: live.clone(), sampling_touched: false, homes: Homes::default() }
    }

    /// What `after` has otherwise: "guidance_scale 1.5 → 1.0, class each in turn → 3".
    pub fn told(&self, after: &Self, config: &Config, class_name: impl Fn(usize) -> String) -> String {
        let (a, b) = (self.put_into(config), after.put_into(config));
        let (old, new) = (b.changes(&a), a.changes(&b));
        let mut words: Vec<String> = new
            .iter()
            // It goes with train.learning_rate.
            .filter(|(key, _)| *key != "train.min_learning_rate")
            .map(|(key, value)| {
                let before = old.iter().find(|(other, _)| other == key).map_or("", |(_, value)| value);
                format!("{} {} → {}", short(key), plain(before), plain(value))
            })
            .collect();
        let (before, now) = (self.live.sampling.class, after.live.sampling.class);
        if before != now {
            let name = |class: Option<usize>| class.map_or("each in turn".to_owned(), &class_name);
            words.push(format!("class {} → {}", name(before), name(now)));
        }
        words.join(", ")
    }

    /// The config of a run with everything in it that was set since it began.
    pub fn put_into(&self, config: &Config) -> Config {
        let mut config = self.live.put_into(config);
        config.train.learning_rate = scaled(config.train.learning_rate, self.live.learning_rate_scale);
        config.train.min_learning_rate = scaled(config.train.min_learning_rate, self.live.learning_rate_scale);
        config
    }
}

/// The key without its table, where no other table has one by that name.
fn short(key: &str) -> &str {
    match key.split_once('.') {
        Some(("sample" | "train", name)) if !["steps", "num"].contains(&name) => name,
        _ => key,
    }
}

/// A value without the quotes that a file needs.
fn plain(value: &str) -> &str {
    value.trim_matches('"')
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
