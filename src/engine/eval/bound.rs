//! The variational bound on the log-likelihood, term by term.
//!
//! −log p(x_0) ≤ L_T + Σ_{t ≥ 1} L_t + L_0 (Ho et al. 2020, eq. 5): what the noisiest image still tells
//! of x_0, what each step back gets wrong, and what the last step costs. Our t = 0 … T − 1 count their steps
//! 1 … T, so that their L_{t−1} is our L_t. On paths of continuous time the sum
//! is an integral (Kingma et al. 2021, "Variational Diffusion Models", section 5).
//!
//! The sum over t is estimated: each chunk of images draws one t from each of several stretches of 1..T,
//! weighted by the stretch's length, which makes every chunk's sum unbiased, and the chunks independent.

use std::ops::Range;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Estimate, LikelihoodData};
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
    /// Does the network say its variance? Then that is measured too (path vp).
    pub learned_variance: bool,
}

/// The variance of p(x_{t−1} | x_t).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReverseVariance {
    /// β̃_t, that of q(x_{t−1} | x_t, x_0) (Ho et al. 2020, eq. 7).
    FixedSmall,
    /// β_t.
    FixedLarge,
    /// What the network learned, between the two in the logarithm (Nichol & Dhariwal 2021, eq. 15).
    LearnedRange,
    /// Infinitely many steps: small and large are the same.
    Continuous,
}

impl ReverseVariance {
    /// The word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::FixedSmall => "fixed_small",
            Self::FixedLarge => "fixed_large",
            Self::LearnedRange => "learned_range",
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
    /// Σ L_t over t ≥ 1, KL(q(x_{t−1} | x_t, x_0) ‖ p(x_{t−1} | x_t)) each.
    pub diffusion: Estimate,
    /// L_0, −log p(x_0 | x_1).
    pub decoder: Estimate,
    /// Which t make up how much of `diffusion`.
    pub terms: Vec<Term>,
}

/// A stretch of t, and what its terms add to the bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// First t, and one past the last.
    pub t: (f64, f64),
    /// Nats an image; `None` where no image drew a t of it.
    pub sum: Option<f64>,
}

/// One level that a chunk is measured at, and what its term of the bound is multiplied by.
struct Draw {
    at: NoiseLevel,
    weight: f64,
    cost: Cost,
    bin: usize,
}

/// What an error of x_0 costs.
#[derive(Clone, Copy)]
enum Cost {
    /// KL of two Gaussians.
    Step(StepCost),
    /// This many nats times the squared error.
    Squares(f64),
}

/// What a chunk of images measured, nats an image.
struct Measured {
    prior: f64,
    /// For each variance.
    decoder: Vec<f64>,
    /// For each variance: the sum by bins.
    bins: Vec<Vec<f64>>,
    /// Draws of t in each bin.
    drawn: Vec<usize>,
}

impl Measured {
    /// One after the other, as they are sent to other ranks.
    fn numbers(&self) -> Vec<f64> {
        let drawn = self.drawn.iter().map(|&count| count as f64);
        let bins = self.bins.iter().flatten().copied();
        std::iter::once(self.prior).chain(self.decoder.iter().copied()).chain(bins).chain(drawn).collect()
    }

    /// Of so many variances.
    fn of(numbers: &[f64], variances: usize) -> Self {
        let (head, rest) = numbers.split_at((1 + variances).min(numbers.len()));
        // A row of bins for each variance, and one of draws.
        let width = (rest.len() / (variances + 1)).max(1);
        let mut rows: Vec<Vec<f64>> = rest.chunks(width).map(<[f64]>::to_vec).collect();
        let drawn = rows.pop().unwrap_or_default().into_iter().map(|count| count as usize).collect();
        Self {
            prior: head.first().copied().unwrap_or(f64::NAN),
            decoder: head.get(1..).unwrap_or_default().to_vec(),
            bins: rows,
            drawn,
        }
    }
}

/// The bound of the subject, for each variance that its path offers. Path vp: steps t = T − 1 … 0 with the
/// variances fixed_small and fixed_large, L_0 a Gaussian of variance β̃ of the step before it (as Ho et
/// al.'s code has it, where β̃_0 is 0). Other paths: continuous time.
///
/// # Errors
/// No images, or what the denoiser reports.
pub fn bound(subject: &LikelihoodData, settings: BoundSettings) -> Result<Vec<Bound>> {
    let schedule = subject.schedule;
    ensure!(settings.strata > 0, "the bound needs at least one draw of t for each image");
    let variances = match schedule.path {
        PathName::Vp => {
            let learned = settings.learned_variance.then_some(ReverseVariance::LearnedRange);
            [ReverseVariance::FixedSmall, ReverseVariance::FixedLarge].into_iter().chain(learned).collect()
        }
        _ => vec![ReverseVariance::Continuous],
    };
    let chunks = subject.by_chunks(CHUNK, |images| Ok(measure(subject, settings, &variances, images)?.numbers()))?;
    let chunks: Vec<Measured> = chunks.iter().map(|numbers| Measured::of(numbers, variances.len())).collect();
    let of = |pick: &dyn Fn(&Measured) -> f64| Estimate::of(&chunks.iter().map(pick).collect::<Vec<_>>());
    let sum = |chunk: &Measured, i: usize| chunk.bins[i].iter().sum::<f64>();
    let bounds = variances.iter().enumerate().map(|(i, &variance)| Bound {
        variance,
        total: of(&|chunk| chunk.prior + chunk.decoder[i] + sum(chunk, i)),
        prior: of(&|chunk| chunk.prior),
        diffusion: of(&|chunk| sum(chunk, i)),
        decoder: of(&|chunk| chunk.decoder[i]),
        terms: (0..bins(schedule))
            .map(|b| {
                let (first, end) = bin_edges(schedule, b);
                let drawn = chunks.iter().any(|chunk| chunk.drawn[b] > 0);
                Term { t: (first, end), sum: drawn.then(|| of(&|chunk| chunk.bins[i][b]).mean) }
            })
            .collect(),
    });
    Ok(bounds.collect())
}

fn measure(
    subject: &LikelihoodData,
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
    let predict = |x_t: &Tensor, at: NoiseLevel| -> Result<(Vec<f64>, Option<Vec<f64>>)> {
        let Prediction { x_0, variance_fraction, .. } = denoiser.predict(x_t, at)?;
        let x_0 = if settings.clip { x_0.clamp(-1f32, 1f32)? } else { x_0 };
        Ok((to_f64(&x_0)?, variance_fraction.as_ref().map(to_f64).transpose()?))
    };
    let mut bins = vec![vec![0.0; bins(schedule)]; variances.len()];
    let mut drawn = vec![0; bins.first().map_or(0, Vec::len)];
    for draw in draws(schedule, settings.strata, &mut rng)? {
        drawn[draw.bin] += 1;
        let x_t = combine(draw.at.alpha, &x_0, draw.at.sigma, &noise(&mut rng)?)?;
        let (mut off, fraction) = predict(&x_t, draw.at)?;
        off.iter_mut().zip(&clean).for_each(|(estimate, x)| *estimate -= x);
        for (bins, &variance) in bins.iter_mut().zip(variances) {
            let nats = match draw.cost {
                Cost::Squares(factor) => factor * squares(&off),
                Cost::Step(step) => step.nats(variance, &off, fraction.as_deref())?,
            };
            bins[draw.bin] += per_image * draw.weight * nats;
        }
    }
    let cleanest = schedule.cleanest();
    let epsilon = noise(&mut rng)?;
    let x_t = combine(cleanest.alpha, &x_0, cleanest.sigma, &epsilon)?;
    let decoder: Vec<f64> = match schedule.path {
        PathName::Vp => {
            let small = decoder_variance(schedule)?;
            let step = StepCost { squares: 0.0, small, large: schedule.betas[0].max(small) };
            let (mean, fraction) = predict(&x_t, cleanest)?;
            let cost = |&variance: &ReverseVariance| -> Result<f64> {
                let variances = step.variances(variance, fraction.as_deref())?;
                let deviation = |i: usize| variances.get(i).copied().unwrap_or(small).sqrt();
                let nats = |(i, (&x, &mean)): (usize, (&f64, &f64))| subject.levels.gaussian(x, mean, deviation(i));
                Ok(clean.iter().zip(&mean).enumerate().map(nats).sum())
            };
            variances.iter().map(cost).collect::<Result<_>>()?
        }
        _ => {
            let epsilon = to_f64(&epsilon)?;
            let (alpha, sigma) = (cleanest.alpha, cleanest.sigma);
            let cost = |(&x, e): (&f64, &f64)| subject.levels.bayes(x, alpha * x + sigma * e, alpha, sigma);
            vec![clean.iter().zip(&epsilon).map(cost).sum(); variances.len()]
        }
    };
    Ok(Measured {
        prior: per_image * clean.iter().map(|&x| prior(schedule, x)).sum::<f64>(),
        decoder: decoder.into_iter().map(|nats| per_image * nats).collect(),
        bins,
        drawn,
    })
}

fn squares(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum()
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

/// L_t at t ≥ 1 of path vp: the KL of two Gaussians with variances β̃_t and v whose means differ by
/// a·(x_0 − x̂_0) (Ho et al. 2020, eq. 8; in terms of ε its eq. 12).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepCost {
    /// a².
    squares: f64,
    /// β̃_t.
    small: f64,
    /// β_t.
    large: f64,
}

impl StepCost {
    /// # Errors
    /// When t is not below T.
    pub fn at(schedule: &Schedule, t: usize) -> Result<Self> {
        let posterior = schedule.posterior(t)?;
        Ok(Self { squares: posterior.x_0.powi(2), small: posterior.variance, large: schedule.betas[t] })
    }

    /// Nats for one number whose squared error is `square`, with a fixed variance (fixed_small where that is
    /// no choice).
    pub fn of_square(&self, variance: ReverseVariance, square: f64) -> f64 {
        let v = if variance == ReverseVariance::FixedLarge { self.large } else { self.small };
        self.of(v, square)
    }

    fn of(&self, v: f64, square: f64) -> f64 {
        let ratio = self.small / v;
        0.5 * (ratio - 1.0 - ratio.ln()) + self.squares * square / (2.0 * v)
    }

    /// The learned variance of each number; nothing where it is fixed.
    fn variances(&self, variance: ReverseVariance, fraction: Option<&[f64]>) -> Result<Vec<f64>> {
        if variance != ReverseVariance::LearnedRange {
            return Ok(Vec::new());
        }
        let fraction = fraction.context("the network was said to know its variance, but says nothing of it")?;
        let (low, high) = (self.small.ln(), self.large.ln());
        Ok(fraction.iter().map(|share| (low + share * (high - low)).exp()).collect())
    }

    /// The sum over all numbers, whose errors are `off`.
    fn nats(&self, variance: ReverseVariance, off: &[f64], fraction: Option<&[f64]>) -> Result<f64> {
        let variances = self.variances(variance, fraction)?;
        if variances.is_empty() {
            // Linear in the squared error.
            let fixed = self.of_square(variance, 0.0);
            return Ok(off.len() as f64 * fixed + (self.of_square(variance, 1.0) - fixed) * squares(off));
        }
        Ok(variances.iter().zip(off).map(|(&v, off)| self.of(v, off * off)).sum())
    }
}

/// Where a chunk is measured.
fn draws(schedule: &Schedule, strata: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Draw>> {
    if schedule.path == PathName::Vp {
        let draw = |stretch: Range<usize>| {
            let t = rng.random_range(stretch.clone());
            let cost = Cost::Step(StepCost::at(schedule, t)?);
            Ok(Draw { at: schedule.at(t), weight: stretch.len() as f64, cost, bin: bin_of(schedule, t as f64) })
        };
        return stretches(schedule.timesteps(), strata).into_iter().map(draw).collect();
    }
    // With w = log(1 + SNR) the integral ½ ∫ ‖x_0 − x̂_0‖² dSNR (Kingma et al. 2021, section 5.1) is
    // ½ ∫ (1 + SNR) ‖x_0 − x̂_0‖² dw: bounded range and bounded integrand at both ends.
    let end = |at: NoiseLevel| at.snr().ln_1p();
    let (low, high) = (end(schedule.noisiest()), end(schedule.cleanest()));
    let width = (high - low) / strata as f64;
    let draw = |k: usize| {
        let w = low + (k as f64 + rng.random::<f64>()) * width;
        let at = schedule.level_of(1.0 / w.exp_m1().sqrt());
        let cost = Cost::Squares(0.5 * (1.0 + at.snr()));
        Draw { at, weight: width, cost, bin: bin_of(schedule, at.t) }
    };
    Ok((0..strata).map(draw).collect())
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
