//! A trajectory whose network calls and noise can be read afterwards: the sampler's own, not a copy of it.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use super::subject::{AskedNetwork, ExplainedSubject};
use crate::diffusion::NoiseLevel;
use crate::sampling::{
    Denoiser, Guidance, NoiseSource, Prediction, SamplerSettings, SeededNoise, Trajectory, make, network_denoiser,
    starting_noise,
};

/// One network call of a trajectory, and where it led.
#[derive(Clone)]
pub struct Call {
    pub at: NoiseLevel,
    /// `[1, H, W, C]`, before and after.
    pub x_t: Tensor,
    pub x_s: Tensor,
    /// x̂_0 as the sampler saw it, clamped where the settings say so; ε̂ as the network said it.
    pub x_0: Tensor,
    pub epsilon: Tensor,
    /// The unit noise that the sampler drew.
    pub noise: Option<Tensor>,
}

/// The calls from the noise on until one begins at or below `t`, of a single sample. `class`: what is asked for.
///
/// # Errors
/// What sampler or network report.
pub fn calls_down_to(
    subject: &ExplainedSubject,
    network: &AskedNetwork,
    settings: &SamplerSettings,
    guidance: Guidance,
    class: Option<usize>,
    t: f64,
) -> Result<Vec<Call>> {
    let (parameterization, seed) = (subject.parameterization, subject.config.seed);
    let schedule = &parameterization.schedule;
    let class = class.filter(|_| network.net.num_classes().is_some());
    let classes = class.map(|class| vec![class]);
    let guidance = if class.is_some() { guidance } else { Guidance::from(0.0) };
    let denoiser =
        network_denoiser(network.net, parameterization, classes.as_deref(), guidance, subject.workers.clone())?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let drawn = Arc::new(Mutex::new(None));
    let sampler = make(schedule, settings)?;
    let scale = sampler.noise_scale().unwrap_or_else(|| schedule.noise_scale(sampler.first()));
    let (h, w, c) = (subject.data.height, subject.data.width, subject.data.channels);
    let start = (starting_noise(1, h, w, c, seed, &Device::Cpu)? * scale)?;
    let watched = Watched { denoiser, seen: seen.clone() };
    let noise = WatchedNoise { source: SeededNoise::new(seed), drawn: drawn.clone() };
    let mut trajectory = Trajectory::with(Box::new(watched), sampler, Box::new(noise), start, settings.clamp())?;
    let mut x_t = trajectory.next().context("a trajectory begins with its noise")??.x_t;
    let mut calls = Vec::new();
    for frame in trajectory {
        let frame = frame?;
        let asked = seen.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (at, Prediction { epsilon, .. }) = asked.context("a frame without a network call")?;
        let noise = drawn.lock().unwrap_or_else(PoisonError::into_inner).take();
        calls.push(Call { at, x_t, x_s: frame.x_t.clone(), x_0: frame.x_0, epsilon, noise });
        if at.t <= t {
            break;
        }
        x_t = frame.x_t;
    }
    Ok(calls)
}

struct Watched {
    denoiser: Box<dyn Denoiser + Send>,
    seen: Arc<Mutex<Vec<(NoiseLevel, Prediction)>>>,
}

impl Denoiser for Watched {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let prediction = self.denoiser.predict(x_t, at)?;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push((at, prediction.clone()));
        Ok(prediction)
    }
}

struct WatchedNoise {
    source: SeededNoise,
    drawn: Arc<Mutex<Option<Tensor>>>,
}

impl NoiseSource for WatchedNoise {
    fn like(&mut self, x: &Tensor) -> Result<Tensor> {
        let noise = self.source.like(x)?;
        *self.drawn.lock().unwrap_or_else(PoisonError::into_inner) = Some(noise.clone());
        Ok(noise)
    }
}
