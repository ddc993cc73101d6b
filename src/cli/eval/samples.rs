//! Samples of the model, and what a measurement of them is shown beside.

use std::sync::Arc;

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::args::{Args, steps};
use super::progress::progress;
use crate::cli::sampling_precision::net_in;
use crate::config::{Precision, SampleConfig};
use crate::eval::Estimate;
use crate::kernels::Workers;
use crate::run::{self, LoadedModel};
use crate::sampling::{self, SamplerSettings, Trajectory};
use crate::speak;

/// Samples of the model.
pub struct Samples {
    /// `[N, H, W, C]`.
    pub images: Tensor,
    /// The classes asked for; `None`: unconditional.
    pub classes: Option<Vec<usize>>,
}

/// A measurement beside the same of real data in the samples' place: as good as it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WithFloor {
    pub samples: Estimate,
    pub floor: Option<Estimate>,
}

/// w, where the run has no say: a network without classes takes none.
pub fn guidance_scale(args: &Args, model: &LoadedModel) -> f64 {
    let own = if model.net.num_classes().is_some() { model.config.sample.guidance_scale } else { 0.0 };
    args.guidance_scale.unwrap_or(own)
}

/// How the samples are drawn: as the run does, but by the flags.
pub fn sample_config(args: &Args, model: &LoadedModel) -> SampleConfig {
    SampleConfig {
        sampler: args.sampler(),
        steps: steps(args, model),
        eta: 0.0,
        timesteps: Vec::new(),
        precision: args.precision.unwrap_or(model.config.sample.precision),
        ..model.config.sample.clone()
    }
}

/// Draws the samples, the classes in turn, with a network that multiplies in `precision`.
///
/// # Errors
/// What the sampler reports.
pub fn draw(args: &Args, model: &LoadedModel, precision: Precision, workers: &Arc<Workers>) -> Result<Samples> {
    let ((h, w, c), num) = (model.sample_shape, args.num() as usize);
    let classes = model.net.num_classes().map(|count| run::classes_in_turn(num, count, None));
    let scale = guidance_scale(args, model);
    let config = sample_config(args, model);
    let (net, parameterization) = (&net_in(model, precision)?, &model.parameterization);
    let (steps, settings) = (config.steps, SamplerSettings::from(&config));
    if let Some(warning) = sampling::check_stability(parameterization, &settings, scale) {
        speak::warn(warning);
    }
    let noise = sampling::starting_noise(num, h, w, c, args.seed, &Device::Cpu)?;
    let most = at_once(h * w);
    let batches = num.div_ceil(most);
    let bar = progress("sampling", (batches * steps) as u64)?;
    let mut images = Vec::with_capacity(batches);
    for (batch, first) in (0..num).step_by(most).enumerate() {
        let count = most.min(num - first);
        let of_batch = classes.as_ref().map(|classes| &classes[first..first + count]);
        let denoiser = sampling::network_denoiser(net, parameterization, of_batch, scale, workers.clone())?;
        let noise = noise.narrow(0, first, count)?;
        // Samplers that draw noise on their way draw other noise for each batch.
        let seed = args.seed.wrapping_add(batch as u64);
        let trajectory = Trajectory::new(denoiser, parameterization.schedule.clone(), &settings, noise, seed)?;
        let recording = run::Recording::of(trajectory.in_latents(model.latents.as_ref()), 0, |frame| {
            bar.set_length((batches * frame.total) as u64);
            bar.set_position((batch * frame.total + frame.index) as u64);
        });
        images.push(recording?.samples);
    }
    bar.finish_and_clear();
    Ok(Samples { images: Tensor::cat(&images, 0)?, classes })
}

/// Samples of `pixels` pixels that are drawn at once: what a network keeps of them stays within some GiB.
fn at_once(pixels: usize) -> usize {
    ((1_usize << 20) / pixels.max(1)).clamp(16, 4096)
}
