//! The one iterator over sampling steps.

use std::iter::FusedIterator;
use std::sync::Arc;

use anyhow::{Result, bail};
use candle_core::Tensor;

use super::{Clamp, Denoiser, NoiseSource, Sampler, SamplerSettings, SamplerUpdate, SeededNoise, Step, make};
use crate::diffusion::{NoiseLevel, Schedule};
use crate::nn::autoencoder::LatentSpace;
use crate::process::interrupt;

/// One frame of a trajectory.
#[derive(Clone, Debug)]
pub struct SampleFrame {
    /// 0 is the starting noise; `total` the finished sample.
    pub index: usize,
    /// Network calls of the whole trajectory; of an adaptive sampler what it expects by now, and the true
    /// number in the last frame.
    pub total: usize,
    /// Timestep at which x_t stands after this frame (0 at the end).
    pub t: usize,
    pub x_t: Tensor,
    /// The estimate that led here, clamped if the settings say so; the starting frame has the zero
    /// image.
    pub x_0: Tensor,
    /// The rule that led here; the starting frame has none.
    pub update: Option<SamplerUpdate>,
    /// What decodes both where they are latents.
    pub latents: Option<LatentSpace>,
}

impl SampleFrame {
    /// x_t as a batch of pictures.
    ///
    /// # Errors
    /// When latents can't be decoded.
    pub fn picture_of_x_t(&self) -> Result<Tensor> {
        pictures(&self.latents, &self.x_t)
    }

    /// x̂_0 as a batch of pictures.
    ///
    /// # Errors
    /// As [`Self::picture_of_x_t`].
    pub fn picture_of_x_0(&self) -> Result<Tensor> {
        pictures(&self.latents, &self.x_0)
    }
}

fn pictures(latents: &Option<LatentSpace>, x: &Tensor) -> Result<Tensor> {
    latents.as_ref().map_or_else(|| Ok(x.clone()), |latents| latents.decode(x))
}

/// From noise to images, one network call an item. The first item is the starting noise and costs
/// nothing. After an error the iterator ends.
pub struct Trajectory {
    denoiser: Box<dyn Denoiser + Send>,
    sampler: Box<dyn Sampler>,
    noise: Box<dyn NoiseSource>,
    clamp: Clamp,
    x_t: Tensor,
    /// Where the network is asked next; `None` when finished or failed.
    at: Option<NoiseLevel>,
    /// Frames given out.
    given: usize,
    latents: Option<LatentSpace>,
}

impl Trajectory {
    /// A trajectory from `noise` (`[N, H, W, C]`, unit variance; it is scaled as the path starts) with
    /// the noise of `seed` on the way.
    ///
    /// # Errors
    /// When the settings are impossible on this schedule, or the noise no batch of images.
    pub fn new(
        denoiser: Box<dyn Denoiser + Send>,
        schedule: Arc<Schedule>,
        settings: &SamplerSettings,
        noise: Tensor,
        seed: u64,
    ) -> Result<Self> {
        let sampler = make(&schedule, settings)?;
        let scale = sampler.noise_scale().unwrap_or_else(|| schedule.noise_scale(sampler.first()));
        let start = if scale == 1.0 { noise } else { (noise * scale)? };
        Self::with(denoiser, sampler, Box::new(SeededNoise::new(seed)), start, settings.clamp())
    }

    /// A trajectory of any sampler from `start` (`[N, H, W, C]`, standing at the sampler's first level),
    /// with any source of noise. `clamp` bounds x̂_0 where the sampler allows it; `true` is a clamp to [-1, 1].
    ///
    /// # Errors
    /// When `start` is no batch of images, or the clamp impossible.
    pub fn with(
        denoiser: Box<dyn Denoiser + Send>,
        sampler: Box<dyn Sampler>,
        noise: Box<dyn NoiseSource>,
        start: Tensor,
        clamp: impl Into<Clamp>,
    ) -> Result<Self> {
        if start.rank() != 4 || start.elem_count() == 0 {
            bail!("the starting noise must be a batch of images [N, H, W, C], but has the shape {:?}", start.dims());
        }
        let at = Some(sampler.first());
        let clamp = match clamp.into() {
            Clamp::Range(_) if !sampler.clips() => Clamp::None,
            Clamp::Dynamic { .. } if !sampler.thresholds() => Clamp::None,
            clamp => clamp,
        };
        clamp.check()?;
        Ok(Self { denoiser, sampler, noise, clamp, x_t: start, at, given: 0, latents: None })
    }

    /// The same in the latents of an autoencoder, if one is given: its frames can be shown as pictures.
    pub fn in_latents(self, latents: Option<&LatentSpace>) -> Self {
        Self { latents: latents.cloned(), ..self }
    }

    /// Network calls of the whole trajectory, as far as the sampler knows by now.
    pub fn total(&self) -> usize {
        match self.at {
            Some(_) => self.sampler.calls().max(self.given),
            None => self.given.saturating_sub(1),
        }
    }

    /// One network call, unless the work was interrupted; returns x̂_0, and the rule of the step.
    fn call(&mut self, at: NoiseLevel) -> Result<(Tensor, Option<SamplerUpdate>)> {
        interrupt::check()?;
        let mut prediction = self.denoiser.predict(&self.x_t, at)?;
        prediction.x_0 = self.clamp.apply(prediction.x_0)?;
        let Step { x_t, next, update } = self.sampler.step(&self.x_t, &prediction, self.noise.as_mut())?;
        self.x_t = x_t;
        self.at = next;
        Ok((prediction.x_0, update))
    }

    fn frame(&mut self, (x_0, update): (Tensor, Option<SamplerUpdate>)) -> SampleFrame {
        let index = self.given;
        self.given += 1;
        // Rounding up to 0 what continuous paths have below their first tick.
        let t = self.at.map_or(0, |at| at.t.round().max(0.0) as usize);
        SampleFrame { index, total: self.total(), t, x_t: self.x_t.clone(), x_0, update, latents: self.latents.clone() }
    }
}

impl Iterator for Trajectory {
    type Item = Result<SampleFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at?;
        let led = match self.given {
            0 => self.x_t.zeros_like().map(|x_0| (x_0, None)).map_err(Into::into),
            _ => self.call(at),
        };
        if led.is_err() {
            self.at = None;
        }
        Some(led.map(|led| self.frame(led)))
    }
}

impl FusedIterator for Trajectory {}

/// Runs a trajectory to its end: the samples, `[N, H, W, C]`, about [-1, 1]; where they are latents, decoded.
///
/// # Errors
/// When a step fails.
pub fn sample(trajectory: Trajectory) -> Result<Tensor> {
    let (latents, mut x_t) = (trajectory.latents.clone(), trajectory.x_t.clone());
    for frame in trajectory {
        x_t = frame?.x_t;
    }
    pictures(&latents, &x_t)
}
