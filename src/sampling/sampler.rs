//! What a sampler is, and which one a name means.

use anyhow::{Result, ensure};
use candle_core::Tensor;

use super::{Ddim, Ddpm, NoiseSource, Prediction, levels};
use crate::config::{SampleConfig, SamplerName, TimestepSpacing};
use crate::diffusion::{NoiseLevel, Schedule};

/// How to walk from noise to an image.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplerSettings {
    pub sampler: SamplerName,
    /// Network calls, 1..=T.
    pub steps: usize,
    /// DDIM's η, 0..=1; the other samplers ignore it.
    pub eta: f64,
    pub spacing: TimestepSpacing,
    /// Clamp x̂_0 to [-1, 1] at every step.
    pub clip_sample: bool,
}

impl From<&SampleConfig> for SamplerSettings {
    fn from(config: &SampleConfig) -> Self {
        Self {
            sampler: config.sampler,
            steps: config.steps,
            eta: config.eta,
            spacing: config.spacing,
            clip_sample: config.clip_sample,
        }
    }
}

/// What one network call led to.
pub struct Step {
    /// Where the network is asked next; the sample itself at the end. `[N, H, W, C]`.
    pub x_t: Tensor,
    /// The level of that call; `None`: the sample is finished.
    pub next: Option<NoiseLevel>,
}

/// One sampler: it decides where the network is asked, and what to make of each answer. A sampler with
/// several calls a step (Heun, adaptive solvers) keeps what it needs between them.
pub trait Sampler: Send {
    /// The level of the first call.
    fn first(&self) -> NoiseLevel;

    /// Network calls of the whole trajectory. Samplers that choose their steps on the way say what they
    /// expect by now.
    fn calls(&self) -> usize;

    /// What unit noise is multiplied by to stand at the first level, where that is not
    /// [`Schedule::noise_scale`].
    fn noise_scale(&self) -> Option<f64> {
        None
    }

    /// Moves on, given the network's answer for `x_t` at the level that was asked for last.
    ///
    /// # Errors
    /// When shapes disagree or the device fails.
    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Step>;
}

/// The sampler that the settings name, on a schedule.
///
/// # Errors
/// When the steps are not in 1..=T or η not in 0..=1.
pub fn make(schedule: &Schedule, settings: &SamplerSettings) -> Result<Box<dyn Sampler>> {
    ensure!((0.0..=1.0).contains(&settings.eta), "η must lie between 0 and 1, but is {}", settings.eta);
    let levels = levels(schedule, settings.spacing, settings.steps)?;
    Ok(match settings.sampler {
        SamplerName::Ddpm => Box::new(Ddpm::new(levels, schedule.variance_type)),
        SamplerName::Ddim => Box::new(Ddim::new(levels, settings.eta)),
    })
}
