//! Schedules, timesteps and whole sampling loops against numbers that diffusers itself computed, with
//! an analytic network and analytic noise. The formulas are in the file under `_about`.

use std::sync::{Arc, LazyLock};

use anyhow::Result;
use candle_core::{Device, Tensor};
use serde_json::Value;

use super::{Ddim, Ddpm, Denoiser, NoiseSource, Prediction, SampleFrame, Sampler, Trajectory, levels, timesteps};
use crate::config::{PredictionType, ScheduleName, TimestepSpacing, VarianceType};
use crate::diffusion::{NoiseLevel, Parameterization, Schedule};

static GOLDENS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../tests/goldens/schedulers.json")).expect("the goldens are JSON")
});

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

const SPACINGS: [(&str, TimestepSpacing); 3] = [
    ("leading", TimestepSpacing::Leading),
    ("trailing", TimestepSpacing::Trailing),
    ("linspace", TimestepSpacing::Linspace),
];

const SCHEDULES: [(&str, ScheduleName); 4] = [
    ("linear", ScheduleName::Linear),
    ("scaled_linear", ScheduleName::ScaledLinear),
    ("squaredcos_cap_v2", ScheduleName::Cosine),
    ("sigmoid", ScheduleName::Sigmoid),
];

fn schedule(name: &str) -> Schedule {
    let (_, name) = SCHEDULES.iter().find(|(n, _)| *n == name).unwrap();
    Schedule::named(*name, 1000, 1e-4, 0.02).unwrap()
}

/// ᾱ as torch has it: β rounded to f32, 1 − β in f32, the product accumulated.
fn alphas_cumprod_in_f32(schedule: &Schedule) -> Vec<f64> {
    let mut product = 1f64;
    schedule
        .betas
        .iter()
        .map(|&beta| {
            product *= (1f32 - beta as f32) as f64;
            product
        })
        .collect()
}

#[test]
fn alphas_cumprod_are_diffusers_to_1e_6() {
    let mut compared = 0;
    for (key, values) in GOLDENS["alphas_cumprod"].as_object().unwrap() {
        let (name, zero_snr) = key.split_once(",zero_snr=").unwrap();
        if zero_snr == "True" {
            continue;
        }
        let ours = schedule(name);
        let rounded = alphas_cumprod_in_f32(&ours);
        for (t, value) in values.as_object().unwrap() {
            let (t, value): (usize, f64) = (t.parse().unwrap(), value.as_f64().unwrap());
            let off = |a: f64| (a / value - 1.0).abs();
            assert!(off(rounded[t]) < 1e-6, "{name} at {t}: {} against {value}", rounded[t]);
            // Our f64 value differs by f32's rounding of 1 − β alone, which the cap of the cosine
            // (1 − 0.999) magnifies at the last timestep.
            let rounding = if name == "squaredcos_cap_v2" && t >= 998 { 1e-4 } else { 2e-6 };
            assert!(off(ours.alphas_cumprod[t]) < rounding, "{name} at {t}");
            compared += 1;
        }
    }
    assert_eq!(compared, 24);
}

#[test]
fn sigmoid_is_diffusers() {
    let ours = schedule("sigmoid");
    assert!((ours.alphas_cumprod[500] / 0.2988876 - 1.0).abs() < 1e-6);
    assert!((ours.alphas_cumprod[999] / 3.9682e-5 - 1.0).abs() < 1e-5);
}

#[test]
fn timesteps_are_diffusers() {
    let mut compared = 0;
    for scheduler in ["DDPMScheduler", "DDIMScheduler"] {
        for (name, spacing) in SPACINGS {
            for n in [4, 10] {
                let golden = numbers(&GOLDENS["timesteps"][format!("{scheduler},{name},{n}")]["timesteps"]);
                let ours: Vec<f64> = timesteps(spacing, 1000, n).unwrap().into_iter().map(|t| t as f64).collect();
                assert_eq!(ours, golden, "{scheduler} {name} {n}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 12);
}

/// The goldens' network: output tanh(0.8 x)·(0.3 + 0.7 t/1000) + 0.05, read as `self.0`.
struct AnalyticNetwork(Parameterization);

impl Denoiser for AnalyticNetwork {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let output = ((x_t * 0.8)?.tanh()? * (0.3 + 0.7 * at.t / 1000.0))?.affine(1.0, 0.05)?;
        let (x_0, epsilon) = self.0.to_x_0_and_epsilon(&output, x_t, at)?;
        Ok(Prediction::new(x_0, epsilon))
    }
}

/// The goldens' noise: draw k (from 1) is 1.2 sin(0.7 i + 1.3 k).
struct AnalyticNoise(usize);

impl NoiseSource for AnalyticNoise {
    fn like(&mut self, x: &Tensor) -> Result<Tensor> {
        self.0 += 1;
        let value = |i: usize| (1.2 * (0.7 * i as f64 + 1.3 * self.0 as f64).sin()) as f32;
        Ok(Tensor::from_vec((0..x.elem_count()).map(value).collect::<Vec<_>>(), x.shape(), x.device())?)
    }
}

/// Runs our sampler where the golden ran diffusers', and returns the largest difference over the
/// whole trajectory.
fn largest_difference(name: &str, make: impl Fn(Vec<NoiseLevel>) -> Box<dyn Sampler>) -> f64 {
    let golden = &GOLDENS["loops"][name];
    let config = &golden["config"];
    let text = |key: &str| config[key].as_str().unwrap();
    let prediction_type: PredictionType = serde_json::from_value(config["prediction_type"].clone()).unwrap();
    let spacing: TimestepSpacing = serde_json::from_value(config["timestep_spacing"].clone()).unwrap();
    let schedule = Arc::new(schedule(text("beta_schedule")));
    let levels = levels(&schedule, spacing, golden["n"].as_u64().unwrap() as usize).unwrap();
    assert_eq!(levels.iter().map(|level| level.t).collect::<Vec<_>>(), numbers(&golden["timesteps"]));

    let x: Vec<f32> = (0..8).map(|i| (0.9 * i as f64).cos() as f32).collect();
    let trajectory = Trajectory::with(
        Box::new(AnalyticNetwork(Parameterization { schedule, prediction_type, sigma_data: 0.5 })),
        make(levels),
        Box::new(AnalyticNoise(0)),
        Tensor::from_vec(x, (1, 2, 4, 1), &Device::Cpu).unwrap(),
        config["clip_sample"].as_bool().unwrap(),
    )
    .unwrap();
    let frames: Vec<SampleFrame> = trajectory.collect::<Result<_>>().unwrap();
    let trace = golden["head_trace"].as_array().unwrap();
    assert_eq!(frames.len(), trace.len() + 1);
    let mut largest = 0f64;
    for (frame, golden) in frames[1..].iter().zip(trace) {
        let ours = frame.x_t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (a, b) in ours.iter().zip(numbers(golden)) {
            largest = largest.max((*a as f64 - b).abs());
        }
    }
    largest
}

#[test]
fn ddpm_loops_are_diffusers_to_1e_5() {
    for name in ["ddpm_eps_clip_10", "ddpm_sample_10"] {
        let off = largest_difference(name, |levels| Box::new(Ddpm::new(levels, VarianceType::FixedSmall)));
        assert!(off < 1e-5, "{name}: off by {off}");
    }
}

#[test]
fn ddim_loops_are_diffusers_to_1e_5() {
    for name in ["ddim_eta0_10", "ddim_eta0_noclip_10"] {
        let off = largest_difference(name, |levels| Box::new(Ddim::new(levels, 0.0)));
        assert!(off < 1e-5, "{name}: off by {off}");
    }
    let clipped = |yes| {
        largest_difference("ddim_eta0_usecl_10", move |levels| {
            Box::new(Ddim::new(levels, 0.0).use_clipped_model_output(yes))
        })
    };
    assert!(clipped(true) < 1e-5, "off by {}", clipped(true));
    assert!(clipped(false) > 1e-3, "the option must make a difference, or this test shows nothing");
}
