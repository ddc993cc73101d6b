//! The order of convergence of each solver of the probability flow, measured on data whose exact denoiser is
//! known: a mixture of two Gaussians.

use std::sync::Arc;

use anyhow::{Result, bail};
use candle_core::{Device, Tensor};

use super::{
    Churn, Ddim, Deis, Denoiser, Dpm2, Dpmpp, Dpmpp2s, Edm, Euler, Flow, FlowRule, Heun, Lms, NoiseSource, Prediction,
    Sampler, Trajectory, UniPc,
};
use crate::config::{DiffusionConfig, FinalSigmasType, PathName};
use crate::diffusion::{NoiseLevel, Schedule};

/// (weight, mean, variance).
const MIXTURE: [(f64, f64, f64); 2] = [(0.4, -0.6, 0.09), (0.6, 0.5, 0.16)];

/// E[x_0 | x/α, σ/α].
fn posterior_mean(x: f64, ratio: f64) -> f64 {
    let (mut mass, mut sum) = (0.0, 0.0);
    for (weight, mean, variance) in MIXTURE {
        let total = variance + ratio * ratio;
        let density = weight * (-(x - mean).powi(2) / (2.0 * total)).exp() / total.sqrt();
        mass += density;
        sum += density * (mean + variance / total * (x - mean));
    }
    sum / mass
}

/// The mixture's exact denoiser, in f64 as everything here.
struct Exact;

impl Denoiser for Exact {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let data_mean: f64 = MIXTURE.iter().map(|(weight, mean, _)| weight * mean).sum();
        let estimate = |x: f64| match at.alpha {
            0.0 => data_mean,
            alpha => posterior_mean(x / alpha, at.noise_to_signal()),
        };
        let x: Vec<f64> = x_t.flatten_all()?.to_vec1()?;
        let x_0: Vec<f64> = x.iter().map(|&x| estimate(x)).collect();
        let epsilon: Vec<f64> = x.iter().zip(&x_0).map(|(x, x_0)| (x - at.alpha * x_0) / at.sigma).collect();
        let tensor = |values: Vec<f64>| Tensor::from_vec(values, x_t.shape(), x_t.device());
        Ok(Prediction::new(tensor(x_0)?, tensor(epsilon)?))
    }
}

struct NoNoise;

impl NoiseSource for NoNoise {
    fn like(&mut self, _: &Tensor) -> Result<Tensor> {
        bail!("a solver of the flow needs no noise")
    }
}

fn on(path: PathName) -> Arc<Schedule> {
    Arc::new(Schedule::from_config(&DiffusionConfig { path, ..DiffusionConfig::default() }).unwrap())
}

/// Starting points of unit variance.
const START: [f64; 8] = [-2.1, -1.3, -0.7, -0.2, 0.3, 0.8, 1.4, 2.2];

/// Where the flow leads from `start` at σ/α = `from` to σ/α = `to`, all as x/α: Runge-Kutta's fourth order
/// in log(σ/α) with very many steps.
fn exact_flow(start: f64, from: f64, to: f64) -> f64 {
    let steps = 4000;
    let h = (to / from).ln() / steps as f64;
    // dx/d log r = x − x̂_0.
    let slope = |x: f64, log: f64| x - posterior_mean(x, log.exp());
    let mut x = start;
    for i in 0..steps {
        let s = from.ln() + i as f64 * h;
        let a = slope(x, s);
        let b = slope(x + 0.5 * h * a, s + 0.5 * h);
        let c = slope(x + 0.5 * h * b, s + 0.5 * h);
        let d = slope(x + h * c, s + h);
        x += h / 6.0 * (a + 2.0 * b + 2.0 * c + d);
    }
    x
}

/// Where a sampler arrives at the last of its levels, `calls_beyond` network calls before the clean image: x/α.
fn arrive(sampler: Box<dyn Sampler>, start: &[f64], last: NoiseLevel, calls_beyond: usize) -> Vec<f64> {
    let start = Tensor::from_slice(start, (1, 1, start.len(), 1), &Device::Cpu).unwrap();
    let trajectory = Trajectory::with(Box::new(Exact), sampler, Box::new(NoNoise), start, false).unwrap();
    let frames: Vec<_> = trajectory.collect::<Result<_>>().unwrap();
    // The last frame is beyond the last level: the clean image, to which solvers go by Euler's step.
    let x_t = &frames[frames.len() - 1 - calls_beyond].x_t;
    (x_t / last.alpha).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

type Make = Box<dyn Fn(&Schedule, Vec<NoiseLevel>) -> Box<dyn Sampler>>;

fn solvers() -> Vec<(&'static str, f64, Make)> {
    let churn = Churn { s_churn: 0.0, s_tmin: 0.0, s_tmax: f64::INFINITY, s_noise: 1.0 };
    vec![
        ("ddim", 1.0, Box::new(|_, levels| Box::new(Ddim::new(levels, 0.0)))),
        ("euler", 1.0, Box::new(|_, levels| Box::new(Euler::new(levels, None)))),
        ("heun", 2.0, Box::new(|_, levels| Box::new(Heun::new(levels, None)))),
        ("edm", 2.0, Box::new(move |schedule, levels| Box::new(Edm::new(schedule, levels, None, churn).unwrap()))),
        ("dpmpp_1m", 1.0, Box::new(|_, levels| Box::new(Dpmpp::new(levels, 1)))),
        ("dpmpp_2m", 2.0, Box::new(|_, levels| Box::new(Dpmpp::new(levels, 2)))),
        ("dpmpp_2m, heun", 2.0, Box::new(|_, levels| Box::new(Dpmpp::new(levels, 2).heun(true)))),
        // As diffusers has it, without half of the h³ term: see `Dpmpp`.
        ("dpmpp_3m", 2.0, Box::new(|_, levels| Box::new(Dpmpp::new(levels, 3)))),
        ("dpmpp_3m, exact", 3.0, Box::new(|_, levels| Box::new(Dpmpp::new(levels, 3).exact(true)))),
        // UniPC-p: the corrector raises the predictor's p by one (Zhao et al. 2023, theorem 3.1).
        ("unipc, order 1", 2.0, Box::new(|_, levels| Box::new(UniPc::new(levels, 1)))),
        ("unipc", 3.0, Box::new(|_, levels| Box::new(UniPc::new(levels, 2)))),
        ("unipc, bh1", 3.0, Box::new(|_, levels| Box::new(UniPc::new(levels, 2).bh1(true)))),
        ("unipc, noise", 3.0, Box::new(|_, levels| Box::new(UniPc::new(levels, 2).predict_x0(false)))),
        ("dpmpp_2s", 2.0, Box::new(|_, levels| singlestep(levels, 2))),
        ("deis, order 1", 1.0, Box::new(|_, levels| Box::new(Deis::new(levels, 1)))),
        ("deis", 2.0, Box::new(|_, levels| Box::new(Deis::new(levels, 2)))),
        ("deis, order 3", 3.0, Box::new(|_, levels| Box::new(Deis::new(levels, 3)))),
        ("lms, order 2", 2.0, Box::new(|_, levels| Box::new(Lms::new(levels, 2, None)))),
        ("dpm_2", 2.0, Box::new(|schedule, levels| Box::new(Dpm2::new(schedule, levels, None, false)))),
    ]
}

/// Its groups are whole at the last level but one.
fn singlestep(levels: Vec<NoiseLevel>, order: usize) -> Box<dyn Sampler> {
    Box::new(Dpmpp2s::new(levels, order, true, FinalSigmasType::Zero))
}

/// The solvers that only path flow allows.
fn flow_solvers() -> Vec<(&'static str, f64, Make)> {
    let flow = |rule| -> Make { Box::new(move |schedule, levels| Box::new(Flow::new(schedule, levels, rule))) };
    vec![
        ("flow_euler", 1.0, flow(FlowRule::Euler)),
        ("flow_midpoint", 2.0, flow(FlowRule::Midpoint)),
        ("flow_heun", 2.0, flow(FlowRule::Heun)),
    ]
}

/// Root mean square of the differences.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    (a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64).sqrt()
}

#[test]
fn every_solver_converges_with_its_order() {
    // From where x̂_0 hardly changes any more, so that the first step, of first order, does no harm.
    let (from, to): (f64, f64) = (79.0, 0.1);
    let exact: Vec<f64> = START.iter().map(|x| exact_flow(from * x, from, to)).collect();
    for path in [PathName::Edm, PathName::VpSde, PathName::SubVpSde, PathName::Flow] {
        let schedule = on(path);
        let error = |make: &Make, n: usize, calls_beyond: usize| {
            // n steps of equal ratio.
            let ratio = |i: usize| from * (to / from).powf(i as f64 / n as f64);
            let levels: Vec<NoiseLevel> = (0..=n).map(|i| schedule.level_of(ratio(i))).collect();
            let (first, last) = (levels[0], levels[n]);
            let start: Vec<f64> = START.iter().map(|x| first.alpha * from * x).collect();
            distance(&arrive(make(&schedule, levels), &start, last, calls_beyond), &exact)
        };
        let own = if path == PathName::Flow { flow_solvers() } else { Vec::new() };
        for (name, order, make) in solvers().into_iter().chain(own) {
            // The midpoint rule alone asks twice in its last step.
            let calls_beyond = if name == "flow_midpoint" { 2 } else { 1 };
            let (coarse, fine) = (error(&make, 160, calls_beyond), error(&make, 320, calls_beyond));
            let slope = (coarse / fine).log2();
            println!("{name} on {path:?}: {coarse:.2e} {fine:.2e}, order {slope:.2}");
            assert!((slope - order).abs() < 0.25, "{name} on {path:?}: order {slope}, not {order} ({coarse}, {fine})");
        }
    }
}

#[test]
fn a_start_without_any_signal_costs_no_order_but_the_third() {
    // Path flow from u = 1, where x/α and σ/α have no values: the exact flow by Runge-Kutta in u.
    let schedule = on(PathName::Flow);
    let end = 0.2;
    let velocity = |x: f64, u: f64| match 1.0 - u {
        alpha if alpha < 1e-12 => x - MIXTURE.iter().map(|(weight, mean, _)| weight * mean).sum::<f64>(),
        alpha => (x - posterior_mean(x / alpha, u / alpha)) / u,
    };
    let flow = |start: f64| {
        let steps = 4000;
        let h = (end - 1.0) / steps as f64;
        let mut x = start;
        for i in 0..steps {
            let u = 1.0 + i as f64 * h;
            let a = velocity(x, u);
            let b = velocity(x + 0.5 * h * a, u + 0.5 * h);
            let c = velocity(x + 0.5 * h * b, u + 0.5 * h);
            let d = velocity(x + h * c, u + h);
            x += h / 6.0 * (a + 2.0 * b + 2.0 * c + d);
        }
        x / (1.0 - end)
    };
    let exact: Vec<f64> = START.iter().map(|&x| flow(x)).collect();
    for (name, order, make) in solvers() {
        let error = |n: usize| {
            let u = |i: usize| 1.0 + (end - 1.0) * i as f64 / n as f64;
            let levels: Vec<NoiseLevel> = (0..=n).map(|i| schedule.level(schedule.t_of_u(u(i)))).collect();
            assert_eq!(levels[0].alpha, 0.0);
            let last = levels[n];
            distance(&arrive(make(&schedule, levels), &START, last, 1), &exact)
        };
        let (coarse, fine) = (error(160), error(320));
        let slope = (coarse / fine).log2();
        println!("{name}: {coarse:.2e} {fine:.2e}, order {slope:.2}");
        // The first step, of first order, leaves an error of second.
        assert!(slope > order.min(2.0) - 0.25, "{name}: order {slope}, not {order} ({coarse}, {fine})");
    }
}
