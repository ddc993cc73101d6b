//! Fifty steps of a real U-Net from given noise, against diffusers' schedulers made from_config of the
//! folder's own: the numbers of tests/parity/make_trajectories.py.

use std::path::Path;
use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::super::{SamplerSettings, Trajectory, network_denoiser, sample};
use super::goldens::schedule;
use crate::config::{PredictionType, SampleConfig, SamplerName, TimestepSpacing};
use crate::diffusion::Parameterization;
use crate::kernels::Workers;
use crate::nn::{UNet, diffusers::load_unet};

fn largest(x: &Tensor) -> f64 {
    let values = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values.into_iter().fold(0.0, |largest, v| largest.max(f64::from(v.abs())))
}

#[test]
fn fifty_steps_of_a_u_net_are_diffusers_to_1e_3() {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens");
    let folder = goldens.join("uncond_default");
    let (config, weights) = load_unet(&folder).unwrap();
    let unet = UNet::new(&config, &weights).unwrap();
    let tensors = candle_core::safetensors::load(goldens.join("trajectories.safetensors"), &Device::Cpu).unwrap();
    let channels_last = |name: &str| tensors[name].permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();

    let text = std::fs::read_to_string(folder.join("scheduler/scheduler_config.json")).unwrap();
    let scheduler: serde_json::Value = serde_json::from_str(&text).unwrap();
    let spacing: TimestepSpacing = serde_json::from_value(scheduler["timestep_spacing"].clone()).unwrap();
    let schedule = Arc::new(schedule(scheduler["beta_schedule"].as_str().unwrap(), false));
    let workers = Arc::new(Workers::new(1).unwrap());
    for (prefix, prediction_type) in [("", PredictionType::Epsilon), ("v_prediction.", PredictionType::VPrediction)] {
        let parameterization = Parameterization { schedule: schedule.clone(), prediction_type, sigma_data: 0.5 };
        for sampler in [
            SamplerName::Ddim,
            SamplerName::Euler,
            SamplerName::Heun,
            SamplerName::Dpmpp2m,
            SamplerName::Dpmpp3m,
            SamplerName::UniPc,
        ] {
            // With a clamped x̂_0 the untrained network read as ε is chaotic: see the script.
            if prediction_type == PredictionType::Epsilon && [SamplerName::Ddim, SamplerName::Heun].contains(&sampler) {
                continue;
            }
            let settings = SamplerSettings {
                sampler,
                spacing,
                steps: 50,
                clip_sample: scheduler["clip_sample"] == true,
                ..SamplerSettings::from(&SampleConfig::default())
            };
            let denoiser = network_denoiser(&unet, &parameterization, None, 0.0, workers.clone()).unwrap();
            let trajectory = Trajectory::new(denoiser, schedule.clone(), &settings, channels_last("noise"), 0).unwrap();
            let ours = sample(trajectory).unwrap();
            let name = format!("{prefix}{}", sampler.name());
            let golden = channels_last(&name);
            let (off, size) = (largest(&(&ours - &golden).unwrap()), largest(&golden));
            println!("{name}: off by {off:.1e}, size {size:.1}");
            assert!(off < 1e-3, "{name}: off by {off}, size {size}");
        }
    }
}
