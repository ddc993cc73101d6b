//! Which sampler a scheduler class is, and what its own keys make of it.

use anyhow::{Result, bail, ensure};

use super::settings::Settings;
use crate::config::{
    DiffusionConfig, FinalSigmasType, InterpolationType, PredictionType, SampleConfig, SamplerName, SolverType,
};

/// Beyond it diffusers' solvers know no formula.
const HIGHEST_ORDER: usize = 3;

/// Below so many steps `lower_order_final` has diffusers' DPM-Solver end with lower order.
const FEW: usize = 15;

/// Our name of what the class does with its settings.
///
/// # Errors
/// When its algorithm has no counterpart; the message names the key.
pub fn sampler(settings: &Settings) -> Result<SamplerName> {
    Ok(match settings.class().name {
        "DDPMScheduler" | "DDPMParallelScheduler" => SamplerName::Ddpm,
        "DDIMScheduler" | "DDIMParallelScheduler" => SamplerName::Ddim,
        "PNDMScheduler" => SamplerName::Pndm,
        "EulerDiscreteScheduler" => SamplerName::Euler,
        "EulerAncestralDiscreteScheduler" => SamplerName::EulerA,
        "HeunDiscreteScheduler" => SamplerName::Heun,
        "LMSDiscreteScheduler" => SamplerName::Lms,
        "KDPM2DiscreteScheduler" => SamplerName::Dpm2,
        "KDPM2AncestralDiscreteScheduler" => SamplerName::Dpm2A,
        "UniPCMultistepScheduler" => SamplerName::UniPc,
        "DEISMultistepScheduler" => settings.choice(
            "algorithm_type",
            "deis",
            &[("deis", SamplerName::Deis), ("dpmsolver", SamplerName::Deis), ("dpmsolver++", SamplerName::Deis)],
        )?,
        "DPMSolverSinglestepScheduler" => {
            check_deis(settings)?;
            settings.choice(
                "algorithm_type",
                "dpmsolver++",
                &[("dpmsolver++", SamplerName::Dpmpp2s), ("deis", SamplerName::Dpmpp2s)],
            )?
        }
        "DPMSolverMultistepScheduler" => {
            check_deis(settings)?;
            let third = order(settings)? == HIGHEST_ORDER;
            let deterministic = if third { SamplerName::Dpmpp3m } else { SamplerName::Dpmpp2m };
            settings.choice(
                "algorithm_type",
                "dpmsolver++",
                &[
                    ("dpmsolver++", deterministic),
                    ("deis", deterministic),
                    ("sde-dpmsolver++", SamplerName::Dpmpp2mSde),
                ],
            )?
        }
        "FlowMatchEulerDiscreteScheduler" => SamplerName::FlowEuler,
        "FlowMatchHeunDiscreteScheduler" => SamplerName::FlowHeun,
        other => bail!("the scheduler {other} is not supported"),
    })
}

/// diffusers takes this word for `dpmsolver++`, but not before it has refused it.
fn check_deis(settings: &Settings) -> Result<()> {
    ensure!(
        settings.text("algorithm_type", "")? != "deis" || settings.text("final_sigmas_type", "zero")? != "zero",
        "algorithm_type = \"deis\" with final_sigmas_type = \"zero\" is not supported, by diffusers neither; \
         \"dpmsolver++\" is"
    );
    Ok(())
}

fn order(settings: &Settings) -> Result<usize> {
    settings.whole("solver_order", 2, 1, HIGHEST_ORDER)
}

/// Do the spacings of σ divide the range that the timesteps visit, rather than the whole schedule?
///
/// # Errors
/// When a key has the wrong type.
pub fn takes_ends_from_timesteps(settings: &Settings) -> Result<bool> {
    // Under the other interpolation there is nothing of the timesteps in σ.
    Ok(class_takes_ends_from_timesteps(settings.class().name)
        && settings.text("interpolation_type", "linear")? == "linear")
}

/// [`takes_ends_from_timesteps`] of a class.
pub fn class_takes_ends_from_timesteps(class: &str) -> bool {
    matches!(
        class,
        "EulerDiscreteScheduler"
            | "HeunDiscreteScheduler"
            | "LMSDiscreteScheduler"
            | "KDPM2DiscreteScheduler"
            | "KDPM2AncestralDiscreteScheduler"
    )
}

/// Does the sampler leave the estimate of x_0 as it is, whatever `clip_sample` says?
pub fn never_clips(sampler: SamplerName) -> bool {
    matches!(
        sampler,
        SamplerName::Euler
            | SamplerName::Lms
            | SamplerName::Dpm2
            | SamplerName::Dpm2A
            | SamplerName::Pndm
            | SamplerName::Dpmpp2m
            | SamplerName::Dpmpp3m
            | SamplerName::Dpmpp2mSde
            | SamplerName::Dpmpp2s
            | SamplerName::UniPc
            | SamplerName::Deis
    )
}

/// The keys of single solvers.
///
/// # Errors
/// When a value has no counterpart, or diffusers itself makes NaN of the combination; the message names the keys.
pub fn options(settings: &Settings, diffusion: &DiffusionConfig, sample: &mut SampleConfig) -> Result<Option<String>> {
    sample.final_sigmas_type = settings.choice(
        "final_sigmas_type",
        "zero",
        &[("zero", FinalSigmasType::Zero), ("sigma_min", FinalSigmasType::SigmaMin)],
    )?;
    match sample.sampler {
        SamplerName::Pndm => {
            sample.skip_prk_steps = settings.flag("skip_prk_steps")?;
            sample.pndm_velocity = diffusion.prediction_type == PredictionType::VPrediction;
        }
        SamplerName::Euler => euler(settings, diffusion, sample)?,
        SamplerName::Dpmpp2m | SamplerName::Dpmpp3m | SamplerName::Dpmpp2mSde => multistep(settings, sample)?,
        SamplerName::Dpmpp2s => singlestep(settings, sample)?,
        SamplerName::Deis => {
            let meant = ["logrho", "midpoint", "heun", "bh1", "bh2"].map(|word| (word, ()));
            settings.choice("solver_type", "logrho", &meant)?;
            sample.solver_order = own_order(settings)?;
            sample.lower_order_final = settings.flag("lower_order_final")?;
            // The class has no such key, and always ends there.
            sample.final_sigmas_type = FinalSigmasType::SigmaMin;
        }
        SamplerName::UniPc => unipc(settings, sample)?,
        _ => {}
    }
    last_step(sample)
}

/// Says from how many steps on diffusers makes NaN of a folder's samples, and difflab doesn't.
///
/// # Errors
/// When it does so in any number of steps.
fn last_step(sample: &SampleConfig) -> Result<Option<String>> {
    let Some(from) = divides_by_zero_from(sample) else { return Ok(None) };
    let what = "final_sigmas_type = \"sigma_min\" with a spacing of σ ends with a step from sigma_min to sigma_min, and \
                this solver_order and solver_type divide by its length";
    ensure!(
        from > 0,
        "lower_order_final = false is not supported here: {what}: diffusers makes NaN of it; lower_order_final = true is"
    );
    Ok(Some(format!(
        "{what}: diffusers makes NaN of it in {from} steps or more; difflab leaves x_t as it is in that step"
    )))
}

/// The least number of steps from which on diffusers divides by the length of a last step that leads nowhere, from
/// sigma_min to sigma_min; 0 when it always does.
///
/// Its DPM-Solver does so to third order, and to second order as Heun, where `order_of_step` lets the last step have
/// them; its UniPC to third order, and never with `lower_order_final`.
pub fn divides_by_zero_from(sample: &SampleConfig) -> Option<usize> {
    if sample.final_sigmas_type != FinalSigmasType::SigmaMin || !sample.spacing.divides_sigmas() {
        return None;
    }
    let order = match sample.sampler {
        SamplerName::Dpmpp3m if sample.solver_order == 0 => HIGHEST_ORDER,
        _ if sample.solver_order == 0 => 2,
        _ => sample.solver_order,
    };
    let heun = sample.solver_type == SolverType::Heun;
    match (sample.sampler, sample.lower_order_final) {
        (SamplerName::Dpmpp2m | SamplerName::Dpmpp3m | SamplerName::Dpmpp2mSde, lower)
            if !sample.euler_at_final && (order == HIGHEST_ORDER || order == 2 && heun) =>
        {
            Some(if lower { FEW } else { 0 })
        }
        (SamplerName::UniPc, false) if order == HIGHEST_ORDER => Some(0),
        _ => None,
    }
}

/// `solver_order`; 0 for 2, which is each sampler's own.
fn own_order(settings: &Settings) -> Result<usize> {
    Ok(match order(settings)? {
        2 => 0,
        order => order,
    })
}

fn euler(settings: &Settings, diffusion: &DiffusionConfig, sample: &mut SampleConfig) -> Result<()> {
    let continuous = settings.choice("timestep_type", "discrete", &[("discrete", false), ("continuous", true)])?;
    ensure!(
        !continuous || diffusion.prediction_type != PredictionType::VPrediction,
        "timestep_type = \"continuous\" with prediction_type = \"v_prediction\" is not supported: it tells the network \
         its time as 0.25·ln σ"
    );
    sample.interpolation_type = settings.choice(
        "interpolation_type",
        "linear",
        &[("linear", InterpolationType::Linear), ("log_linear", InterpolationType::LogLinear)],
    )?;
    if sample.spacing.divides_sigmas() {
        // It decided where their ends are.
        sample.interpolation_type = InterpolationType::Linear;
    }
    sigma_ends(settings, sample)
}

fn sigma_ends(settings: &Settings, sample: &mut SampleConfig) -> Result<()> {
    let (least, most) = (settings.finite("sigma_min", 0.0)?, settings.finite("sigma_max", 0.0)?);
    ensure!(least >= 0.0 && most >= 0.0, "sigma_min = {least} and sigma_max = {most} must not be negative");
    ensure!(most == 0.0 || least < most, "sigma_min = {least} must be below sigma_max = {most}");
    if sample.spacing.divides_sigmas() {
        (sample.sigma_min, sample.sigma_max) = (least, most);
    }
    Ok(())
}

fn solver_type(settings: &Settings) -> Result<SolverType> {
    settings.choice(
        "solver_type",
        "midpoint",
        &[
            ("midpoint", SolverType::Auto),
            ("heun", SolverType::Heun),
            // What diffusers takes them for.
            ("logrho", SolverType::Auto),
            ("bh1", SolverType::Auto),
            ("bh2", SolverType::Auto),
        ],
    )
}

fn lambda_min(settings: &Settings, sample: &mut SampleConfig) -> Result<()> {
    let lambda = settings.number("lambda_min_clipped", f64::NEG_INFINITY)?;
    if lambda == f64::NEG_INFINITY {
        return Ok(());
    }
    ensure!(lambda < 0.0, "lambda_min_clipped = {lambda} is not supported: a number below 0 or -Infinity is");
    if !sample.spacing.divides_sigmas() {
        sample.lambda_min_clipped = lambda;
    }
    Ok(())
}

fn multistep(settings: &Settings, sample: &mut SampleConfig) -> Result<()> {
    sample.solver_type = solver_type(settings)?;
    sample.solver_order = match sample.sampler {
        SamplerName::Dpmpp3m => 0,
        _ => own_order(settings)?,
    };
    sample.lower_order_final = settings.flag("lower_order_final")?;
    sample.euler_at_final = settings.flag("euler_at_final")?;
    lambda_min(settings, sample)
}

fn singlestep(settings: &Settings, sample: &mut SampleConfig) -> Result<()> {
    sample.solver_type = solver_type(settings)?;
    sample.solver_order = own_order(settings)?;
    sample.lower_order_final = settings.flag("lower_order_final")?;
    lambda_min(settings, sample)
}

fn unipc(settings: &Settings, sample: &mut SampleConfig) -> Result<()> {
    sample.solver_type = settings.choice(
        "solver_type",
        "bh2",
        &[
            ("bh2", SolverType::Auto),
            ("bh1", SolverType::Bh1),
            ("midpoint", SolverType::Auto),
            ("heun", SolverType::Auto),
            ("logrho", SolverType::Auto),
        ],
    )?;
    sample.solver_order = own_order(settings)?;
    sample.predict_x0 = settings.flag("predict_x0")?;
    sample.lower_order_final = settings.flag("lower_order_final")?;
    if sample.final_sigmas_type == FinalSigmasType::Zero {
        let nan = "final_sigmas_type = \"zero\" is not supported: diffusers makes NaN of it; \"sigma_min\" is";
        ensure!(sample.solver_type != SolverType::Bh1, "solver_type = \"bh1\" with {nan}");
        ensure!(sample.predict_x0, "predict_x0 = false with {nan}");
        ensure!(sample.lower_order_final || order(settings)? == 1, "lower_order_final = false with {nan}");
    }
    if !sample.predict_x0 {
        // There is no estimate of x_0 that could be thresholded.
        sample.thresholding = false;
    }
    for step in settings.numbers("disable_corrector")?.unwrap_or_default() {
        ensure!(
            step.fract() == 0.0 && (0.0..1e6).contains(&step),
            "disable_corrector = [… {step} …]: it lists numbers of steps, from 0"
        );
        sample.disable_corrector.push(step as usize);
    }
    sigma_ends(settings, sample)
}
