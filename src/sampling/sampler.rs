//! What a sampler is, and which one a name means.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;

use super::respacing::starting_scale;
use super::{
    Ddim, Ddpm, Dpmpp2m, Dpmpp2mSde, Dpmpp3m, Edm, Euler, EulerAncestral, Flow, FlowRule, Heun, NoiseSource,
    Prediction, PredictorCorrector, ProbabilityFlow, Tolerance, UniPc, check_sampler, levels,
};
use crate::config::{PathName, SampleConfig, SamplerName, TimestepSpacing};
use crate::diffusion::{NoiseLevel, Schedule};

/// How to walk from noise to an image.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplerSettings {
    pub sampler: SamplerName,
    /// Steps, 1..=T; one network call each but for the samplers that say otherwise; pf_ode ignores it.
    pub steps: usize,
    /// DDIM's η, 0..=1; the other samplers ignore it.
    pub eta: f64,
    pub spacing: TimestepSpacing,
    /// Added to the timesteps of spacing leading on path vp.
    pub steps_offset: usize,
    /// Sampler ddim on path vp ends at the clean image, not at the level of t = 0.
    pub set_alpha_to_one: bool,
    /// Sampler ddim on path vp leads ⌊T/n⌋ timesteps down with each step, not to the next level.
    pub equal_strides: bool,
    /// ρ of spacing karras, above 0.
    pub rho: f64,
    /// The timesteps to visit, falling within 0..T, in place of steps and spacing; empty: by those.
    pub timesteps: Vec<f64>,
    pub churn: Churn,
    /// Begin at the first level that is no noisier than this t/T, above 0 to 1 (the whole way).
    pub strength: f64,
    /// Clamp x̂_0 to [-1, 1] at every step.
    pub clip_sample: bool,
    /// pf_ode's tolerances, above 0.
    pub rtol: f64,
    pub atol: f64,
    /// pc's r, above 0, and its Langevin steps a level.
    pub corrector_snr: f64,
    pub corrector_steps: usize,
}

/// Noise that sampler edm adds on its way (Karras et al. 2022, algorithm 2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Churn {
    /// S_churn: how much in the whole trajectory, 0 or more; 0: none.
    pub s_churn: f64,
    /// S_tmin: the least σ/α at which it is added.
    pub s_tmin: f64,
    /// S_tmax: the largest; infinite without limit.
    pub s_tmax: f64,
    /// S_noise: its standard deviation.
    pub s_noise: f64,
}

impl From<&SampleConfig> for SamplerSettings {
    fn from(config: &SampleConfig) -> Self {
        Self {
            sampler: config.sampler,
            steps: config.steps,
            eta: config.eta,
            spacing: config.spacing,
            steps_offset: config.steps_offset,
            set_alpha_to_one: config.set_alpha_to_one,
            equal_strides: config.equal_strides,
            rho: config.rho,
            timesteps: config.timesteps.clone(),
            churn: Churn {
                s_churn: config.s_churn,
                s_tmin: config.s_tmin,
                s_tmax: if config.s_tmax == 0.0 { f64::INFINITY } else { config.s_tmax },
                s_noise: config.s_noise,
            },
            strength: 1.0,
            clip_sample: config.clip_sample,
            rtol: config.rtol,
            atol: config.atol,
            corrector_snr: config.corrector_snr,
            corrector_steps: config.corrector_steps,
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
    /// The levels that it was given, at least one, the noisiest first. Those that choose their steps on the way
    /// are given the first alone.
    fn levels(&self) -> &[NoiseLevel];

    /// The level of the first call.
    fn first(&self) -> NoiseLevel {
        self.levels()[0]
    }

    /// Network calls of the whole trajectory: one at each level, unless the sampler says otherwise. Samplers
    /// that choose their steps on the way say what they expect by now.
    fn calls(&self) -> usize {
        self.levels().len()
    }

    /// What unit noise is multiplied by to stand at the first level, where that is not
    /// [`Schedule::noise_scale`].
    fn noise_scale(&self) -> Option<f64> {
        None
    }

    /// Does it look at x̂_0 clamped, where the settings ask for that? Those that diffusers never clamps
    /// don't.
    fn clips(&self) -> bool {
        true
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
/// When the sampler can't walk this path ([`check_sampler`]), η is not in 0..=1, a number of edm, pf_ode or pc is
/// not possible, or as [`levels`].
pub fn make(schedule: &Arc<Schedule>, settings: &SamplerSettings) -> Result<Box<dyn Sampler>> {
    ensure!((0.0..=1.0).contains(&settings.eta), "η must lie between 0 and 1, but is {}", settings.eta);
    for (name, value) in
        [("rtol", settings.rtol), ("atol", settings.atol), ("the corrector's snr", settings.corrector_snr)]
    {
        ensure!(value > 0.0 && value.is_finite(), "{name} must be a number above 0, but is {value}");
    }
    if let Err(why) = check_sampler(settings.sampler, schedule) {
        bail!(why);
    }
    let levels = levels(schedule, settings)?;
    let scale = starting_scale(schedule, settings, levels[0]);
    let tolerance = Tolerance { rtol: settings.rtol, atol: settings.atol };
    let flow = |levels, rule| Box::new(Flow::new(schedule, levels, rule));
    Ok(match settings.sampler {
        SamplerName::Ddpm => Box::new(Ddpm::new(levels, schedule.variance_type)),
        SamplerName::Ddim => {
            let landings = landings(schedule, settings, &levels);
            Box::new(Ddim::new(levels, settings.eta).landing_on(landings))
        }
        SamplerName::Euler => Box::new(Euler::new(levels, scale)),
        SamplerName::Heun => Box::new(Heun::new(levels, scale)),
        SamplerName::Edm => Box::new(Edm::new(schedule, levels, scale, settings.churn)?),
        SamplerName::Dpmpp2m => Box::new(Dpmpp2m::new(levels)),
        SamplerName::Dpmpp3m => Box::new(Dpmpp3m::new(levels)),
        SamplerName::Dpmpp2mSde => Box::new(Dpmpp2mSde::new(levels)),
        SamplerName::UniPc => Box::new(UniPc::new(levels, NoiseLevel::CLEAN)),
        SamplerName::EulerA => Box::new(EulerAncestral::new(levels, scale)),
        SamplerName::PfOde => Box::new(ProbabilityFlow::new(schedule.clone(), levels[0], tolerance)),
        SamplerName::Pc => Box::new(PredictorCorrector::new(levels, settings.corrector_snr, settings.corrector_steps)),
        SamplerName::FlowEuler => flow(levels, FlowRule::Euler),
        SamplerName::FlowMidpoint => flow(levels, FlowRule::Midpoint),
        SamplerName::FlowHeun => flow(levels, FlowRule::Heun),
    })
}

/// Where each step of DDIM leads: to the next level, and after the last to the clean image. diffusers' has
/// it otherwise in two ways, which imported runs keep (`equal_strides`, `set_alpha_to_one`).
fn landings(schedule: &Schedule, settings: &SamplerSettings, levels: &[NoiseLevel]) -> Vec<NoiseLevel> {
    let here = schedule.path == PathName::Vp;
    let end = if here && !settings.set_alpha_to_one { schedule.at(0) } else { NoiseLevel::CLEAN };
    let stride = (schedule.timesteps() / levels.len().max(1)) as f64;
    let next = |i: usize| match levels.get(i + 1) {
        _ if here && settings.equal_strides && levels[i].t < stride => end,
        _ if here && settings.equal_strides => schedule.level(levels[i].t - stride),
        Some(next) => *next,
        None => end,
    };
    (0..levels.len()).map(next).collect()
}
