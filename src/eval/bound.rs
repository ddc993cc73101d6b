//! The variational bound on the log-likelihood, term by term.
//!
//! −log p(x_0) ≤ L_T + Σ_{t ≥ 1} L_{t−1} + L_0 (Ho et al. 2020, eq. 5): what the noisiest image still tells
//! of x_0, what each step back gets wrong, and what the last step costs. On paths of continuous time the sum
//! is an integral (Kingma et al. 2021, "Variational Diffusion Models", section 5).
//!
//! The sum over t is estimated: each chunk of images draws one t from each of several stretches of 0..T,
//! weighted by the stretch's length, which makes every chunk's sum unbiased, and the chunks independent.

use std::ops::Range;

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Estimate, Subject};
use crate::config::PathName;
use crate::diffusion::{NoiseLevel, Schedule, combine};
use crate::random::{Stream, generator, normal};
use crate::sampling::Prediction;

/// Images that share their draws of t. Few: the standard error comes from the spread of the chunks.
const CHUNK: usize = 8;
/// Stretches of t that the terms are reported by.
const BINS: usize = 20;

/// How the bound is estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundSettings {
    /// Stretches of 1..T that each image is measured in, one t each; T or more: every t.
    pub strata: usize,
    /// Clamp x̂_0 to [-1, 1], as the samplers of images may: the bound of that model.
    pub clip: bool,
}

/// The variance of p(x_{t−1} | x_t).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReverseVariance {
    /// β̃_t, that of q(x_{t−1} | x_t, x_0) (Ho et al. 2020, eq. 7).
    FixedSmall,
    /// β_t.
    FixedLarge,
    /// Infinitely many steps: small and large are the same.
    Continuous,
}

impl ReverseVariance {
    /// The word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::FixedSmall => "fixed_small",
            Self::FixedLarge => "fixed_large",
            Self::Continuous => "continuous",
        }
    }
}

/// The bound under one choice of the variance, nats an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub variance: ReverseVariance,
    /// All terms together.
    pub total: Estimate,
    /// L_T, KL(q(x_T | x_0) ‖ p(x_T)).
    pub prior: Estimate,
    /// Σ L_{t−1} over t ≥ 1, KL(q(x_{t−1} | x_t, x_0) ‖ p(x_{t−1} | x_t)) each.
    pub diffusion: Estimate,
    /// L_0, −log p(x_0 | x_1).
    pub decoder: Estimate,
    /// Which t make up how much of `diffusion`: first t, one past the last, and their sum.
    pub terms: Vec<(f64, f64, f64)>,
}

/// One level that a chunk is measured at.
struct Draw {
    at: NoiseLevel,
    /// What the squared error of x_0 is multiplied by, and what is added for each number of the image; one
    /// pair for each variance.
    costs: Vec<(f64, f64)>,
    bin: usize,
}

/// What a chunk of images measured, nats an image.
struct Measured {
    prior: f64,
    decoder: f64,
    /// For each variance: the sum by bins.
    bins: Vec<Vec<f64>>,
}

/// The bound of the subject, for each variance that its path offers. Path vp: steps t = T − 1 … 0 with the
/// variances fixed_small and fixed_large, L_0 a Gaussian of variance β̃ of the step before it (as Ho et
/// al.'s code has it, where β̃_0 is 0). Other paths: continuous time.
///
/// # Errors
/// No images, or what the denoiser reports.
pub fn bound(subject: &Subject, settings: BoundSettings) -> Result<Vec<Bound>> {
    let schedule = subject.schedule;
    ensure!(settings.strata > 0, "the bound needs at least one draw of t for each image");
    let variances = match schedule.path {
        PathName::Vp => vec![ReverseVariance::FixedSmall, ReverseVariance::FixedLarge],
        _ => vec![ReverseVariance::Continuous],
    };
    let chunks = subject.by_chunks(CHUNK, |images| measure(subject, settings, &variances, images))?;
    let of = |pick: &dyn Fn(&Measured) -> f64| Estimate::of(&chunks.iter().map(pick).collect::<Vec<_>>());
    let sum = |chunk: &Measured, i: usize| chunk.bins[i].iter().sum::<f64>();
    let bounds = variances.iter().enumerate().map(|(i, &variance)| Bound {
        variance,
        total: of(&|chunk| chunk.prior + chunk.decoder + sum(chunk, i)),
        prior: of(&|chunk| chunk.prior),
        diffusion: of(&|chunk| sum(chunk, i)),
        decoder: of(&|chunk| chunk.decoder),
        terms: (0..bins(schedule))
            .map(|b| {
                let (first, end) = bin_edges(schedule, b);
                (first, end, of(&|chunk| chunk.bins[i][b]).mean)
            })
            .collect(),
    });
    Ok(bounds.collect())
}

fn measure(
    subject: &Subject,
    settings: BoundSettings,
    variances: &[ReverseVariance],
    images: Range<usize>,
) -> Result<Measured> {
    let (schedule, n) = (subject.schedule, images.len());
    let denoiser = (subject.denoiser)(images.clone())?;
    let x_0 = subject.x_0.narrow(0, images.start, n)?.contiguous()?;
    let clean = to_f64(&x_0)?;
    let per_image = 1.0 / n as f64;
    let mut rng = generator(subject.seed, Stream::Evaluation, images.start as u64);
    let noise = |rng: &mut ChaCha8Rng| -> Result<Tensor> {
        Ok(Tensor::from_vec(normal(rng, clean.len()), x_0.shape(), &Device::Cpu)?)
    };
    let predict = |x_t: &Tensor, at: NoiseLevel| -> Result<Tensor> {
        let Prediction { x_0, .. } = denoiser.predict(x_t, at)?;
        Ok(if settings.clip { x_0.clamp(-1f32, 1f32)? } else { x_0 })
    };
    let mut bins = vec![vec![0.0; bins(schedule)]; variances.len()];
    for draw in draws(schedule, settings.strata, &mut rng) {
        let x_t = combine(draw.at.alpha, &x_0, draw.at.sigma, &noise(&mut rng)?)?;
        let off = predict(&x_t, draw.at)?.sub(&x_0)?;
        let squares: f64 = to_f64(&off)?.iter().map(|v| v * v).sum();
        for (bins, (factor, added)) in bins.iter_mut().zip(&draw.costs) {
            bins[draw.bin] += per_image * (factor * squares + added * clean.len() as f64);
        }
    }
    let cleanest = schedule.cleanest();
    let epsilon = noise(&mut rng)?;
    let x_t = combine(cleanest.alpha, &x_0, cleanest.sigma, &epsilon)?;
    let decoder: f64 = match schedule.path {
        PathName::Vp => {
            let deviation = decoder_variance(schedule)?.sqrt();
            let mean = to_f64(&predict(&x_t, cleanest)?)?;
            clean.iter().zip(&mean).map(|(&x, &mean)| subject.levels.gaussian(x, mean, deviation)).sum()
        }
        _ => {
            let epsilon = to_f64(&epsilon)?;
            let (alpha, sigma) = (cleanest.alpha, cleanest.sigma);
            let cost = |x: f64, e: f64| subject.levels.bayes(x, alpha * x + sigma * e, alpha, sigma);
            clean.iter().zip(&epsilon).map(|(&x, &e)| cost(x, e)).sum()
        }
    };
    Ok(Measured {
        prior: per_image * clean.iter().map(|&x| prior(schedule, x)).sum::<f64>(),
        decoder: per_image * decoder,
        bins,
    })
}

fn to_f64(x: &Tensor) -> Result<Vec<f64>> {
    Ok(x.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f64::from).collect())
}

/// KL(N(α_T x, σ_T²) ‖ N(0, τ²)) of one number, τ what sampling starts from.
fn prior(schedule: &Schedule, x: f64) -> f64 {
    let end = schedule.noisiest();
    let tau = schedule.noise_scale(end);
    let (mean, variance) = (end.alpha * x / tau, (end.sigma / tau).powi(2));
    0.5 * (variance + mean * mean - 1.0 - variance.ln())
}

/// The variance of p(x_0 | x_1): that of the step before, β̃ at t = 1, because its own β̃ is 0 (Ho et al.
/// 2020's code; Nichol & Dhariwal 2021 take it over). With a single step, β.
pub(super) fn decoder_variance(schedule: &Schedule) -> Result<f64> {
    if schedule.timesteps() == 1 { Ok(schedule.betas[0]) } else { Ok(schedule.posterior(1)?.variance) }
}

/// L_{t−1} at t ≥ 1 of path vp as (factor of the squared error of x_0, what is added a number), nats:
/// KL of two Gaussians with variances β̃_t and v whose means differ by a·(x_0 − x̂_0), a from
/// [`Posterior`](crate::diffusion::Posterior) (Ho et al. 2020, eq. 8; in terms of ε its eq. 12).
///
/// # Errors
/// When t is not below T.
pub fn step_cost(schedule: &Schedule, t: usize, variance: ReverseVariance) -> Result<(f64, f64)> {
    let posterior = schedule.posterior(t)?;
    let small = posterior.variance;
    let large = match variance {
        ReverseVariance::FixedLarge => schedule.betas[t],
        ReverseVariance::FixedSmall | ReverseVariance::Continuous => small,
    };
    let ratio = small / large;
    Ok((posterior.x_0.powi(2) / (2.0 * large), 0.5 * (ratio - 1.0 - ratio.ln())))
}

/// Where a chunk is measured.
fn draws(schedule: &Schedule, strata: usize, rng: &mut ChaCha8Rng) -> Vec<Draw> {
    match schedule.path {
        PathName::Vp => stretches(schedule.timesteps(), strata)
            .into_iter()
            .filter_map(|stretch| {
                let t = rng.random_range(stretch.clone());
                let weight = stretch.len() as f64;
                let cost = |variance| step_cost(schedule, t, variance).ok();
                let (small, large) = (cost(ReverseVariance::FixedSmall)?, cost(ReverseVariance::FixedLarge)?);
                let costs = [small, large].map(|(factor, added)| (weight * factor, weight * added));
                Some(Draw { at: schedule.at(t), costs: costs.to_vec(), bin: bin_of(schedule, t as f64) })
            })
            .collect(),
        _ => {
            // With w = log(1 + SNR) the integral ½ ∫ ‖x_0 − x̂_0‖² dSNR (Kingma et al. 2021, section 5.1) is
            // ½ ∫ (1 + SNR) ‖x_0 − x̂_0‖² dw: bounded range and bounded integrand at both ends.
            let snr = |at: NoiseLevel| at.snr().ln_1p();
            let (low, high) = (snr(schedule.noisiest()), snr(schedule.cleanest()));
            let width = (high - low) / strata as f64;
            (0..strata)
                .map(|k| {
                    let w = low + (k as f64 + rng.random::<f64>()) * width;
                    let at = schedule.level_of(1.0 / w.exp_m1().sqrt());
                    let factor = 0.5 * width * (1.0 + at.snr());
                    Draw { at, costs: vec![(factor, 0.0)], bin: bin_of(schedule, at.t) }
                })
                .collect()
        }
    }
}

/// 1..T cut into at most `strata` stretches, the shorter the nearer to the data, where the terms are largest.
fn stretches(timesteps: usize, strata: usize) -> Vec<Range<usize>> {
    let last = timesteps.saturating_sub(1);
    if strata >= last {
        return (1..timesteps).map(|t| t..t + 1).collect();
    }
    let edge = |k: usize| 1 + ((k as f64 / strata as f64).powi(2) * last as f64).round() as usize;
    (0..strata).map(|k| edge(k)..edge(k + 1)).filter(|stretch| !stretch.is_empty()).collect()
}

fn bins(schedule: &Schedule) -> usize {
    schedule.timesteps().min(BINS)
}

fn bin_of(schedule: &Schedule, t: f64) -> usize {
    let share = t.max(0.0) / schedule.timesteps() as f64;
    ((share * bins(schedule) as f64) as usize).min(bins(schedule) - 1)
}

fn bin_edges(schedule: &Schedule, bin: usize) -> (f64, f64) {
    let edge = |b: usize| (b * schedule.timesteps()) as f64 / bins(schedule) as f64;
    (edge(bin).ceil(), edge(bin + 1).ceil())
}
