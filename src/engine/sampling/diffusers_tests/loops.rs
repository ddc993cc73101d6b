//! Whole sampling loops with an analytic network and analytic noise.

use std::sync::Arc;

use anyhow::Result;
use candle_core::{Device, Tensor};
use serde_json::Value;

use super::super::{
    Ddim, Ddpm, Denoiser, Dpmpp, Euler, Heun, Levels, NoiseSource, Prediction, SampleFrame, Sampler, SamplerSettings,
    Trajectory, UniPc, levels, make,
};
use super::goldens::{GOLDENS, numbers, schedule};
use crate::config::{PredictionType, SampleConfig, SamplerName, TimestepSpacing, VarianceType};
use crate::diffusion::{NoiseLevel, Parameterization, Schedule};

/// The goldens' network: output tanh(0.8 x)·(0.3 + 0.7 t/1000) + 0.05, read as `self.0`.
pub struct AnalyticNetwork(pub Parameterization);

impl Denoiser for AnalyticNetwork {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let output = ((x_t * 0.8)?.tanh()? * (0.3 + 0.7 * self.0.network_time(at) / 1000.0))?.affine(1.0, 0.05)?;
        let (x_0, epsilon) = self.0.to_x_0_and_epsilon(&output, x_t, at)?;
        Ok(Prediction::new(x_0, epsilon))
    }
}

/// The goldens' noise: draw k (from 1) is 1.2 sin(0.7 i + 1.3 k).
pub struct AnalyticNoise(pub usize);

impl NoiseSource for AnalyticNoise {
    fn like(&mut self, x: &Tensor) -> Result<Tensor> {
        self.0 += 1;
        let value = |i: usize| (1.2 * (0.7 * i as f64 + 1.3 * self.0 as f64).sin()) as f32;
        Ok(Tensor::from_vec((0..x.elem_count()).map(value).collect::<Vec<_>>(), x.shape(), x.device())?)
    }
}

/// A golden loop as our settings.
struct Loop {
    golden: &'static Value,
    schedule: Arc<Schedule>,
    prediction_type: PredictionType,
    settings: SamplerSettings,
}

impl Loop {
    fn named(name: &str, sampler: SamplerName) -> Self {
        let golden = &GOLDENS["loops"][name];
        let config = &golden["config"];
        let prediction_type = match config.get("prediction_type") {
            Some(word) => serde_json::from_value(word.clone()).unwrap(),
            None => PredictionType::Epsilon,
        };
        let spacing = match config.get("timestep_spacing") {
            _ if config["use_karras_sigmas"] == true => TimestepSpacing::Karras,
            Some(word) => serde_json::from_value(word.clone()).unwrap(),
            None => TimestepSpacing::Linspace,
        };
        let settings = SamplerSettings {
            sampler,
            spacing,
            steps: golden["n"].as_u64().unwrap() as usize,
            clip_sample: config["clip_sample"] == true,
            ..SamplerSettings::from(&SampleConfig::default())
        };
        let schedule = Arc::new(schedule(config["beta_schedule"].as_str().unwrap(), false));
        Self { golden, schedule, prediction_type, settings }
    }

    fn levels(&self) -> Vec<NoiseLevel> {
        levels(&self.schedule, &self.settings).unwrap()
    }

    /// Runs `sampler` where the golden ran diffusers', and returns the largest difference over the whole
    /// trajectory, relative to the size of what the network sees. `standing` gives the level at which a
    /// golden whose image is not scaled down stands after call i; none: the golden has our own scale.
    fn largest_difference(&self, sampler: Box<dyn Sampler>, standing: Option<&dyn Fn(usize) -> NoiseLevel>) -> f64 {
        let scale = sampler.noise_scale().unwrap_or(1.0);
        let x: Vec<f32> = (0..8).map(|i| (scale * (0.9 * i as f64).cos()) as f32).collect();
        let parameterization = Parameterization {
            schedule: self.schedule.clone(),
            prediction_type: self.prediction_type,
            sigma_data: 0.5,
        };
        let trajectory = Trajectory::with(
            Box::new(AnalyticNetwork(parameterization)),
            sampler,
            Box::new(AnalyticNoise(0)),
            Tensor::from_vec(x, (1, 2, 4, 1), &Device::Cpu).unwrap(),
            self.settings.clip_sample,
        )
        .unwrap();
        let frames: Vec<SampleFrame> = trajectory.collect::<Result<_>>().unwrap();
        let trace = self.golden["head_trace"].as_array().unwrap();
        assert_eq!(frames.len(), trace.len() + 1);
        let mut largest = 0f64;
        for (i, (frame, golden)) in frames[1..].iter().zip(trace).enumerate() {
            let ours = frame.x_t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let alpha = standing.map_or(1.0, |at| at(i).alpha);
            let golden: Vec<f64> = numbers(golden).into_iter().map(|v| alpha * v).collect();
            let size = golden.iter().fold(1f64, |size, v| size.max(v.abs()));
            for (a, b) in ours.iter().zip(golden) {
                largest = largest.max((f64::from(*a) - b).abs() / size);
            }
        }
        largest
    }
}

fn assert_equal(name: &str, sampler: SamplerName, make: impl Fn(Vec<NoiseLevel>) -> Box<dyn Sampler>) {
    let golden = Loop::named(name, sampler);
    let levels = golden.levels();
    assert_eq!(levels.iter().map(|level| level.t).collect::<Vec<_>>(), numbers(&golden.golden["timesteps"]));
    let off = golden.largest_difference(make(levels), None);
    assert!(off < 1e-5, "{name}: off by {off}");
}

#[test]
fn ddpm_loops_are_diffusers_to_1e_5() {
    for name in ["ddpm_eps_clip_10", "ddpm_sample_10"] {
        assert_equal(name, SamplerName::Ddpm, |levels| Box::new(Ddpm::new(levels, VarianceType::FixedSmall)));
    }
}

#[test]
fn ddim_loops_are_diffusers_to_1e_5() {
    for name in ["ddim_eta0_10", "ddim_eta0_noclip_10"] {
        assert_equal(name, SamplerName::Ddim, |levels| Box::new(Ddim::new(levels, 0.0)));
    }
    let clipped = |yes| {
        let golden = Loop::named("ddim_eta0_usecl_10", SamplerName::Ddim);
        let sampler = Ddim::new(golden.levels(), 0.0).use_clipped_model_output(yes);
        golden.largest_difference(Box::new(sampler), None)
    };
    assert!(clipped(true) < 1e-5, "off by {}", clipped(true));
    assert!(clipped(false) > 1e-3, "the option must make a difference, or this test shows nothing");
}

#[test]
fn dpm_solver_loops_are_diffusers_to_1e_5() {
    let midpoint = |levels| -> Box<dyn Sampler> { Box::new(Dpmpp::new(levels, 2)) };
    assert_equal("dpmpp_2m_20", SamplerName::Dpmpp2m, midpoint);
    assert_equal("dpmpp_2m_heun_10", SamplerName::Dpmpp2m, |levels| Box::new(Dpmpp::new(levels, 2).heun(true)));
    assert_equal("dpmpp_sde_2m_10", SamplerName::Dpmpp2mSde, |levels| Box::new(Dpmpp::new(levels, 2).sde(true)));
    for name in ["dpmpp_3m_20", "dpmpp_3m_10"] {
        assert_equal(name, SamplerName::Dpmpp3m, |levels| Box::new(Dpmpp::new(levels, 3)));
    }
    let golden = Loop::named("dpmpp_3m_20", SamplerName::Dpmpp3m);
    let exact = golden.largest_difference(Box::new(Dpmpp::new(golden.levels(), 3).exact(true)), None);
    assert!(exact > 1e-4, "what diffusers leaves out of the third order must be seen: {exact}");
}

#[test]
fn unipc_loops_are_diffusers_to_1e_5() {
    let clean = |levels| -> Box<dyn Sampler> { Box::new(UniPc::new(levels, 2)) };
    assert_equal("unipc_bh2_10_final_zero_HEAD", SamplerName::UniPc, clean);
    let least = schedule("linear", false).cleanest();
    let noisy = |levels| -> Box<dyn Sampler> { Box::new(UniPc::new(Levels::ending(levels, least), 2)) };
    assert_equal("unipc_bh2_10_final_sigma_min_HEAD", SamplerName::UniPc, noisy);
}

#[test]
fn euler_loops_are_diffusers_to_1e_5() {
    for name in ["euler_10", "euler_karras_10"] {
        let golden = Loop::named(name, SamplerName::Euler);
        let levels = golden.levels();
        for (level, t) in levels.iter().zip(numbers(&golden.golden["timesteps"])) {
            assert!((level.t - t).abs() < 0.05, "{name}: {} against {t}", level.t);
        }
        let standing = |i: usize| levels.get(i + 1).copied().unwrap_or(NoiseLevel::CLEAN);
        let sampler = Euler::new(levels.clone(), Some(levels[0].sigma));
        let off = golden.largest_difference(Box::new(sampler), Some(&standing));
        assert!(off < 1e-5, "{name}: off by {off}");
    }
}

#[test]
fn heun_and_edm_without_churn_loop_as_diffusers_heun_to_1e_5() {
    let golden = Loop::named("heun_10", SamplerName::Heun);
    let levels = golden.levels();
    // Two calls a step: the first leads to the next level, and the second again.
    let standing = |i: usize| levels.get((i + 2) / 2).copied().unwrap_or(NoiseLevel::CLEAN);
    let heun = Heun::new(levels.clone(), Some(levels[0].sigma));
    assert_eq!(heun.calls(), golden.golden["timesteps"].as_array().unwrap().len());
    let edm =
        make(&golden.schedule, &SamplerSettings { sampler: SamplerName::Edm, ..golden.settings.clone() }).unwrap();
    for sampler in [Box::new(heun), edm] {
        let off = golden.largest_difference(sampler, Some(&standing));
        assert!(off < 1e-5, "off by {off}");
    }
}
