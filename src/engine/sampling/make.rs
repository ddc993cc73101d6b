//! Which sampler a name means.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};

use super::ends::{least_noise, starting_scale};
use super::pndm::Strides;
use super::visited::level_at;
use super::{
    Counting, Ddim, Ddpm, Deis, Dpm2, Dpmpp, Dpmpp2s, Edm, Euler, EulerAncestral, Flow, FlowRule, Heun, Levels, Lms,
    Pndm, PredictorCorrector, ProbabilityFlow, Sampler, SamplerSettings, Tolerance, UniPc, check_sampler, levels,
};
use crate::config::{FinalSigmasType, PathName, SamplerName, SolverType};
use crate::diffusion::{NoiseLevel, Schedule};

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
    let counts = settings.timesteps.is_empty() && !settings.spacing.divides_sigmas();
    let log_linear = settings.is_log_linear() && counts && schedule.path == PathName::Vp;
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
    use crate::config::{DiffusionConfig, SampleConfig, TimestepSpacing};

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
}
