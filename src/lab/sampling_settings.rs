//! How previews and snapshots are drawn, as it can be changed while the run goes on.

use crate::config::{Config, ConfigError, SampleConfig};
use crate::diffusion::Schedule;
use crate::sampling::{Guidance, check_sampler};

/// The live-adjustable settings of previews and snapshots.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingSettings {
    /// Every key of `[sample]` as it is set now; `steps` and `num` are those of snapshots. An unconditional
    /// network has guidance scale 0.
    pub sample: SampleConfig,
    /// Steps of a preview, in place of `sample.steps`.
    pub steps: usize,
    /// One class for all images, or `None`: each class in turn (unlabelled when unconditional).
    pub class: Option<usize>,
}

impl SamplingSettings {
    /// What a run starts sampling with.
    pub fn new(config: &Config) -> Self {
        let most = config.diffusion.timesteps.max(1);
        let mut sample = config.sample.clone();
        sample.steps = sample.steps.clamp(1, most);
        if !config.model.class_conditional {
            sample.guidance_scale = 0.0;
        }
        Self { sample, steps: config.preview.steps.clamp(1, most), class: None }
    }

    /// What a preview is drawn with.
    pub fn of_preview(&self) -> SampleConfig {
        SampleConfig { steps: self.steps, ..self.sample.clone() }
    }

    /// Steps that a preview takes: those of the list of timesteps, where there is one.
    pub fn preview_steps(&self) -> usize {
        if self.sample.timesteps.is_empty() { self.steps } else { self.sample.timesteps.len() }
    }

    /// Puts them where a config has them. The class is no key.
    pub fn write_to(&self, config: &mut Config) {
        config.sample = self.sample.clone();
        config.preview.steps = self.steps;
    }

    /// What `after` has otherwise: "sample.spacing = \"karras\", class 3".
    pub fn changes(&self, after: &Self) -> String {
        let config = |settings: &Self| {
            let mut config = Config::default();
            settings.write_to(&mut config);
            config
        };
        let changes = config(self).changes(&config(after));
        let mut words: Vec<String> = changes.into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
        if self.class != after.class {
            words.push(after.class.map_or("each class in turn".into(), |class| format!("class {class}")));
        }
        if words.is_empty() {
            format!("sampling as before: {} in {} steps", self.sample.sampler.name(), self.preview_steps())
        } else {
            words.join(", ")
        }
    }
}

/// Can a run with this schedule and these classes sample like that? Everything that
/// [`Config::validate`](crate::config::Config::validate) cannot tell without them.
///
/// # Errors
/// [`ConfigError::Impossible`] for a sampler that cannot walk the path, and for a negative class that is none of
/// the classes.
pub fn check_sampling(sample: &SampleConfig, schedule: &Schedule, classes: &[String]) -> Result<(), ConfigError> {
    let impossible = |key: &str, value: &str, problem: String| ConfigError::Impossible {
        key: key.into(),
        value: format!("{value:?}"),
        problem,
    };
    check_sampler(sample.sampler, schedule)
        .map_err(|problem| impossible("sample.sampler", sample.sampler.name(), problem))?;
    Guidance::from_config(sample, sample.guidance_scale, classes)
        .map_err(|problem| impossible("sample.negative_class", &sample.negative_class, problem))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SamplerName, TimestepSpacing};

    #[test]
    fn changes_are_told_as_keys_and_the_class_in_words() {
        let before = SamplingSettings::new(&Config::default());
        assert!(before.changes(&before).starts_with("sampling as before: "));
        let mut after = before.clone();
        (after.steps, after.class) = (40, Some(3));
        after.sample.spacing = TimestepSpacing::Karras;
        assert_eq!(before.changes(&after), "preview.steps = 40, sample.spacing = \"karras\", class 3");
        assert_eq!(after.changes(&before).rsplit(", ").next(), Some("each class in turn"));
    }

    #[test]
    fn steps_are_the_previews_own_and_never_more_than_there_are() {
        let mut config = Config::default();
        config.diffusion.timesteps = 30;
        let settings = SamplingSettings::new(&config);
        assert_eq!((settings.steps, settings.sample.steps), (25, 30));
        assert_eq!(settings.of_preview().steps, 25);
        let listed = SampleConfig { timesteps: vec![29.0, 10.0, 0.0], ..settings.sample.clone() };
        assert_eq!(SamplingSettings { sample: listed, ..settings }.preview_steps(), 3);
    }

    #[test]
    fn what_needs_the_schedule_or_the_classes_is_refused_by_its_key() {
        let config = Config::default();
        let schedule = Schedule::from_config(&config.diffusion).unwrap();
        let refused = |sample: &SampleConfig| {
            check_sampling(sample, &schedule, &["cat".into(), "dog".into()]).unwrap_err().to_string()
        };
        let flow = SampleConfig { sampler: SamplerName::FlowHeun, ..config.sample.clone() };
        assert!(refused(&flow).starts_with("`sample.sampler = \"flow_heun\"` is impossible"), "{}", refused(&flow));
        let cow = SampleConfig { negative_class: "cow".into(), ..config.sample.clone() };
        assert!(refused(&cow).contains("sample.negative_class") && refused(&cow).contains("cat, dog"));
        let dog = SampleConfig { negative_class: "Dog".into(), ..config.sample };
        assert!(check_sampling(&dog, &schedule, &["cat".into(), "dog".into()]).is_ok());
    }
}
