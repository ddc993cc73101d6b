//! The loops of tests/goldens/loops.json: every sampler that diffusers has, under the keys that its schedulers have,
//! call by call. tests/parity/make_loops.py made them with diffusers 0.42.1.

use std::sync::{Arc, Mutex};

use anyhow::Result;
use candle_core::{Device, Tensor};
use serde_json::Value;

use super::super::{Denoiser, Prediction, SampleFrame, SamplerSettings, Trajectory, make};
use super::goldens::numbers;
use super::{AnalyticNetwork, AnalyticNoise};
use crate::config::Config;
use crate::diffusion::{NoiseLevel, Parameterization};

/// Writes down the times that the network is told.
struct Told(AnalyticNetwork, Arc<Mutex<Vec<f64>>>);

impl Denoiser for Told {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        self.1.lock().unwrap().push(self.0.0.network_time(at));
        self.0.predict(x_t, at)
    }
}

/// What the network was told, and what it was shown call by call, the sample last.
fn run(keys: &[String]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let config = Config::default().with_overrides(keys).unwrap();
    config.validate().unwrap();
    let parameterization = Parameterization::from_config(&config.diffusion).unwrap();
    let schedule = parameterization.schedule.clone();
    let settings = SamplerSettings::from(&config.sample);
    let sampler = make(&schedule, &settings).unwrap();
    let scale = sampler.noise_scale().unwrap_or_else(|| schedule.noise_scale(sampler.first()));
    let start: Vec<f32> = (0..8).map(|i| (scale * (0.9 * f64::from(i)).cos()) as f32).collect();
    let told = Arc::new(Mutex::new(Vec::new()));
    let network = Box::new(Told(AnalyticNetwork(parameterization), told.clone()));
    let start = Tensor::from_vec(start, (1, 2, 4, 1), &Device::Cpu).unwrap();
    let noise = Box::new(AnalyticNoise(0));
    let trajectory = Trajectory::with(network, sampler, noise, start, settings.clamp()).unwrap();
    let frames: Vec<SampleFrame> = trajectory.collect::<Result<_>>().unwrap();
    let shown = frames
        .iter()
        .map(|frame| frame.x_t.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f64::from).collect());
    let told = told.lock().unwrap().clone();
    (told, shown.collect())
}

/// The largest difference of two lists, relative to the size of the second where that is above 1.
fn off(ours: &[f64], golden: &[f64]) -> f64 {
    let size = golden.iter().fold(1f64, |size, v| size.max(v.abs()));
    ours.iter().zip(golden).map(|(a, b)| (a - b).abs() / size).fold(0.0, f64::max)
}

#[test]
fn every_scheduler_and_key_loops_as_in_diffusers_to_1e_4() {
    let file: Value = serde_json::from_str(include_str!("../../../../tests/goldens/loops.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() > 90);
    let mut wrong = Vec::new();
    for case in cases {
        let keys: Vec<String> = case["keys"].as_array().unwrap().iter().map(|k| k.as_str().unwrap().into()).collect();
        let what = format!("{} {} {}", case["class"], case["config"], case["steps"]);
        let (told, shown) = run(&keys);
        let golden_told = numbers(&case["told"]);
        let mut golden: Vec<Vec<f64>> = case["shown"].as_array().unwrap().iter().map(numbers).collect();
        golden.push(numbers(&case["sample"]));
        // Fractional timesteps diffusers has from logarithms in f32.
        let t_off = told.iter().zip(&golden_told).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let x_off = shown.iter().zip(&golden).map(|(a, b)| off(a, b)).fold(0.0, f64::max);
        println!("{what}: t off by {t_off:.1e}, x by {x_off:.1e}");
        if told.len() != golden_told.len() || shown.len() != golden.len() || t_off > 0.01 || x_off > 1e-4 {
            wrong.push(format!("{what}: t off by {t_off:.1e}, x by {x_off:.1e}; told {told:?} for {golden_told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
