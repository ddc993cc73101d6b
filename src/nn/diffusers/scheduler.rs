//! Which of diffusers' schedulers samples as we do, and with which settings.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::config::{DiffusionConfig, PathName, PredictionType, SampleConfig, ScheduleName, TimestepSpacing};
use crate::diffusion::Schedule;
use crate::nn::unet_config::DIFFUSERS_VERSION;

/// Why no scheduler of diffusers' `DDPMPipeline` can sample a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("diffusers' DDPMPipeline can't sample this model: {0}")]
pub struct NotExpressible(String);

impl NotExpressible {
    /// `reason` is the rest of "diffusers' DDPMPipeline can't sample this model: …".
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// The `scheduler_config.json` under which diffusers samples as we do: `DDPMScheduler` for the
/// variance-preserving paths, `FlowMatchEulerDiscreteScheduler` for path flow.
///
/// diffusers knows the sigmoid schedule in its DDPM scheduler only; its β are written out in
/// `trained_betas`, which every scheduler takes and which overrides `beta_schedule`. So are the variances
/// that path vp_sde adds from tick to tick: at its T ticks it is one of DDPM's paths.
///
/// # Errors
/// [`NotExpressible`] with the reason; another error when the schedule is impossible, such as one of no
/// steps.
pub fn scheduler_config(diffusion: &DiffusionConfig, sample: &SampleConfig) -> Result<Value> {
    let target = diffusion.prediction_type;
    let refuse = |reason: String| Err(NotExpressible(reason).into());
    match (diffusion.path, target) {
        (
            PathName::Vp | PathName::VpSde,
            PredictionType::Epsilon | PredictionType::Sample | PredictionType::VPrediction,
        ) => ddpm(diffusion, sample),
        (PathName::Flow, PredictionType::Flow) => Ok(flow(diffusion)),
        (PathName::Vp | PathName::VpSde | PathName::Flow, _) => refuse(format!(
            "on path {} its schedulers take predictions of {}, and this network predicts {}",
            diffusion.path.name(),
            if diffusion.path == PathName::Flow { "flow only" } else { "epsilon, sample and v_prediction" },
            target.name()
        )),
        (PathName::SubVpSde, _) => {
            refuse("on path sub_vp_sde σ is not √(1 − α²), and all of its schedulers take it to be so".into())
        }
        (PathName::Ve | PathName::Edm, _) => refuse(format!(
            "on path {} the network's input is scaled and its time told in units of its own (difflab tells 250·ln σ or t, \
             EDM's schedulers 0.25·ln σ), and a pipeline folder has no place to say so",
            diffusion.path.name()
        )),
    }
}

/// diffusers' words for the spacings that its DDPM scheduler knows; karras becomes `trailing`, which also
/// starts at the noisiest step.
fn spacing(sample: &SampleConfig) -> &'static str {
    match sample.spacing {
        TimestepSpacing::Leading => "leading",
        TimestepSpacing::Linspace => "linspace",
        TimestepSpacing::Trailing
        | TimestepSpacing::Karras
        | TimestepSpacing::Exponential
        | TimestepSpacing::Beta
        | TimestepSpacing::Lu => "trailing",
    }
}

fn ddpm(diffusion: &DiffusionConfig, sample: &SampleConfig) -> Result<Value> {
    let listed = || -> Result<_> { Ok(Schedule::from_config(diffusion).context("the run's path")?.betas) };
    let (beta_schedule, trained_betas) = match (diffusion.path, diffusion.schedule) {
        (PathName::Vp, ScheduleName::Linear) => ("linear", None),
        (PathName::Vp, ScheduleName::ScaledLinear) => ("scaled_linear", None),
        (PathName::Vp, ScheduleName::Cosine) => ("squaredcos_cap_v2", None),
        _ => ("linear", Some(listed()?)),
    };
    Ok(json!({
        "_class_name": "DDPMScheduler",
        "_diffusers_version": DIFFUSERS_VERSION,
        "beta_end": diffusion.beta_end,
        "beta_schedule": beta_schedule,
        "beta_start": diffusion.beta_start,
        "clip_sample": sample.clip_sample,
        "clip_sample_range": 1.0,
        "dynamic_thresholding_ratio": 0.995,
        "num_train_timesteps": diffusion.timesteps,
        "prediction_type": diffusion.prediction_type,
        // Listed β are rescaled already.
        "rescale_betas_zero_snr": diffusion.rescale_betas_zero_snr && trained_betas.is_none(),
        "sample_max_value": 1.0,
        "steps_offset": sample.steps_offset,
        "thresholding": false,
        "timestep_spacing": spacing(sample),
        "trained_betas": trained_betas,
        "variance_type": diffusion.variance_type,
    }))
}

/// Time told T·u and target ε − x_0 are exactly its own.
fn flow(diffusion: &DiffusionConfig) -> Value {
    json!({
        "_class_name": "FlowMatchEulerDiscreteScheduler",
        "_diffusers_version": DIFFUSERS_VERSION,
        "base_image_seq_len": 256,
        "base_shift": 0.5,
        "invert_sigmas": false,
        "max_image_seq_len": 4096,
        "max_shift": 1.15,
        "num_train_timesteps": diffusion.timesteps,
        "shift": diffusion.shift,
        "shift_terminal": null,
        "stochastic_sampling": false,
        "time_shift_type": "exponential",
        "use_beta_sigmas": false,
        "use_dynamic_shifting": false,
        "use_exponential_sigmas": false,
        "use_karras_sigmas": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(path: PathName, prediction_type: PredictionType) -> DiffusionConfig {
        DiffusionConfig { path, prediction_type, timesteps: 100, ..DiffusionConfig::default() }
    }

    #[test]
    fn only_what_diffusers_samples_as_we_do_has_a_scheduler() {
        let class = |path, target| {
            let config = scheduler_config(&config(path, target), &SampleConfig::default());
            config.map(|config| config["_class_name"].as_str().unwrap().to_string())
        };
        for target in [PredictionType::Epsilon, PredictionType::Sample, PredictionType::VPrediction] {
            assert_eq!(class(PathName::Vp, target).unwrap(), "DDPMScheduler");
            assert_eq!(class(PathName::VpSde, target).unwrap(), "DDPMScheduler");
            assert!(class(PathName::Flow, target).is_err());
        }
        assert_eq!(class(PathName::Flow, PredictionType::Flow).unwrap(), "FlowMatchEulerDiscreteScheduler");
        for (path, target) in [
            (PathName::Vp, PredictionType::Flow),
            (PathName::Vp, PredictionType::Edm),
            (PathName::SubVpSde, PredictionType::Epsilon),
            (PathName::Ve, PredictionType::Epsilon),
            (PathName::Edm, PredictionType::Edm),
        ] {
            let error = class(path, target).unwrap_err();
            assert!(error.is::<NotExpressible>() && error.to_string().contains(path.name()), "{error}");
        }
    }

    #[test]
    fn schedules_that_diffusers_does_not_name_are_written_out() {
        for schedule in [ScheduleName::Sigmoid, ScheduleName::SigmoidJabri] {
            let diffusion = DiffusionConfig { schedule, ..config(PathName::Vp, PredictionType::Epsilon) };
            let value = scheduler_config(&diffusion, &SampleConfig::default()).unwrap();
            assert_eq!(value["trained_betas"].as_array().unwrap().len(), 100);
        }
        let value =
            scheduler_config(&config(PathName::VpSde, PredictionType::Epsilon), &SampleConfig::default()).unwrap();
        let mut product = 1.0;
        for beta in value["trained_betas"].as_array().unwrap() {
            product *= 1.0 - beta.as_f64().unwrap();
        }
        // β from 0.1 to 20: ᾱ(1) = exp(−(0.1 + 20)/2).
        assert!((product / (-10.05f64).exp() - 1.0).abs() < 1e-9, "{product}");
        let named = scheduler_config(&config(PathName::Vp, PredictionType::Epsilon), &SampleConfig::default()).unwrap();
        assert_eq!(named["trained_betas"], Value::Null);
        assert_eq!(named["beta_schedule"], "squaredcos_cap_v2");
    }
}
