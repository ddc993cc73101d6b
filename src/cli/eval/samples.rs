//! Samples of the model, and what a measurement of them is shown beside.

use std::sync::Arc;

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::command::{Args, progress, steps};
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

/// Draws the samples, the classes in turn.
///
/// # Errors
/// What the sampler reports.
pub fn draw(args: &Args, model: &LoadedModel, workers: &Arc<Workers>) -> Result<Samples> {
    let ((h, w, c), num) = (model.image_shape, args.num as usize);
    let classes = model.net.num_classes().map(|count| run::classes_in_turn(num, count, None));
    let scale = guidance_scale(args, model);
    let (net, parameterization) = (&model.net, &model.parameterization);
    let denoiser = sampling::network_denoiser(net, parameterization, classes.as_deref(), scale, workers.clone())?;
    let steps = steps(args, model);
    let settings = SamplerSettings {
        sampler: args.sampler,
        steps,
        eta: 0.0,
        timesteps: Vec::new(),
        ..SamplerSettings::from(&model.config.sample)
    };
    if let Some(warning) = sampling::check_stability(parameterization, &settings, scale) {
        speak::warn(warning);
    }
    let noise = sampling::starting_noise(num, h, w, c, args.seed, &Device::Cpu)?;
    let trajectory = Trajectory::new(denoiser, parameterization.schedule.clone(), &settings, noise, args.seed)?;
    let bar = progress("sampling", steps as u64)?;
    let recording = run::Recording::of(trajectory, 0, |frame| {
        bar.set_length(frame.total as u64);
        bar.set_position(frame.index as u64);
    });
    bar.finish_and_clear();
    Ok(Samples { images: recording?.samples, classes })
}
