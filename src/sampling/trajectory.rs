//! The one iterator over sampling steps.

use std::iter::FusedIterator;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;

use super::{Ddim, Ddpm, Denoiser, NoiseLevel, NoiseSource, Prediction, SeededNoise, levels};
use crate::config::{SampleConfig, SamplerName, TimestepSpacing};
use crate::diffusion::Schedule;

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

/// One sampler: it decides where the network is asked, and what to make of each answer.
pub trait Sampler: Send {
    /// Where the network is asked, one level a call, from the noisiest on.
    fn levels(&self) -> &[NoiseLevel];

    /// Moves x_t on, given the network's answer at level `i`. Called once for each level, in order.
    ///
    /// # Errors
    /// When shapes disagree or the device fails.
    fn step(&mut self, i: usize, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Tensor>;

    /// The level that call `i` stands at, and the next one (the clean image after the last).
    fn between(&self, i: usize) -> (NoiseLevel, NoiseLevel) {
        let levels = self.levels();
        (levels[i], levels.get(i + 1).copied().unwrap_or(NoiseLevel::CLEAN))
    }
}

/// One frame of a trajectory.
#[derive(Clone, Debug)]
pub struct SampleFrame {
    /// 0 is the starting noise; `total` the finished sample.
    pub index: usize,
    /// Network calls of the whole trajectory.
    pub total: usize,
    /// Timestep at which x_t stands after this frame (0 at the end).
    pub t: usize,
    pub x_t: Tensor,
    /// The estimate that led here, clamped if the settings say so; the starting frame has the zero
    /// image.
    pub x_0: Tensor,
}

/// From noise to images, one network call an item. The first item is the starting noise and costs
/// nothing. After an error the iterator ends.
pub struct Trajectory {
    denoiser: Box<dyn Denoiser + Send>,
    sampler: Box<dyn Sampler>,
    noise: Box<dyn NoiseSource>,
    clip_sample: bool,
    x_t: Tensor,
    /// Index of the frame that comes next; beyond the last when finished or failed.
    next: usize,
}

impl Trajectory {
    /// A trajectory from `noise` (`[N, H, W, C]`, unit variance) with the noise of `seed` on the way.
    ///
    /// # Errors
    /// When the steps are not in 1..=T, η not in 0..=1, or the noise no batch of images.
    pub fn new(
        denoiser: Box<dyn Denoiser + Send>,
        schedule: Arc<Schedule>,
        settings: &SamplerSettings,
        noise: Tensor,
        seed: u64,
    ) -> Result<Self> {
        ensure!((0.0..=1.0).contains(&settings.eta), "η must lie between 0 and 1, but is {}", settings.eta);
        let levels = levels(&schedule, settings.spacing, settings.steps)?;
        let sampler: Box<dyn Sampler> = match settings.sampler {
            SamplerName::Ddpm => Box::new(Ddpm::new(levels)),
            SamplerName::Ddim => Box::new(Ddim::new(levels, settings.eta)),
        };
        Self::with(denoiser, sampler, Box::new(SeededNoise::new(seed)), noise, settings.clip_sample)
    }

    /// A trajectory of any sampler, with any source of noise.
    ///
    /// # Errors
    /// When the noise is no batch of images, or the sampler visits no level.
    pub fn with(
        denoiser: Box<dyn Denoiser + Send>,
        sampler: Box<dyn Sampler>,
        noise_source: Box<dyn NoiseSource>,
        noise: Tensor,
        clip_sample: bool,
    ) -> Result<Self> {
        ensure!(!sampler.levels().is_empty(), "a sampler without steps leaves the noise as it is");
        if noise.rank() != 4 || noise.elem_count() == 0 {
            bail!("the starting noise must be a batch of images [N, H, W, C], but has the shape {:?}", noise.dims());
        }
        Ok(Self { denoiser, sampler, noise: noise_source, clip_sample, x_t: noise, next: 0 })
    }

    /// Network calls of the whole trajectory.
    pub fn total(&self) -> usize {
        self.sampler.levels().len()
    }

    fn frame(&mut self, index: usize) -> Result<SampleFrame> {
        let x_0 = match index.checked_sub(1) {
            None => self.x_t.zeros_like()?,
            Some(call) => {
                let at = self.sampler.levels()[call];
                let mut prediction = self.denoiser.predict(&self.x_t, at)?;
                if self.clip_sample {
                    prediction.x_0 = prediction.x_0.clamp(-1f32, 1f32)?;
                }
                self.x_t = self.sampler.step(call, &self.x_t, &prediction, self.noise.as_mut())?;
                prediction.x_0
            }
        };
        let t = self.sampler.levels().get(index).map_or(0, |level| level.t.round() as usize);
        Ok(SampleFrame { index, total: self.total(), t, x_t: self.x_t.clone(), x_0 })
    }
}

impl Iterator for Trajectory {
    type Item = Result<SampleFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.total() {
            return None;
        }
        let frame = self.frame(self.next);
        self.next = if frame.is_ok() { self.next + 1 } else { self.total() + 1 };
        Some(frame)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // At least one more unless finished: an error ends it early.
        let left = self.total() + 1 - self.next;
        (left.min(1), Some(left))
    }
}

impl FusedIterator for Trajectory {}

/// Runs a trajectory to its end: the samples, `[N, H, W, C]`, about [-1, 1].
///
/// # Errors
/// When a step fails.
pub fn sample(trajectory: Trajectory) -> Result<Tensor> {
    let mut x_t = trajectory.x_t.clone();
    for frame in trajectory {
        x_t = frame?.x_t;
    }
    Ok(x_t)
}
