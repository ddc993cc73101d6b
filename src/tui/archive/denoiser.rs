//! One pane of samples on its way from noise to images.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use candle_core::{Device, Tensor};

use super::protocol::SamplePane;
use crate::kernels::Workers;
use crate::lab::{Field, PreviewFrame, SamplingSettings};
use crate::picture::{is_points, reach};
use crate::run::{LoadedModel, classes_in_turn};
use crate::sampling::{Guidance, SamplerSettings, Trajectory, network_denoiser, starting_noise};

/// Points in a plot, whatever the runs' own numbers are: the noise has to be the same.
const POINTS: usize = 400;

/// A pane's samples.
pub struct Denoised {
    /// Which pane.
    pub pane: usize,
    /// Height, width, channels.
    pub shape: (usize, usize, usize),
    trajectory: Trajectory,
    classes: Vec<usize>,
    settings: Arc<SamplingSettings>,
    step: u64,
    number: u64,
    num: usize,
}

impl Denoised {
    /// Begins with the noise of `seed`. `number` is the film's.
    ///
    /// # Errors
    /// When this network can't be sampled so.
    pub fn begin(
        (pane, asked): (usize, &SamplePane),
        model: &LoadedModel,
        (seed, num, number): (u64, usize, u64),
        workers: &Arc<Workers>,
    ) -> Result<Self> {
        let settings = match &asked.settings {
            Some(settings) => settings.clone(),
            None => Arc::new(SamplingSettings::new(&model.config)),
        };
        let num = if is_points(model.image_shape) { POINTS } else { num };
        let classes = model.net.num_classes().map(|count| classes_in_turn(num, count, settings.class));
        let sample = settings.of_preview();
        let guidance = Guidance::from_config(&sample, sample.guidance_scale, &model.classes);
        let denoiser = network_denoiser(
            &model.net,
            &model.parameterization,
            classes.as_deref(),
            guidance.map_err(|problem| anyhow!(problem))?,
            workers.clone(),
        )?;
        let (height, width, channels) = model.sample_shape;
        let noise = starting_noise(num, height, width, channels, seed, &Device::Cpu)?;
        let schedule = model.parameterization.schedule.clone();
        let trajectory = Trajectory::new(denoiser, schedule, &SamplerSettings::from(&sample), noise, seed)?;
        let trajectory = trajectory.in_latents(model.latents.as_ref());
        let shape = model.image_shape;
        let classes = classes.unwrap_or_default();
        Ok(Self { pane, shape, trajectory, classes, settings, step: model.step, number, num })
    }

    /// The next frame, after one network call; `None` after the last.
    ///
    /// # Errors
    /// When the network fails.
    pub fn advance(&mut self) -> Result<Option<PreviewFrame>> {
        let Some(frame) = self.trajectory.next() else { return Ok(None) };
        let frame = frame.context("sampling")?;
        let (x_t, x_0) = (pixels(&frame.picture_of_x_t()?)?, pixels(&frame.picture_of_x_0()?)?);
        // The field itself is the business of the run that trains.
        let field = is_points(self.shape)
            .then(|| Arc::new(Field { side: 0, reach: reach(&x_0) as f32, score: Vec::new(), velocity: Vec::new() }));
        Ok(Some(PreviewFrame {
            trajectory: self.number,
            index: frame.index,
            total: frame.total,
            t: frame.t,
            step: self.step,
            x_t: Arc::new(x_t),
            x_0: Arc::new(x_0),
            num: self.num,
            classes: self.classes.clone(),
            settings: self.settings.clone(),
            field,
            look: None,
        }))
    }
}

fn pixels(x: &Tensor) -> Result<Vec<f32>> {
    Ok(x.flatten_all()?.to_vec1()?)
}
