//! Samplers on data whose best denoiser is known: x_0 ~ N(μ, s²), every pixel alone.

use std::sync::Arc;

use anyhow::{Result, bail};
use candle_core::{Device, Tensor};

use super::{Denoiser, Prediction, SampleFrame, SamplerSettings, Trajectory, sample, starting_noise};
use crate::config::{SampleConfig, SamplerName, ScheduleName};
use crate::diffusion::{NoiseLevel, Posterior, Schedule, combine};

const MEAN: f64 = 0.3;
const VARIANCE: f64 = 0.25;

/// E[x_0 | x_t] of Gaussian data, and the noise that goes with it.
struct ExactGaussian;

impl Denoiser for ExactGaussian {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let gain = at.alpha * VARIANCE / (at.alpha * at.alpha * VARIANCE + at.sigma * at.sigma);
        let x_0 = x_t.affine(gain, MEAN - gain * at.alpha * MEAN)?;
        let epsilon = combine(1.0 / at.sigma, x_t, -at.alpha / at.sigma, &x_0)?;
        Ok(Prediction::new(x_0, epsilon))
    }
}

/// The same path cut into T steps.
fn schedule_of(timesteps: usize) -> Arc<Schedule> {
    let total = timesteps as f64;
    Arc::new(Schedule::named(ScheduleName::Linear, timesteps, 0.09 / total, 18.0 / total).unwrap())
}

fn schedule() -> Arc<Schedule> {
    schedule_of(300)
}

fn settings(sampler: SamplerName, steps: usize, eta: f64) -> SamplerSettings {
    SamplerSettings { sampler, steps, eta, ..SamplerSettings::from(&SampleConfig::default()) }
}

fn noise(n: usize) -> Tensor {
    starting_noise(n, 100, 100, 1, 3, &Device::Cpu).unwrap()
}

fn run(settings: &SamplerSettings, noise: Tensor, seed: u64) -> Vec<f32> {
    let trajectory = Trajectory::new(Box::new(ExactGaussian), schedule(), settings, noise, seed).unwrap();
    sample(trajectory).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn moments(values: &[f32]) -> (f64, f64) {
    let mean = values.iter().map(|&v| v as f64).sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|&v| (v as f64 - mean).powi(2)).sum::<f64>() / values.len() as f64)
}

/// Mean and variance that ancestral sampling has in exact arithmetic: every step is linear in x_t.
fn ancestral_moments(schedule: &Schedule, steps: usize) -> (f64, f64) {
    let levels = super::levels(schedule, &settings(SamplerName::Ddpm, steps, 0.0)).unwrap();
    let (mut mean, mut variance) = (0.0, 1.0);
    for (i, from) in levels.iter().enumerate() {
        let to = levels.get(i + 1).copied().unwrap_or(NoiseLevel::CLEAN);
        let posterior = Posterior::between((to.alpha, to.sigma), (from.alpha, from.sigma));
        let gain = from.alpha * VARIANCE / (from.alpha * from.alpha * VARIANCE + from.sigma * from.sigma);
        let slope = posterior.x_0 * gain + posterior.x_t;
        mean = slope * mean + posterior.x_0 * (MEAN - gain * from.alpha * MEAN);
        variance = slope * slope * variance + posterior.variance;
    }
    (mean, variance)
}

#[test]
fn ancestral_sampling_reproduces_the_data() {
    let settings = settings(SamplerName::Ddpm, 1000, 0.0);
    let trajectory = Trajectory::new(Box::new(ExactGaussian), schedule_of(1000), &settings, noise(5), 3).unwrap();
    let (mean, variance) = moments(&sample(trajectory).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap());
    // 50,000 draws: the variance is known to 0.6 % (one standard deviation), the mean to 0.0022.
    assert!((mean - MEAN).abs() < 0.007, "mean {mean}");
    assert!((variance / VARIANCE - 1.0).abs() < 0.03, "variance {variance}");
    // The variance of the posterior is a little too small while steps are finite: what is missing
    // goes as 1/T.
    let missing = |steps| 1.0 - ancestral_moments(&schedule_of(steps), steps).1 / VARIANCE;
    assert!(missing(8000) < 0.002 && missing(8000) > 0.0);
    assert!((1.9..2.0).contains(&(missing(4000) / missing(8000))));
}

#[test]
fn few_ancestral_steps_do_what_the_mathematics_says_they_do() {
    for steps in [1, 3, 20] {
        let (mean, variance) = moments(&run(&settings(SamplerName::Ddpm, steps, 0.0), noise(10), 4));
        let (exact_mean, exact_variance) = ancestral_moments(&schedule(), steps);
        assert!((mean - exact_mean).abs() < 0.006, "{steps} steps: mean {mean}, not {exact_mean}");
        let off = (variance - exact_variance).abs() / VARIANCE;
        assert!(off < 0.015, "{steps} steps: variance {variance}, not {exact_variance}");
    }
    assert!(ancestral_moments(&schedule(), 3).1 < 0.8 * VARIANCE, "so few steps must be seen to lose variance");
}

#[test]
fn ddim_follows_the_probability_flow_to_the_data() {
    // On Gaussian data the flow is x_0 = μ + s (x_T − α μ)/√(α² s² + σ²).
    let start = noise(1);
    let schedule = schedule();
    let (alpha, sigma) = (schedule.alpha(299), schedule.sigma(299));
    let scale = (VARIANCE / (alpha * alpha * VARIANCE + sigma * sigma)).sqrt();
    let ours = run(&settings(SamplerName::Ddim, 300, 0.0), start.clone(), 3);
    for (x_t, x_0) in start.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().zip(&ours) {
        let exact = MEAN + scale * (*x_t as f64 - alpha * MEAN);
        assert!((exact - *x_0 as f64).abs() < 0.02, "{x_t} went to {x_0}, not {exact}");
    }
}

#[test]
fn ddim_without_eta_does_not_know_the_seed_and_with_eta_does() {
    let ddim = |eta, seed| run(&settings(SamplerName::Ddim, 10, eta), noise(1), seed);
    assert_eq!(ddim(0.0, 1), ddim(0.0, 2));
    assert_ne!(ddim(0.5, 1), ddim(0.5, 2));
    assert_eq!(ddim(0.5, 1), ddim(0.5, 1));
}

#[test]
fn ddim_with_eta_1_is_ancestral_sampling() {
    for steps in [7, 300] {
        let ddim = run(&settings(SamplerName::Ddim, steps, 1.0), noise(1), 5);
        let ddpm = run(&settings(SamplerName::Ddpm, steps, 0.0), noise(1), 5);
        for (a, b) in ddim.iter().zip(&ddpm) {
            assert!((a - b).abs() < 1e-4, "{a} against {b}");
        }
    }
}

#[test]
fn a_sample_is_the_same_in_a_batch_of_any_size() {
    for sampler in [SamplerName::Ddpm, SamplerName::Ddim] {
        let alone = run(&settings(sampler, 12, 0.7), noise(1), 5);
        let among_others = run(&settings(sampler, 12, 0.7), noise(4), 5);
        assert_eq!(alone, among_others[..alone.len()]);
    }
}

#[test]
fn frames_count_from_the_noise_to_the_sample() {
    let start = noise(1);
    let settings = SamplerSettings { clip_sample: true, ..settings(SamplerName::Ddim, 3, 0.0) };
    let trajectory = Trajectory::new(Box::new(ExactGaussian), schedule(), &settings, start.clone(), 0).unwrap();
    assert_eq!(trajectory.total(), 3);
    let frames: Vec<SampleFrame> = trajectory.collect::<Result<_>>().unwrap();
    assert_eq!(
        frames.iter().map(|f| (f.index, f.total, f.t)).collect::<Vec<_>>(),
        [(0, 3, 299), (1, 3, 199), (2, 3, 99), (3, 3, 0)]
    );
    let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(values(&frames[0].x_t), values(&start));
    assert!(values(&frames[0].x_0).iter().all(|&v| v == 0.0));
    assert!(frames.iter().all(|f| values(&f.x_0).iter().all(|v| v.abs() <= 1.0)), "x̂_0 is clamped when asked for");
    // The last step goes to the clean image: what it shows is the estimate itself.
    assert_eq!(values(&frames[3].x_t), values(&frames[3].x_0));
}

/// Fails at the second call.
struct Failing;

impl Denoiser for Failing {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        if at.t < 250.0 {
            bail!("no answer below t = 250");
        }
        ExactGaussian.predict(x_t, at)
    }
}

#[test]
fn after_an_error_the_trajectory_ends() {
    let settings = settings(SamplerName::Ddim, 3, 0.0);
    let mut trajectory = Trajectory::new(Box::new(Failing), schedule(), &settings, noise(1), 0).unwrap();
    assert!(trajectory.next().unwrap().is_ok());
    assert!(trajectory.next().unwrap().is_ok());
    assert!(trajectory.next().unwrap().is_err());
    assert!(trajectory.next().is_none());
}

#[test]
fn impossible_settings_are_refused() {
    let refusal = |settings: &SamplerSettings, noise: Tensor| {
        Trajectory::new(Box::new(ExactGaussian), schedule(), settings, noise, 0).map(|_| ()).unwrap_err().to_string()
    };
    assert!(refusal(&settings(SamplerName::Ddim, 0, 0.0), noise(1)).contains("0 sampling steps"));
    assert!(refusal(&settings(SamplerName::Ddim, 301, 0.0), noise(1)).contains("choose 1 to 300"));
    assert!(refusal(&settings(SamplerName::Ddim, 10, 1.5), noise(1)).contains("1.5"));
    assert!(refusal(&settings(SamplerName::Ddim, 10, f64::NAN), noise(1)).contains("NaN"));
    assert!(refusal(&settings(SamplerName::Ddim, 10, 0.0), noise(1).flatten_all().unwrap()).contains("[N, H, W, C]"));
}
