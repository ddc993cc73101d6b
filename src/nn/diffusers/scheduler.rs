//! The settings of diffusers' `DDPMScheduler` that match ours.

use anyhow::Result;
use serde_json::{Value, json};

use crate::config::{DiffusionConfig, SampleConfig, ScheduleName};
use crate::diffusion::Schedule;
use crate::nn::unet_config::DIFFUSERS_VERSION;

/// The `scheduler_config.json` under which diffusers samples as we do.
///
/// diffusers knows the sigmoid schedule in its DDPM scheduler only; its β are written out in
/// `trained_betas`, which every scheduler takes and which overrides `beta_schedule`.
///
/// # Errors
/// When the schedule is impossible, such as one of no steps.
pub fn scheduler_config(diffusion: &DiffusionConfig, sample: &SampleConfig) -> Result<Value> {
    let (beta_schedule, trained_betas) = match diffusion.schedule {
        ScheduleName::Linear => ("linear", None),
        ScheduleName::ScaledLinear => ("scaled_linear", None),
        ScheduleName::Cosine => ("squaredcos_cap_v2", None),
        ScheduleName::Sigmoid | ScheduleName::SigmoidJabri | ScheduleName::Given => {
            ("linear", Some(Schedule::from_config(diffusion)?.betas))
        }
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
        "rescale_betas_zero_snr": diffusion.rescale_betas_zero_snr && trained_betas.is_none(),
        "sample_max_value": 1.0,
        "steps_offset": 0,
        "thresholding": false,
        "timestep_spacing": sample.spacing,
        "trained_betas": trained_betas,
        "variance_type": diffusion.variance_type,
    }))
}
