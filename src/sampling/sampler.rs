//! What a sampler is, and which one a name means.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;

use super::ends::{least_noise, starting_scale};
use super::pndm::Strides;
use super::respacing::level_at;
use super::{
    Clamp, Counting, Ddim, Ddpm, Deis, Dpm2, Dpmpp, Dpmpp2s, Edm, Euler, EulerAncestral, Flow, FlowRule, Heun, Levels,
    Lms, NoiseSource, Pndm, Prediction, PredictorCorrector, ProbabilityFlow, Tolerance, UniPc, check_sampler, levels,
};
use crate::config::{
    FinalSigmasType, InterpolationType, PathName, SampleConfig, SamplerName, SigmaRange, SolverType, TimestepSpacing,
};
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
    /// Ends of the spacings that divide σ/α; 0: of the schedule.
    pub sigma_min: f64,
    pub sigma_max: f64,
    /// Where those ends are taken from on path vp.
    pub sigma_range: SigmaRange,
    /// How σ/α follow from the timesteps; sampler euler on path vp.
    pub interpolation_type: InterpolationType,
    /// The least log(α/σ) that DPM-Solver's samplers begin at, below 0; 0: any.
    pub lambda_min_clipped: f64,
    /// The last u of path flow, above 0 and below 1; 0: as the shift says.
    pub shift_terminal: f64,
    /// The timesteps to visit, falling within 0..T, in place of steps and spacing; empty: by those.
    pub timesteps: Vec<f64>,
    pub solver: Solver,
    pub churn: Churn,
    /// Begin at this t/T, above 0 to 1 (the whole way).
    pub strength: f64,
    /// Clamp x̂_0 to [-clip_sample_range, clip_sample_range] at every step.
    pub clip_sample: bool,
    pub clip_sample_range: f64,
    /// Threshold x̂_0 instead ([`Clamp::Dynamic`]).
    pub thresholding: bool,
    pub dynamic_thresholding_ratio: f64,
    pub sample_max_value: f64,
    /// pf_ode's tolerances, above 0.
    pub rtol: f64,
    pub atol: f64,
    /// pc's r, above 0, and its Langevin steps a level.
    pub corrector_snr: f64,
    pub corrector_steps: usize,
}

/// How the multistep solvers go from the answers to the step.
#[derive(Clone, Debug, PartialEq)]
pub struct Solver {
    /// The highest order; 0: the sampler's own.
    pub order: usize,
    /// Of the rules of a sampler the one that is asked for; another's is its own.
    pub solver_type: SolverType,
    pub lower_order_final: bool,
    pub euler_at_final: bool,
    pub final_sigmas_type: FinalSigmasType,
    /// UniPC: solve for x_0 rather than for the noise.
    pub predict_x0: bool,
    /// UniPC: the steps, counted from 0, that are not corrected.
    pub disable_corrector: Vec<usize>,
    /// PNDM: no Runge-Kutta start.
    pub skip_prk_steps: bool,
    /// PNDM: combine velocities.
    pub pndm_velocity: bool,
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
            sigma_min: config.sigma_min,
            sigma_max: config.sigma_max,
            sigma_range: config.sigma_range,
            interpolation_type: config.interpolation_type,
            lambda_min_clipped: config.lambda_min_clipped,
            shift_terminal: config.shift_terminal,
            timesteps: config.timesteps.clone(),
            solver: Solver {
                order: config.solver_order,
                solver_type: config.solver_type,
                lower_order_final: config.lower_order_final,
                euler_at_final: config.euler_at_final,
                final_sigmas_type: config.final_sigmas_type,
                predict_x0: config.predict_x0,
                disable_corrector: config.disable_corrector.clone(),
                skip_prk_steps: config.skip_prk_steps,
                pndm_velocity: config.pndm_velocity,
            },
            churn: Churn {
                s_churn: config.s_churn,
                s_tmin: config.s_tmin,
                s_tmax: if config.s_tmax == 0.0 { f64::INFINITY } else { config.s_tmax },
                s_noise: config.s_noise,
            },
            strength: 1.0,
            clip_sample: config.clip_sample,
            clip_sample_range: config.clip_sample_range,
            thresholding: config.thresholding,
            dynamic_thresholding_ratio: config.dynamic_thresholding_ratio,
            sample_max_value: config.sample_max_value,
            rtol: config.rtol,
            atol: config.atol,
            corrector_snr: config.corrector_snr,
            corrector_steps: config.corrector_steps,
        }
    }
}

impl SamplerSettings {
    /// What x̂_0 is bounded to, where the sampler allows it.
    pub fn clamp(&self) -> Clamp {
        if self.thresholding {
            return Clamp::Dynamic { ratio: self.dynamic_thresholding_ratio, most: self.sample_max_value };
        }
        if self.clip_sample { Clamp::Range(self.clip_sample_range) } else { Clamp::None }
    }

    /// The highest order that the sampler takes.
    fn order(&self) -> usize {
        let (own, most) = match self.sampler {
            SamplerName::Lms => (4, 4),
            SamplerName::Dpmpp3m => (3, 3),
            _ => (2, 3),
        };
        if self.solver.order == 0 { own } else { self.solver.order.min(most) }
    }

    /// Does Euler's method walk its own σ/α, other than those of its timesteps?
    pub(super) fn is_log_linear(&self) -> bool {
        self.sampler == SamplerName::Euler && self.interpolation_type == InterpolationType::LogLinear
    }

    /// Does the sampler obey `lambda_min_clipped`?
    pub(super) fn clips_lambda(&self) -> bool {
        use SamplerName::{Dpmpp2m, Dpmpp2mSde, Dpmpp2s, Dpmpp3m};
        matches!(self.sampler, Dpmpp2m | Dpmpp3m | Dpmpp2mSde | Dpmpp2s)
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

    /// Does it look at x̂_0 thresholded, where the settings ask for that? Those that diffusers never thresholds,
    /// because they clamp nothing, don't.
    fn thresholds(&self) -> bool {
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
    settings.clamp().check()?;
    let levels = levels(schedule, settings)?;
    let scale = starting_scale(schedule, settings, levels[0]);
    let tolerance = Tolerance { rtol: settings.rtol, atol: settings.atol };
    let flow = |levels, rule| Box::new(Flow::new(schedule, levels, rule));
    let solver = &settings.solver;
    let order = settings.order();
    let log_linear = settings.is_log_linear() && !settings.spacing.divides_sigmas() && schedule.path == PathName::Vp;
    let end = match solver.final_sigmas_type {
        FinalSigmasType::Zero if !log_linear => NoiseLevel::CLEAN,
        _ => least_noise(schedule, settings, &levels),
    };
    let walk = |levels| Levels::ending(levels, end);
    let heun = solver.solver_type == SolverType::Heun;
    let dpmpp = |levels, order| {
        let solver = &settings.solver;
        let dpmpp = Dpmpp::new(walk(levels), order).heun(heun).lower_order_final(solver.lower_order_final);
        dpmpp.euler_at_final(solver.euler_at_final)
    };
    Ok(match settings.sampler {
        SamplerName::Ddpm => Box::new(Ddpm::new(levels, schedule.variance_type)),
        SamplerName::Ddim => {
            let landings = landings(schedule, settings, &levels);
            Box::new(Ddim::new(levels, settings.eta).landing_on(landings))
        }
        SamplerName::Euler => Box::new(Euler::new(walk(levels), scale)),
        SamplerName::Heun => Box::new(Heun::new(levels, scale)),
        SamplerName::Edm => Box::new(Edm::new(schedule, levels, scale, settings.churn)?),
        SamplerName::Dpmpp2m | SamplerName::Dpmpp3m => Box::new(dpmpp(levels, order)),
        SamplerName::Dpmpp2mSde => Box::new(dpmpp(levels, order).sde(true)),
        SamplerName::UniPc => Box::new(
            UniPc::new(walk(levels), order)
                .bh1(solver.solver_type == SolverType::Bh1)
                .predict_x0(solver.predict_x0)
                .lower_order_final(solver.lower_order_final)
                .disable_corrector(solver.disable_corrector.clone()),
        ),
        SamplerName::Dpmpp2s => {
            let lower = solver.lower_order_final;
            Box::new(Dpmpp2s::new(walk(levels), order, lower, solver.final_sigmas_type).heun(heun))
        }
        SamplerName::Deis => Box::new(Deis::new(walk(levels), order).lower_order_final(solver.lower_order_final)),
        SamplerName::Pndm => {
            let landings = landings(schedule, settings, &levels);
            let at = |t: f64| level_at(schedule, Counting::Whole, t);
            let strides = Strides { landings: &landings, equal: equal_stride(schedule, settings), at: &at };
            Box::new(Pndm::new(levels, &strides, solver.skip_prk_steps, solver.pndm_velocity)?)
        }
        SamplerName::Lms => Box::new(Lms::new(walk(levels), order, scale)),
        SamplerName::Dpm2 => Box::new(Dpm2::new(schedule, levels, scale, false)),
        SamplerName::Dpm2A => Box::new(Dpm2::new(schedule, levels, scale, true)),
        SamplerName::EulerA => Box::new(EulerAncestral::new(levels, scale)),
        SamplerName::PfOde => Box::new(ProbabilityFlow::new(schedule.clone(), levels[0], tolerance)),
        SamplerName::Pc => Box::new(PredictorCorrector::new(levels, settings.corrector_snr, settings.corrector_steps)),
        SamplerName::FlowEuler => flow(levels, FlowRule::Euler),
        SamplerName::FlowMidpoint => flow(levels, FlowRule::Midpoint),
        SamplerName::FlowHeun => flow(levels, FlowRule::Heun),
    })
}

/// The timesteps that each step leads down, where they are the same whatever the levels: diffusers' ⌊T/n⌋.
fn equal_stride(schedule: &Schedule, settings: &SamplerSettings) -> Option<f64> {
    // Of a trajectory that begins below the top, n is the number of steps of the whole way.
    let n = if settings.timesteps.is_empty() { settings.steps } else { settings.timesteps.len() };
    (schedule.path == PathName::Vp && settings.equal_strides).then(|| (schedule.timesteps() / n.max(1)) as f64)
}

/// Where each step of DDIM and PNDM leads: to the next level, and after the last to the clean image. diffusers' has
/// it otherwise in two ways, which imported runs keep (`equal_strides`, `set_alpha_to_one`).
fn landings(schedule: &Schedule, settings: &SamplerSettings, levels: &[NoiseLevel]) -> Vec<NoiseLevel> {
    let here = schedule.path == PathName::Vp;
    let end = if here && !settings.set_alpha_to_one { schedule.at(0) } else { NoiseLevel::CLEAN };
    let stride = equal_stride(schedule, settings);
    let next = |i: usize| match (stride, levels.get(i + 1)) {
        // The strength, not a stride, says where the first begins.
        (_, Some(next)) if i == 0 && settings.strength < 1.0 => *next,
        (Some(stride), _) if levels[i].t < stride => end,
        (Some(stride), _) => schedule.level(levels[i].t - stride),
        (None, Some(next)) => *next,
        (None, None) => end,
    };
    (0..levels.len()).map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DiffusionConfig;

    #[test]
    fn strides_are_those_of_the_whole_way_where_sampling_begins_below_the_top() {
        let schedule = Schedule::from_config(&DiffusionConfig::default()).unwrap();
        let settings = SamplerSettings {
            sampler: SamplerName::Ddim,
            spacing: TimestepSpacing::Leading,
            equal_strides: true,
            strength: 0.333,
            ..SamplerSettings::from(&SampleConfig { steps: 50, ..SampleConfig::default() })
        };
        let levels = levels(&schedule, &settings).unwrap();
        // u = 0.333 is t = 332; then every twentieth timestep, as 50 steps of 1000 have it.
        assert_eq!(levels.iter().take(3).map(|level| level.t).collect::<Vec<_>>(), [332.0, 320.0, 300.0]);
        let landings = landings(&schedule, &settings, &levels);
        assert_eq!(landings[..landings.len() - 1], levels[1..]);
        assert_eq!(landings.last(), Some(&NoiseLevel::CLEAN));
    }

    #[test]
    fn the_order_is_the_samplers_own_unless_asked_for() {
        let order = |sampler, solver_order| {
            SamplerSettings::from(&SampleConfig { sampler, solver_order, ..SampleConfig::default() }).order()
        };
        for (sampler, own, most) in [
            (SamplerName::Dpmpp2m, 2, 3),
            (SamplerName::Dpmpp3m, 3, 3),
            (SamplerName::Dpmpp2mSde, 2, 3),
            (SamplerName::UniPc, 2, 3),
            (SamplerName::Lms, 4, 4),
        ] {
            assert_eq!((order(sampler, 0), order(sampler, 1), order(sampler, 4)), (own, 1, most), "{sampler:?}");
        }
    }
}
