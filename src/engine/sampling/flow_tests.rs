//! Solvers of the probability flow, against its exact solution on Gaussian data, and against diffusers'
//! numbers.

use std::sync::Arc;

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::diffusers_tests::{AnalyticNetwork, AnalyticNoise, GOLDENS, numbers};
use super::{Denoiser, Prediction, SampleFrame, SamplerSettings, Trajectory, check_sampler, make, starting_noise};
use crate::config::{
    DiffusionConfig, PathName, PredictionType, SampleConfig, SamplerName, ScheduleName, TimestepSpacing,
};
use crate::diffusion::{NoiseLevel, Parameterization, Schedule, combine};

const MEAN: f64 = 0.3;
const VARIANCE: f64 = 0.25;

/// The exact denoiser of x_0 ~ N(μ, s²).
struct Exact;

fn gain(at: NoiseLevel) -> f64 {
    at.alpha * VARIANCE / (at.alpha * at.alpha * VARIANCE + at.sigma * at.sigma)
}

impl Denoiser for Exact {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let x_0 = x_t.affine(gain(at), MEAN - gain(at) * at.alpha * MEAN)?;
        let epsilon = combine(1.0 / at.sigma, x_t, -at.alpha / at.sigma, &x_0)?;
        Ok(Prediction::new(x_0, epsilon))
    }
}

fn on(path: PathName) -> Arc<Schedule> {
    Arc::new(Schedule::from_config(&DiffusionConfig { path, ..DiffusionConfig::default() }).unwrap())
}

const PATHS: [PathName; 6] =
    [PathName::Vp, PathName::VpSde, PathName::SubVpSde, PathName::Ve, PathName::Edm, PathName::Flow];

fn settings(sampler: SamplerName) -> SamplerSettings {
    SamplerSettings { sampler, clip_sample: false, ..SamplerSettings::from(&SampleConfig::default()) }
}

/// Largest distance from where the flow leads, and the network calls. Along the flow of Gaussian data
/// (x_t − α μ)/√(α² s² + σ²) stays as it is; at the cleanest level x̂_0 is the sample.
fn off(schedule: &Arc<Schedule>, settings: &SamplerSettings) -> (f64, usize) {
    let noise = starting_noise(8, 8, 8, 1, 3, &Device::Cpu).unwrap();
    let start = schedule.noise_scale(schedule.noisiest());
    let trajectory = Trajectory::new(Box::new(Exact), schedule.clone(), settings, noise.clone(), 0).unwrap();
    let frames: Vec<SampleFrame> = trajectory.collect::<Result<_>>().unwrap();
    let last = frames.last().unwrap();
    assert_eq!((last.index, last.total), (frames.len() - 1, frames.len() - 1), "the last frame tells the true number");
    assert!(frames[..frames.len() - 1].iter().all(|frame| frame.index < frame.total));
    let spread = |at: NoiseLevel| (at.alpha * at.alpha * VARIANCE + at.sigma * at.sigma).sqrt();
    let (from, to) = (schedule.noisiest(), schedule.cleanest());
    let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let noise = values(&noise);
    let worst = noise.iter().zip(values(&last.x_t)).map(|(noise, got)| {
        let x = f64::from(*noise) * start;
        let x = to.alpha * MEAN + (x - from.alpha * MEAN) * spread(to) / spread(from);
        let x_0 = gain(to) * x + MEAN - gain(to) * to.alpha * MEAN;
        (x_0 - f64::from(got)).abs()
    });
    (worst.fold(0.0, f64::max), frames.len() - 1)
}

#[test]
fn the_adaptive_solver_keeps_its_tolerance_on_every_path() {
    for path in PATHS {
        let schedule = on(path);
        let found = [1e-2, 1e-4, 1e-5, 1e-6].map(|tolerance| {
            let settings = SamplerSettings { rtol: tolerance, atol: tolerance, ..settings(SamplerName::PfOde) };
            let (error, calls) = off(&schedule, &settings);
            println!("{path:?} {tolerance}: error {error:.2e} with {calls} calls");
            // Errors of single steps add up: a few times what each may have; and there is f32's rounding.
            assert!(error < 20.0 * tolerance + 5e-5, "{path:?}: off by {error} with a tolerance of {tolerance}");
            assert!(calls < 1000, "{path:?}: {calls} calls");
            (error, calls)
        });
        assert!(found.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{path:?}: {found:?}");
        assert!(found[3].0 < (0.5 * found[0].0).max(5e-5) && found[3].1 > found[0].1, "{path:?}: {found:?}");
    }
}

#[test]
fn a_tolerance_beyond_f32_still_ends() {
    let settings = SamplerSettings { rtol: 1e-12, atol: 1e-12, ..settings(SamplerName::PfOde) };
    let (error, calls) = off(&on(PathName::VpSde), &settings);
    assert!(error < 1e-3 && calls < 20_000, "off by {error} with {calls} calls");
}

/// A denoiser that has gone wrong.
struct Broken;

impl Denoiser for Broken {
    fn predict(&self, x_t: &Tensor, _: NoiseLevel) -> Result<Prediction> {
        let nan = (x_t * f64::NAN)?;
        Ok(Prediction::new(nan.clone(), nan))
    }
}

#[test]
fn answers_that_are_no_numbers_end_the_adaptive_solver() {
    let noise = starting_noise(1, 2, 2, 1, 3, &Device::Cpu).unwrap();
    let trajectory =
        Trajectory::new(Box::new(Broken), on(PathName::Vp), &settings(SamplerName::PfOde), noise, 0).unwrap();
    let error = trajectory.collect::<Result<Vec<_>>>().unwrap_err().to_string();
    assert!(error.contains("NaN"), "{error}");
}

#[test]
fn flow_solvers_have_at_least_their_orders() {
    let schedule = on(PathName::Flow);
    for (sampler, order, calls_a_step) in
        [(SamplerName::FlowEuler, 1.0, 1), (SamplerName::FlowMidpoint, 2.0, 2), (SamplerName::FlowHeun, 2.0, 2)]
    {
        let error = |steps| {
            let settings = SamplerSettings { steps, spacing: TimestepSpacing::Linspace, ..settings(sampler) };
            off(&schedule, &settings)
        };
        let ((coarse, calls), (fine, _)) = (error(12), error(24));
        let measured = (coarse / fine).log2();
        println!("{}: {coarse:.2e}, {fine:.2e}: order {measured:.2}", sampler.name());
        // On Gaussian data errors can cancel; the mixture of order_tests.rs shows the order itself.
        assert!(measured > order - 0.3, "{}: order {measured}", sampler.name());
        assert!(calls == 12 * calls_a_step || calls == 12 * calls_a_step - 1, "{} calls", calls);
    }
}

#[test]
fn one_step_of_a_flow_is_the_estimate_itself() {
    for sampler in [SamplerName::FlowEuler, SamplerName::FlowHeun] {
        let settings = SamplerSettings { steps: 1, spacing: TimestepSpacing::Trailing, ..settings(sampler) };
        let noise = starting_noise(1, 2, 2, 1, 3, &Device::Cpu).unwrap();
        let trajectory = Trajectory::new(Box::new(Exact), on(PathName::Flow), &settings, noise, 0).unwrap();
        let frames: Vec<SampleFrame> = trajectory.collect::<Result<_>>().unwrap();
        let mean: f32 = frames[1].x_t.mean_all().unwrap().to_scalar().unwrap();
        assert_eq!(frames.len(), 2);
        // Without any signal the best estimate is the mean.
        assert!((f64::from(mean) - MEAN).abs() < 1e-5, "{mean}");
    }
}

#[test]
fn forbidden_samplers_are_refused_with_reason_and_cure() {
    for path in PATHS {
        let schedule = on(path);
        for sampler in [SamplerName::FlowEuler, SamplerName::FlowMidpoint, SamplerName::FlowHeun] {
            assert_eq!(check_sampler(sampler, &schedule).is_ok(), path == PathName::Flow);
        }
        assert_eq!(check_sampler(SamplerName::Pc, &schedule).is_ok(), path != PathName::Flow);
        assert!(check_sampler(SamplerName::Ddim, &schedule).is_ok());
    }
    let refusal = make(&on(PathName::Vp), &settings(SamplerName::FlowHeun)).map(|_| ()).unwrap_err().to_string();
    assert!(refusal.contains("flow_heun") && refusal.contains("use ddim"), "{refusal}");
    let zero_snr = DiffusionConfig { rescale_betas_zero_snr: true, ..DiffusionConfig::default() };
    let zero_snr = Schedule::from_config(&zero_snr).unwrap();
    assert!(check_sampler(SamplerName::Pc, &zero_snr).unwrap_err().contains("without any signal"));
}

/// The largest difference from a golden whose x is scaled by what `scale` says of each level.
fn from_golden(
    name: &str,
    parameterization: Parameterization,
    settings: &SamplerSettings,
    scale: fn(NoiseLevel) -> f64,
) -> f64 {
    let golden = &GOLDENS["loops"][name];
    let schedule = parameterization.schedule.clone();
    let sampler = make(&schedule, settings).unwrap();
    let levels = super::levels(&schedule, settings).unwrap();
    let told: Vec<f64> = levels.iter().map(|&level| parameterization.network_time(level)).collect();
    for (ours, theirs) in told.iter().zip(numbers(&golden["timesteps"])) {
        assert!((ours - theirs).abs() < 1e-6, "{told:?}");
    }
    let x: Vec<f32> = (0..8).map(|i| (0.9 * i as f64).cos() as f32).collect();
    let start = Tensor::from_vec(x, (1, 2, 4, 1), &Device::Cpu).unwrap();
    let start = (start * sampler.noise_scale().unwrap_or_else(|| schedule.noise_scale(sampler.first()))).unwrap();
    let network = Box::new(AnalyticNetwork(parameterization));
    let frames: Vec<SampleFrame> = Trajectory::with(network, sampler, Box::new(AnalyticNoise(0)), start, false)
        .unwrap()
        .collect::<Result<_>>()
        .unwrap();
    let trace = golden["head_trace"].as_array().unwrap();
    assert_eq!(frames.len(), trace.len() + 1);
    let ends = levels[1..].iter().copied().chain([NoiseLevel::CLEAN]);
    let mut largest = 0f64;
    for ((frame, golden), end) in frames[1..].iter().zip(trace).zip(ends) {
        let ours = frame.x_t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (a, b) in ours.iter().zip(numbers(golden)) {
            let a = f64::from(*a) * scale(end);
            // In σ space numbers reach hundreds: relative there.
            largest = largest.max((a - b).abs() / b.abs().max(1.0));
        }
    }
    largest
}

#[test]
fn euler_ancestral_is_diffusers_to_1e_5() {
    let schedule = Arc::new(Schedule::named(ScheduleName::Linear, 1000, 1e-4, 0.02).unwrap());
    let parameterization = Parameterization { schedule, prediction_type: PredictionType::Epsilon, sigma_data: 0.5 };
    let settings = SamplerSettings { steps: 10, spacing: TimestepSpacing::Linspace, ..settings(SamplerName::EulerA) };
    let off = from_golden("euler_a_10", parameterization, &settings, |end| 1.0 / end.alpha);
    assert!(off < 1e-5, "off by {off}");
}

#[test]
fn flow_euler_is_diffusers_to_1e_5() {
    let parameterization =
        Parameterization { schedule: on(PathName::Flow), prediction_type: PredictionType::Flow, sigma_data: 0.5 };
    let settings =
        SamplerSettings { steps: 10, spacing: TimestepSpacing::Linspace, ..settings(SamplerName::FlowEuler) };
    let off = from_golden("flow_euler_shift1.0_10", parameterization, &settings, |_| 1.0);
    assert!(off < 1e-5, "off by {off}");
}
