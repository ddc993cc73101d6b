//! A trajectory whose network calls and noise can be read afterwards: the sampler's own, not a copy of it.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use super::subject::{AskedNetwork, ExplainedSubject, Followed};
use crate::diffusion::{NoiseLevel, combine};
use crate::sampling::{
    Denoiser, Guidance, NoiseSource, Prediction, SamplerSettings, SamplerUpdate, SeededNoise, Trajectory, make,
    network_denoiser, starting_noise,
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
    /// Where the network says the variance.
    pub variance_fraction: Option<Tensor>,
    /// The rule by which the sampler made x_s, with its numbers.
    pub update: Option<SamplerUpdate>,
}

/// Who answers when the followed picture's class is asked for: the network with guidance, of a run that has one.
/// Otherwise one that knows the picture and says it, and the noise that makes x_t of it.
///
/// # Errors
/// What the network reports.
pub fn denoiser(
    subject: &ExplainedSubject,
    guidance: Guidance,
    followed: &Followed,
) -> Result<Box<dyn Denoiser + Send>> {
    let Some(network) = &subject.network else { return Ok(Box::new(Knowing(followed.x_0.clone()))) };
    let class = followed.class.filter(|_| network.net.num_classes().is_some());
    let classes = class.map(|class| vec![class]);
    let guidance = if class.is_some() { guidance } else { Guidance::from(0.0) };
    network_denoiser(network.net, subject.parameterization, classes.as_deref(), guidance, subject.workers.clone())
}

/// The network without guidance, asked for these classes; one without classes is asked for none.
///
/// # Errors
/// What the network reports.
pub fn unguided(
    subject: &ExplainedSubject,
    network: &AskedNetwork,
    classes: Option<Vec<usize>>,
) -> Result<Box<dyn Denoiser + Send>> {
    let classes = classes.filter(|_| network.net.num_classes().is_some());
    let (parameterization, workers) = (subject.parameterization, subject.workers.clone());
    network_denoiser(network.net, parameterization, classes.as_deref(), Guidance::from(0.0), workers)
}

struct Knowing(Tensor);

impl Denoiser for Knowing {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let epsilon = combine(1.0 / at.sigma, x_t, -at.alpha / at.sigma, &self.0)?;
        Ok(Prediction { variance_fraction: Some(x_t.zeros_like()?), ..Prediction::new(self.0.clone(), epsilon) })
    }
}

/// The calls from the noise on to the end of the first step that begins at or below `t`, of a single sample.
///
/// # Errors
/// What sampler or network report.
pub fn calls_down_to(
    subject: &ExplainedSubject,
    denoiser: Box<dyn Denoiser + Send>,
    settings: &SamplerSettings,
    t: f64,
) -> Result<Vec<Call>> {
    let (schedule, seed) = (&subject.parameterization.schedule, subject.config.seed);
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
    let (mut calls, mut begun) = (Vec::new(), None);
    for frame in trajectory {
        let frame = frame?;
        let asked = seen.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (at, Prediction { epsilon, variance_fraction, .. }) = asked.context("a frame without a network call")?;
        let noise = drawn.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (ends, from) = frame.update.as_ref().map_or((true, at), |update| (update.ends_step(), update.from));
        let (x_s, x_0, update) = (frame.x_t, frame.x_0, frame.update);
        calls.push(Call { at, x_t, x_s: x_s.clone(), x_0, epsilon, noise, variance_fraction, update });
        let begin = *begun.get_or_insert(from.t);
        if ends {
            if begin <= t {
                break;
            }
            begun = None;
        }
        x_t = x_s;
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
