//! What a person has set, as far as the screen knows.

use crate::config::Config;
use crate::lab::SamplingSettings;

/// The live-adjustable settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Controls {
    pub sampling: SamplingSettings,
    /// Has a person changed the sampling? Until then, the settings of the previews are taken over.
    pub sampling_touched: bool,
    /// Factor on the learning-rate schedule.
    pub learning_rate_scale: f64,
    pub preview_enabled: bool,
    /// Largest share of the time for previews, 0 to 1.
    pub preview_budget: f64,
}

impl Controls {
    /// As the config says.
    pub fn new(config: &Config) -> Self {
        Self {
            sampling: SamplingSettings {
                sampler: config.sample.sampler,
                steps: config.preview.steps,
                eta: config.sample.eta,
                guidance_scale: if config.model.class_conditional { config.sample.guidance_scale } else { 0.0 },
                class: None,
            },
            sampling_touched: false,
            learning_rate_scale: 1.0,
            preview_enabled: config.preview.enabled,
            preview_budget: config.preview.budget,
        }
    }
}
