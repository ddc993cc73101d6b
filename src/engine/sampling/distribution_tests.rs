//! The stochastic samplers' final distributions, on data whose best denoiser is known.

use anyhow::Result;
use candle_core::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use super::{
    Churn, Ddim, Ddpm, Denoiser, Dpm2, Dpmpp, Edm, EulerAncestral, NoiseSource, Prediction, PredictorCorrector,
    Sampler, Trajectory, sample,
};
use crate::config::{DiffusionConfig, PathName, VarianceType};
use crate::diffusion::{NoiseLevel, Schedule, combine};
use crate::random::{Stream, generator, normal};

/// Levels of the variance-preserving circle, equal angles apart: σ/α from 40 down to 0.01.
fn levels(n: usize) -> Vec<NoiseLevel> {
    let (start, end) = (40f64.atan(), 0.01f64.atan());
    let angle = |i: usize| start + (end - start) * i as f64 / (n - 1) as f64;
    (0..n).map(|i| NoiseLevel { t: (n - 1 - i) as f64, alpha: angle(i).cos(), sigma: angle(i).sin() }).collect()
}

type Make = fn(Vec<NoiseLevel>) -> Box<dyn Sampler>;

const SAMPLERS: [(&str, Make); 10] = [
    ("ddpm fixed_small", |levels| Box::new(Ddpm::new(levels, VarianceType::FixedSmall))),
    ("ddpm fixed_large", |levels| Box::new(Ddpm::new(levels, VarianceType::FixedLarge))),
    ("ddim η = 1", |levels| Box::new(Ddim::new(levels, 1.0))),
    ("euler_a", |levels| Box::new(EulerAncestral::new(levels, None))),
    ("pc", |levels| Box::new(PredictorCorrector::new(levels, 0.16, 1))),
    ("dpmpp_2m_sde", |levels| Box::new(Dpmpp::new(levels, 2).sde(true))),
    ("dpmpp_2m_sde of order 1", |levels| Box::new(Dpmpp::new(levels, 1).sde(true))),
    ("dpmpp_2m_sde, heun", |levels| Box::new(Dpmpp::new(levels, 2).sde(true).heun(true))),
    ("dpm_2_a", |levels| {
        // The middles are found on a variance-preserving path, as edm's raised levels.
        let config = DiffusionConfig { path: PathName::VpSde, ..DiffusionConfig::default() };
        Box::new(Dpm2::new(&Schedule::from_config(&config).unwrap(), levels, None, true))
    }),
    ("edm with churn", |levels| {
        // Raised levels are found on a variance-preserving path, which these levels lie on.
        let config = DiffusionConfig { path: PathName::VpSde, ..DiffusionConfig::default() };
        let churn = Churn { s_churn: 80.0, s_tmin: 0.0, s_tmax: f64::INFINITY, s_noise: 1.0 };
        Box::new(Edm::new(&Schedule::from_config(&config).unwrap(), levels, None, churn).unwrap())
    }),
];

/// ±MODE with equal chances, each with the standard deviation SPREAD: the exact denoiser.
struct Mixture;

const MODE: f64 = 0.7;
const SPREAD: f64 = 0.2;

impl Denoiser for Mixture {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let total = at.alpha * at.alpha * SPREAD * SPREAD + at.sigma * at.sigma;
        let gain = at.alpha * SPREAD * SPREAD / total;
        // E[mode | x_t] = MODE·tanh(α·MODE·x_t/total).
        let mode = (x_t * (at.alpha * MODE / total))?.tanh()?;
        let x_0 = combine(gain, x_t, (1.0 - gain * at.alpha) * MODE, &mode)?;
        let epsilon = combine(1.0 / at.sigma, x_t, -at.alpha / at.sigma, &x_0)?;
        Ok(Prediction::new(x_0, epsilon))
    }
}

/// Draws of a table of normal numbers from a place that chance chooses: as good as new ones here, and free.
struct Table {
    numbers: Tensor,
    rng: ChaCha8Rng,
}

const TABLE: usize = 1 << 20;

impl Table {
    fn new(seed: u64) -> Self {
        let mut rng = generator(seed, Stream::Sampling, 0);
        let numbers = normal(&mut rng, TABLE);
        let n = TABLE as f64;
        let mean = numbers.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = numbers.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        let even: Vec<f32> = numbers.iter().map(|&v| ((f64::from(v) - mean) / variance.sqrt()) as f32).collect();
        Self { numbers: Tensor::from_vec(even, TABLE, &Device::Cpu).unwrap(), rng }
    }
}

impl NoiseSource for Table {
    fn like(&mut self, x: &Tensor) -> Result<Tensor> {
        use rand::RngExt as _;
        let n = x.elem_count();
        let from = self.rng.random_range(0..TABLE - n);
        Ok(self.numbers.narrow(0, from, n)?.reshape(x.shape())?)
    }
}

const DRAWS: usize = 40_000;

fn drawn(make: Make, steps: usize) -> Vec<f32> {
    let noise = normal(&mut generator(11, Stream::Sampling, 7), DRAWS);
    let start = Tensor::from_vec(noise, (1, DRAWS, 1, 1), &Device::Cpu).unwrap();
    let table = Box::new(Table::new(5));
    let trajectory = Trajectory::with(Box::new(Mixture), make(levels(steps)), table, start, false).unwrap();
    sample(trajectory).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn data(n: usize) -> Vec<f32> {
    let normals = normal(&mut generator(21, Stream::Sampling, 9), n);
    normals
        .iter()
        .enumerate()
        .map(|(i, z)| (if i % 2 == 0 { MODE } else { -MODE }) as f32 + SPREAD as f32 * z)
        .collect()
}

/// Two samples' difference in a statistic, in standard errors.
fn score(a: &[f64], b: &[f64]) -> f64 {
    let moments = |v: &[f64]| {
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        (mean, v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (v.len() - 1) as f64 / v.len() as f64)
    };
    let ((mean_a, error_a), (mean_b, error_b)) = (moments(a), moments(b));
    (mean_a - mean_b) / (error_a + error_b).sqrt()
}

/// The two-sample test: the largest difference, in standard errors, of the means, of the variances, and of
/// the variances within the modes.
fn two_sample(a: &[f32], b: &[f32]) -> f64 {
    let mean = |v: &[f32], f: fn(f64) -> f64| v.iter().map(|&x| f(f64::from(x))).sum::<f64>() / v.len() as f64;
    let whole: fn(f64) -> f64 = |x| x;
    let statistics = |v: &[f32]| {
        let (centre, within) = (mean(v, whole), mean(v, f64::abs));
        let of = |f: &dyn Fn(f64) -> f64| v.iter().map(|&x| f(f64::from(x))).collect::<Vec<f64>>();
        [of(&whole), of(&|x| (x - centre).powi(2)), of(&|x| (x.abs() - within).powi(2))]
    };
    statistics(a).iter().zip(&statistics(b)).map(|(a, b)| score(a, b).abs()).fold(0.0, f64::max)
}

/// More standard errors than this are no chance: one in 10,000 tests.
const LIMIT: f64 = 4.0;

/// Steps that bring a sampler's own error of discretization below the test's: it falls as 1/steps for the
/// samplers of first order, and faster for the others.
const STEPS: usize = 1000;
const STEPS_OF_SECOND_ORDER: usize = 300;

fn same_distribution(name: &str, steps: usize) {
    let (_, make) = SAMPLERS.into_iter().find(|(n, _)| *n == name).unwrap();
    let (ours, reference) = (drawn(make, steps), data(200_000));
    let found = two_sample(&ours, &reference);
    println!("{name}: {found:.2} standard errors from the data");
    assert!(found < LIMIT, "{name}: {found} standard errors from the data");
    // Two percent more variance in the samples: seen.
    let planted: Vec<f32> = ours.iter().map(|v| v * 1.02f32.sqrt()).collect();
    let planted = two_sample(&planted, &reference);
    assert!(planted > LIMIT, "{name}: 2 % too much variance stay unseen ({planted} standard errors)");
}

#[test]
fn ddpm_draws_from_the_data_and_two_percent_of_variance_are_seen() {
    same_distribution("ddpm fixed_small", STEPS);
}

#[test]
fn pc_draws_from_the_data_and_two_percent_of_variance_are_seen() {
    same_distribution("pc", STEPS);
}

#[test]
fn dpmpp_2m_sde_draws_from_the_data_and_two_percent_of_variance_are_seen() {
    same_distribution("dpmpp_2m_sde", STEPS_OF_SECOND_ORDER);
}

#[test]
fn dpm_2_a_draws_from_the_data_and_two_percent_of_variance_are_seen() {
    same_distribution("dpm_2_a", STEPS);
}

#[test]
fn edm_with_churn_draws_from_the_data_and_two_percent_of_variance_are_seen() {
    same_distribution("edm with churn", STEPS_OF_SECOND_ORDER);
}

/// Gaussian data: every sampler is then linear in the starting noise and in each draw.
struct Gaussian;

const VARIANCE: f64 = 0.25;

impl Denoiser for Gaussian {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let gain = at.alpha * VARIANCE / (at.alpha * at.alpha * VARIANCE + at.sigma * at.sigma);
        let x_0 = (x_t * gain)?;
        let epsilon = combine(1.0 / at.sigma, x_t, -at.alpha / at.sigma, &x_0)?;
        Ok(Prediction::new(x_0, epsilon))
    }
}

/// Draw k is `scale` in image k + 1 and 0 elsewhere.
struct Impulse {
    drawn: usize,
    scale: f32,
}

impl NoiseSource for Impulse {
    fn like(&mut self, x: &Tensor) -> Result<Tensor> {
        let mut values = vec![0f32; x.elem_count()];
        self.drawn += 1;
        values[self.drawn] = self.scale;
        Ok(Tensor::from_vec(values, x.shape(), x.device())?)
    }
}

/// The exact variance of what a sampler makes of N(0, s²) data: image 0 answers to the starting noise,
/// image k to draw k, and the squares of all answers add up.
fn exact_variance(make: Make, steps: usize, planted: f32) -> f64 {
    let sampler = make(levels(steps));
    let scale = sampler.noise_scale().unwrap_or(1.0) as f32;
    let images = sampler.calls() + 1;
    let mut start = vec![0f32; images];
    start[0] = scale;
    let start = Tensor::from_vec(start, (images, 1, 1, 1), &Device::Cpu).unwrap();
    let noise = Box::new(Impulse { drawn: 0, scale: planted });
    let trajectory = Trajectory::with(Box::new(Gaussian), sampler, noise, start, false).unwrap();
    let answers: Vec<f32> = sample(trajectory).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    answers.iter().map(|&v| f64::from(v).powi(2)).sum()
}

#[test]
fn the_exact_variance_tends_to_the_datas_and_two_percent_of_noise_are_seen() {
    for (name, make) in SAMPLERS {
        let off = |steps, planted| exact_variance(make, steps, planted) / VARIANCE - 1.0;
        let (coarse, fine) = (off(400, 1.0), off(1600, 1.0));
        println!("{name}: variance off by {:.3} % in 400 steps, {:.3} % in 1600", 100.0 * coarse, 100.0 * fine);
        assert!(fine.abs() < 0.01, "{name}: variance off by {fine}");
        assert!(fine.abs() < 0.5 * coarse.abs().max(0.01), "{name}: {coarse} in 400 steps, {fine} in 1600");
        let planted = off(1600, 1.02f32.sqrt()) - fine;
        assert!(planted > 0.015, "{name}: 2 % more noise give only {planted}");
    }
}

/// Unclamped, the three ancestral samplers are one: what holds of ddpm's distribution holds of the others'.
#[test]
fn ddpm_ddim_with_eta_1_and_euler_ancestral_take_the_same_steps() {
    let run = |name: &str| {
        let (_, make) = SAMPLERS.into_iter().find(|(n, _)| *n == name).unwrap();
        let sampler = make(levels(50));
        let noise = normal(&mut generator(11, Stream::Sampling, 7), 1000);
        let start = Tensor::from_vec(noise, (1, 1000, 1, 1), &Device::Cpu).unwrap();
        let table = Box::new(Table::new(5));
        let samples = sample(Trajectory::with(Box::new(Mixture), sampler, table, start, false).unwrap()).unwrap();
        samples.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let ddpm = run("ddpm fixed_small");
    for other in ["ddim η = 1", "euler_a"] {
        assert!(ddpm.iter().zip(run(other)).all(|(a, b)| (a - b).abs() < 1e-4), "{other}");
    }
}
