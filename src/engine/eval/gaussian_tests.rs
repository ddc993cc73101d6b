//! Likelihoods of data whose likelihood and best denoiser are known: x_0 ~ N(μ, Σ), Σ not diagonal.

use std::f64::consts::PI;

use anyhow::Result;
use candle_core::{Device, Tensor};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::*;
use crate::config::{DiffusionConfig, PathName, ScheduleName};
use crate::diffusion::{NoiseLevel, Schedule, combine};
use crate::kernels::Workers;
use crate::random::{Stream, generator, normal};
use crate::ranks::on_threads;
use crate::sampling::{BOGACKI_SHAMPINE, DORMAND_PRINCE, Denoiser, Prediction, Tolerance};

const MEAN: f64 = 0.3;
const DIMS: usize = 16;

/// Σ_ij = ¼·0.3^|i−j|, times `factor`.
#[derive(Clone)]
struct Gaussian {
    values: DVector<f64>,
    vectors: DMatrix<f64>,
}

impl Gaussian {
    fn new(factor: f64) -> Self {
        let covariance = DMatrix::from_fn(DIMS, DIMS, |i, j| factor * 0.25 * 0.3f64.powi((i as i32 - j as i32).abs()));
        let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::new(covariance);
        Self { values: eigenvalues, vectors: eigenvectors }
    }

    /// Q diag(f(λ)) Qᵀ as a tensor.
    fn map(&self, f: impl Fn(f64) -> f64) -> Tensor {
        let matrix = &self.vectors * DMatrix::from_diagonal(&self.values.map(f)) * self.vectors.transpose();
        let values: Vec<f32> = matrix.iter().map(|v| *v as f32).collect();
        Tensor::from_vec(values, (DIMS, DIMS), &Device::Cpu).unwrap()
    }

    /// −log p(x), nats.
    fn nats(&self, x: &[f32]) -> f64 {
        let off = DVector::from_iterator(DIMS, x.iter().map(|&x| f64::from(x) - MEAN));
        let along = self.vectors.transpose() * off;
        along.iter().zip(&self.values).map(|(u, v)| 0.5 * (u * u / v + v.ln() + (2.0 * PI).ln())).sum()
    }

    /// E[‖x_0 − x̂_0‖² | x_0], in exact arithmetic: x_0 − x̂_0 is linear in x_0 and ε.
    fn squares(&self, x: &[f32], at: NoiseLevel) -> f64 {
        let off = DVector::from_iterator(DIMS, x.iter().map(|&x| f64::from(x) - MEAN));
        let along = self.vectors.transpose() * off;
        along
            .iter()
            .zip(&self.values)
            .map(|(u, v)| {
                let gain = at.alpha * v / (at.alpha.powi(2) * v + at.sigma.powi(2));
                ((1.0 - gain * at.alpha) * u).powi(2) + (gain * at.sigma).powi(2)
            })
            .sum()
    }
}

impl Denoiser for Gaussian {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let gain = self.map(|v| at.alpha * v / (at.alpha.powi(2) * v + at.sigma.powi(2)));
        let centred = x_t.affine(1.0, -at.alpha * MEAN)?.flatten_from(1)?;
        let x_0 = centred.matmul(&gain)?.affine(1.0, MEAN)?.reshape(x_t.shape())?;
        let epsilon = combine(1.0 / at.sigma, x_t, -at.alpha / at.sigma, &x_0)?;
        Ok(Prediction::new(x_0, epsilon))
    }
}

/// `n` points at `spread` times the distance from μ that the data have: 1 are draws of the data.
fn points(n: usize, spread: f64) -> Tensor {
    let gaussian = Gaussian::new(1.0);
    let unit = Tensor::from_vec(normal(&mut generator(7, Stream::Noise, 0), n * DIMS), (n, DIMS), &Device::Cpu);
    let x = unit.unwrap().matmul(&gaussian.map(f64::sqrt)).unwrap().affine(spread, MEAN).unwrap();
    x.reshape((n, 4, 4, 1)).unwrap()
}

fn rows(x: &Tensor) -> Vec<Vec<f32>> {
    x.flatten_from(1).unwrap().to_vec2().unwrap()
}

fn on(path: PathName, timesteps: usize) -> Schedule {
    let total = timesteps as f64;
    let config = DiffusionConfig {
        path,
        timesteps,
        schedule: ScheduleName::Linear,
        beta_start: 0.1 / total,
        beta_end: 20.0 / total,
        ..DiffusionConfig::default()
    };
    Schedule::from_config(&config).unwrap()
}

/// Measures `points` with the denoiser of a Gaussian whose covariance is `factor` times the right one.
fn subject<R>(schedule: &Schedule, x_0: &Tensor, factor: f64, measure: impl Fn(&LikelihoodData) -> Result<R>) -> R {
    by(&Workers::new(2).unwrap(), schedule, x_0, factor, measure)
}

/// The same by other workers.
fn by<R>(
    workers: &Workers,
    schedule: &Schedule,
    x_0: &Tensor,
    factor: f64,
    measure: impl Fn(&LikelihoodData) -> Result<R>,
) -> R {
    let gaussian = Gaussian::new(factor);
    let subject = LikelihoodData {
        schedule,
        x_0,
        levels: PixelLevels::Real,
        denoiser: &|_| Ok(Box::new(gaussian.clone())),
        workers,
        seed: 3,
        seen: &|_, _| {},
    };
    measure(&subject).unwrap()
}

#[test]
fn any_number_of_ranks_finds_the_same_bits() {
    let (schedule, x_0) = (on(PathName::Vp, 300), points(45, 1.0));
    let both = |s: &LikelihoodData| Ok((bound(s, SETTINGS)?, flow_likelihood(s, FlowSettings { batch: 8, ..RK45 })?));
    let alone = subject(&schedule, &x_0, 1.0, both);
    for size in [2, 3, 8] {
        let found = on_threads(size, |ranks| by(&Workers::over(ranks, 1).unwrap(), &schedule, &x_0, 1.0, both));
        assert!(found.iter().all(|found| *found == alone), "{size} ranks");
    }
}

const RK45: FlowSettings =
    FlowSettings { pair: &DORMAND_PRINCE, tolerance: Tolerance { rtol: 1e-4, atol: 1e-4 }, batch: 64 };

/// How many standard errors the flow's likelihood is away from the closed form; the errors are those of the
/// random signs, each point has its own.
fn flow_z(path: PathName, factor: f64, (n, spread): (usize, f64), settings: FlowSettings) -> f64 {
    let (schedule, x_0) = (on(path, 1000), points(n, spread));
    let found = subject(&schedule, &x_0, factor, |s| flow_likelihood(s, settings));
    let right = Gaussian::new(1.0);
    let off: Vec<f64> = found.nats.iter().zip(rows(&x_0)).map(|(nats, x)| nats - right.nats(&x)).collect();
    let off = Estimate::of(&off);
    off.mean / off.standard_error
}

#[test]
fn the_flow_finds_the_likelihood_of_a_gaussian_on_every_path() {
    for path in [PathName::Vp, PathName::VpSde, PathName::SubVpSde, PathName::Ve, PathName::Edm, PathName::Flow] {
        let z = flow_z(path, 1.0, (400, 1.0), RK45);
        assert!(z.abs() < 4.0, "{path:?}: {z} standard errors off");
    }
    let cheap = FlowSettings { pair: &BOGACKI_SHAMPINE, ..RK45 };
    assert!(flow_z(PathName::VpSde, 1.0, (400, 1.0), cheap).abs() < 4.0);
}

#[test]
fn the_flow_notices_a_variance_that_is_3_percent_off() {
    // At μ the log-density differs by ½·16·ln 1.03.
    assert!(flow_z(PathName::VpSde, 1.0, (1600, 0.0), RK45).abs() < 4.0);
    for factor in [1.03, 0.97] {
        let z = flow_z(PathName::VpSde, factor, (1600, 0.0), RK45);
        assert!(z.abs() > 6.0 && (z > 0.0) == (factor > 1.0), "× {factor}: {z}");
    }
}

/// The bound on −log p of x in exact arithmetic, path vp, with a decoder of variance `v`.
fn exact_bound(schedule: &Schedule, x: &[f32], variance: ReverseVariance, v: f64) -> f64 {
    let gaussian = Gaussian::new(1.0);
    let end = schedule.noisiest();
    let prior: f64 = x
        .iter()
        .map(|&x| 0.5 * (end.sigma.powi(2) + (end.alpha * f64::from(x)).powi(2) - 1.0 - end.sigma.powi(2).ln()))
        .sum();
    let steps: f64 = (1..schedule.timesteps())
        .map(|t| {
            let cost = StepCost::at(schedule, t).unwrap();
            DIMS as f64 * cost.of_square(variance, gaussian.squares(x, schedule.at(t)) / DIMS as f64)
        })
        .sum();
    prior + steps + 0.5 * gaussian.squares(x, schedule.at(0)) / v + 0.5 * DIMS as f64 * (2.0 * PI * v).ln()
}

const SETTINGS: BoundSettings = BoundSettings { strata: 64, clip: false, learned_variance: false };

#[test]
fn the_bound_is_its_exact_value_within_its_standard_error() {
    let (schedule, x_0) = (on(PathName::Vp, 300), points(2000, 1.0));
    let bounds = subject(&schedule, &x_0, 1.0, |s| bound(s, SETTINGS));
    assert_eq!(bounds.len(), 2);
    for found in bounds {
        let v = schedule.posterior(1).unwrap().variance;
        let exact = rows(&x_0).iter().map(|x| exact_bound(&schedule, x, found.variance, v)).sum::<f64>() / 2000.0;
        // The points are the same on both sides: what is left is the error of the draws, less than the whole.
        let z = (found.total.mean - exact) / found.total.standard_error;
        assert!(z.abs() < 4.0, "{:?}: {z} standard errors off", found.variance);
        let terms: f64 = found.terms.iter().filter_map(|term| term.sum).sum();
        assert!((terms - found.diffusion.mean).abs() < 1e-9 * terms.abs());
        assert_eq!((found.terms[0].t.0, found.terms[19].t.1), (0.0, 300.0));
    }
}

/// How many standard errors the bound at μ is away from the log-density there, measured `n` times.
fn bound_z(path: PathName, n: usize, factor: f64) -> f64 {
    let (schedule, x_0) = (on(path, 1000), points(n, 0.0));
    let found = subject(&schedule, &x_0, factor, |s| bound(s, SETTINGS)).remove(0).total;
    (found.mean - Gaussian::new(1.0).nats(&[MEAN as f32; DIMS])) / found.standard_error
}

#[test]
fn in_continuous_time_the_bound_is_the_likelihood() {
    for path in [PathName::SubVpSde, PathName::Ve, PathName::Edm, PathName::Flow] {
        let z = bound_z(path, 1000, 1.0);
        assert!(z.abs() < 4.0, "{path:?}: {z} standard errors off");
    }
}

#[test]
fn the_bound_notices_a_variance_that_is_3_percent_off() {
    let z = bound_z(PathName::VpSde, 8000, 1.0);
    assert!(z.abs() < 3.0, "{z} standard errors off");
    for factor in [1.03, 0.97] {
        let z = bound_z(PathName::VpSde, 8000, factor);
        assert!(z.abs() > 4.0 && (z > 0.0) == (factor > 1.0), "× {factor}: {z}");
    }
}

#[test]
fn more_steps_bring_the_bound_down_to_the_likelihood() {
    // A true last step would have the variance β_0, and the steps before it β_t: Gaussians that are wide beside
    // the noise leave x_0 as unsure as x_t.
    let x = rows(&points(10, 1.0));
    let gap = |timesteps| -> f64 {
        let schedule = on(PathName::Vp, timesteps);
        let of = |x: &Vec<f32>| {
            exact_bound(&schedule, x, ReverseVariance::FixedLarge, schedule.betas[0]) - Gaussian::new(1.0).nats(x)
        };
        x.iter().map(of).sum::<f64>() / x.len() as f64
    };
    let (coarse, fine) = (gap(250), gap(1000));
    assert!(fine > 0.0 && fine < 0.3 * coarse, "{coarse}, then {fine}");
}

/// Says the share of the variance that makes it `Gaussian`'s own.
#[derive(Clone)]
struct Sure(Gaussian, f64);

impl Denoiser for Sure {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let fraction = x_t.zeros_like()?.affine(0.0, self.1)?;
        Ok(Prediction { variance_fraction: Some(fraction), ..self.0.predict(x_t, at)? })
    }
}

#[test]
fn a_learned_variance_at_either_end_is_the_fixed_one() {
    let (schedule, x_0, workers) = (on(PathName::Vp, 100), points(16, 1.0), Workers::new(2).unwrap());
    let measure = |share: f64| {
        let subject = LikelihoodData {
            schedule: &schedule,
            x_0: &x_0,
            levels: PixelLevels::Real,
            denoiser: &|_| Ok(Box::new(Sure(Gaussian::new(1.0), share))),
            workers: &workers,
            seed: 3,
            seen: &|_, _| {},
        };
        bound(&subject, BoundSettings { learned_variance: true, ..SETTINGS }).unwrap()
    };
    for (share, fixed) in [(0.0, 0), (1.0, 1)] {
        let bounds = measure(share);
        assert_eq!(bounds[2].variance, ReverseVariance::LearnedRange);
        let (learned, fixed) = (bounds[2].diffusion.mean, bounds[fixed].diffusion.mean);
        assert!((learned / fixed - 1.0).abs() < 1e-6, "{share}: {learned} against {fixed}");
    }
}
