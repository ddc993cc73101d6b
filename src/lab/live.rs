//! What a person has set while the run goes on, beside its config; a checkpoint keeps it.

use super::sampling_settings::{SamplingSettings, check_sampling};
use crate::config::Config;
use crate::diffusion::Schedule;
use crate::run::checkpoint::LiveSettings;

/// The settings that commands change.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    pub sampling: SamplingSettings,
    /// Factor on the learning-rate schedule.
    pub learning_rate_scale: f64,
    /// Are previews drawn?
    pub previews: bool,
    /// Largest share of the time for previews, 0 to 1.
    pub preview_budget: f64,
}

impl Live {
    /// As the config says.
    pub fn new(config: &Config) -> Self {
        Self {
            sampling: SamplingSettings::new(config),
            learning_rate_scale: 1.0,
            previews: config.preview.enabled,
            preview_budget: config.preview.budget,
        }
    }

    /// The config with everything in it that has a key and is no part of training.
    pub fn put_into(&self, config: &Config) -> Config {
        let mut config = config.clone();
        self.sampling.write_to(&mut config);
        config.preview.enabled = self.previews;
        config.preview.budget = self.preview_budget;
        config
    }

    /// What differs from a run's config, as a checkpoint keeps it.
    pub fn record(&self, config: &Config) -> LiveSettings {
        LiveSettings { keys: self.changed(config), class: self.sampling.class }
    }

    /// What a checkpoint has kept of a run with the config `before`, for one that goes on with `config`. Keys that
    /// were given another value since then stay as they are in `config`. Beside it, what can't be taken over.
    pub fn restored(
        (before, config): (&Config, &Config),
        kept: &LiveSettings,
        learning_rate_scale: f64,
        (schedule, classes): (&Schedule, &[String]),
    ) -> (Self, Option<String>) {
        let plain = Self { learning_rate_scale, ..Self::new(config) };
        let changed_since = before.changes(config);
        let is_still_meant = |set: &&String| {
            let key = set.split('=').next().unwrap_or_default();
            changed_since.iter().all(|(changed, _)| *changed != key)
        };
        let sets: Vec<String> = kept.keys.iter().filter(is_still_meant).cloned().collect();
        let with_them = config.clone().with_overrides(&sets).and_then(|config| {
            check_sampling(&config.sample, schedule, classes)?;
            Ok(config)
        });
        match with_them {
            Ok(config) => {
                let class = kept.class.filter(|&class| class < classes.len());
                let sampling = SamplingSettings { class, ..SamplingSettings::new(&config) };
                (Self { sampling, learning_rate_scale, ..Self::new(&config) }, None)
            }
            Err(error) => {
                let what =
                    format!("what was set while the run went on ({}) is not taken over: {error}", sets.join(", "));
                (plain, Some(what))
            }
        }
    }

    /// What differs from the config, in words: "sample.spacing = \"karras\", class 3, learning rate 0.002 (0.5 × the configured 0.004)".
    pub fn words(&self, config: &Config, classes: &[String]) -> Option<String> {
        let mut words: Vec<String> = self.changed(config).iter().map(|set| set.replacen('=', " = ", 1)).collect();
        if let Some(class) = self.sampling.class {
            words.push(classes.get(class).map_or_else(|| format!("class {class}"), |name| format!("class {name}")));
        }
        if self.learning_rate_scale != 1.0 {
            words.push(self.learning_rate_words(config));
        }
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// "learning rate 0.1 (25 × the configured 0.004)".
    pub fn learning_rate_words(&self, config: &Config) -> String {
        let (rate, scale) = (config.train.learning_rate, self.learning_rate_scale);
        // Without the last digits that a product may get wrong.
        let round = |value: f64| format!("{value:.3e}").parse().unwrap_or(value);
        match scale {
            1.0 => format!("learning rate {rate}, as configured"),
            _ => format!("learning rate {} ({} × the configured {rate})", round(rate * scale), round(scale)),
        }
    }

    fn changed(&self, config: &Config) -> Vec<String> {
        let changes = Self::new(config).put_into(config).changes(&self.put_into(config));
        changes.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TimestepSpacing;

    fn classes() -> Vec<String> {
        (0..10).map(|class| class.to_string()).collect()
    }

    fn restored(before: &Config, config: &Config, kept: &LiveSettings) -> (Live, Option<String>) {
        let schedule = Schedule::from_config(&config.diffusion).unwrap();
        Live::restored((before, config), kept, 0.5, (&schedule, &classes()))
    }

    fn set_by_a_person(config: &Config) -> Live {
        let mut live = Live { learning_rate_scale: 0.5, previews: false, preview_budget: 0.4, ..Live::new(config) };
        live.sampling.sample.spacing = TimestepSpacing::Karras;
        live.sampling.sample.timesteps = vec![900.0, 500.5, 0.0];
        live.sampling.sample.guidance_scale = 3.0;
        (live.sampling.steps, live.sampling.class) = (40, Some(3));
        live
    }

    #[test]
    fn what_was_set_comes_back_from_what_a_checkpoint_keeps() {
        let mut config = Config::default();
        config.model.class_conditional = true;
        let live = set_by_a_person(&config);
        let (back, problem) = restored(&config, &config, &live.record(&config));
        assert_eq!((back, problem), (live, None));
        assert_eq!(Live::new(&config).record(&config), LiveSettings::default());
        assert_eq!(Live::new(&config).words(&config, &classes()), None);
    }

    #[test]
    fn a_key_that_the_resume_sets_is_the_resumes() {
        let before = Config {
            model: crate::config::ModelConfig { class_conditional: true, ..Config::default().model },
            ..Config::default()
        };
        let kept = set_by_a_person(&before).record(&before);
        let config = before.clone().with_overrides(&["sample.guidance_scale=7".into()]).unwrap();
        let (back, _) = restored(&before, &config, &kept);
        assert_eq!(back.sampling.sample.guidance_scale, 7.0);
        assert_eq!(back.sampling.sample.spacing, TimestepSpacing::Karras);
        let told = back.words(&config, &classes()).unwrap();
        assert!(
            !told.contains("guidance") && told.contains("class 3, learning rate ") && told.contains("(0.5 × the"),
            "{told}"
        );
    }

    #[test]
    fn what_cannot_be_taken_over_is_said_and_nothing_of_it_is() {
        let config = Config::default();
        let kept = LiveSettings { keys: vec!["sample.sampler=\"flow_heun\"".into()], class: Some(99) };
        let (back, problem) = restored(&config, &config, &kept);
        assert_eq!(back, Live { learning_rate_scale: 0.5, ..Live::new(&config) });
        let problem = problem.unwrap();
        assert!(problem.contains("flow_heun") && problem.contains("not taken over"), "{problem}");
    }
}
