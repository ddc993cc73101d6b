//! An estimate of the log-likelihood along the probability-flow ODE.
//!
//! The ODE that carries noise to data without randomness carries densities along: d log p/dt = −div
//! (Song et al. 2021, "Score-Based Generative Modeling through Stochastic Differential Equations", eq. 13
//! and 39). With σ/α = tan θ and z = x_t/√(α² + σ²) = cos θ·x_0 + sin θ·ε every Gaussian path is the same
//! ODE,
//!
//! dz/dθ = −sin θ·x̂_0 + cos θ·ε̂,
//!
//! from θ near 0 at the data to the noise (Salimans & Ho 2022, "Progressive Distillation", appendix D, where the
//! right side is v). Numbers stay of unit size, and paths that end without any signal (θ = π/2) are no exception.
//! The divergence is estimated by vᵀ∇(f·v) with a random sign for each number, v (eq. 40; Hutchinson 1990): one
//! vector-Jacobian product a call, by backpropagation to the network's input. The signs stay the same along the
//! way, so that the solver sees a smooth function (Grathwohl et al. 2019, "FFJORD", section 3.1).

use std::f64::consts::PI;
use std::ops::Range;

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor, Var};
use rand::RngExt;

use super::{Estimate, LikelihoodData, PixelLevels};
use crate::diffusion::{NoiseLevel, Schedule, combine};
use crate::random::{Stream, generator};
use crate::sampling::{Denoiser, EmbeddedPair, Tolerance};

/// How the ODE is solved.
#[derive(Clone, Copy, Debug)]
pub struct FlowSettings {
    pub pair: &'static EmbeddedPair,
    /// Of a step: numbers of z, and nats a number of the log-density.
    pub tolerance: Tolerance,
    /// Images solved together, with one step length.
    pub batch: usize,
}

/// What the ODE found.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowLikelihood {
    /// −log p(x), nats, of each image: a density of real numbers; of grey levels a bound on −log P of the
    /// levels, by uniform dequantization (Theis et al. 2016, "A note on the evaluation of generative models").
    pub nats: Vec<f64>,
    /// Network calls a trajectory, the mean over the batches. Each goes forward and back.
    pub calls: f64,
}

impl FlowLikelihood {
    /// Mean over the images.
    pub fn estimate(&self) -> Estimate {
        Estimate::of(&self.nats)
    }
}

/// More calls than any smooth field needs.
const MOST_CALLS: usize = 5000;

/// −log p of every image of the subject. The density is that of images with the noise of the path's cleanest
/// level in them, as Song et al. 2021 measure it.
///
/// # Errors
/// No images, what the denoiser reports, answers without gradients, or a field so rough that the solver can't
/// meet the tolerance.
pub fn flow_likelihood(subject: &LikelihoodData, settings: FlowSettings) -> Result<FlowLikelihood> {
    // The calls, then nats.
    let batches = subject.by_chunks(settings.batch, |images| {
        let (nats, calls) = solve(subject, settings, images)?;
        Ok([vec![calls as f64], nats].concat())
    })?;
    let calls = batches.iter().filter_map(|batch| batch.first()).sum::<f64>() / batches.len() as f64;
    Ok(FlowLikelihood { nats: batches.iter().flat_map(|batch| batch.iter().skip(1)).copied().collect(), calls })
}

/// The field and its divergence at one angle.
struct Field<'a> {
    schedule: &'a Schedule,
    denoiser: Box<dyn Denoiser + Send>,
    /// ±1 for each number.
    signs: Tensor,
}

impl Field<'_> {
    /// dz/dθ, and its divergence for each image.
    fn at(&self, z: &Tensor, theta: f64) -> Result<(Tensor, Vec<f64>)> {
        let level = self.schedule.level_of(theta.tan());
        let z = Var::from_tensor(z)?;
        let x_t = z.affine((level.alpha.powi(2) + level.sigma.powi(2)).sqrt(), 0.0)?;
        let prediction = self.denoiser.predict(&x_t, level)?;
        let velocity = combine(-theta.sin(), &prediction.x_0, theta.cos(), &prediction.epsilon)?;
        let gradients = velocity.mul(&self.signs)?.sum_all()?.backward()?;
        let product = gradients.get(&z).context("the denoiser's answer does not follow from its input by gradients")?;
        let rows = product.mul(&self.signs)?.flatten_from(1)?.sum(1)?.to_vec1::<f32>()?;
        Ok((velocity.detach(), rows.into_iter().map(f64::from).collect()))
    }
}

/// The angle of a level.
fn angle(level: NoiseLevel) -> f64 {
    level.sigma.atan2(level.alpha)
}

/// −log p of some images, nats, and the network calls it took.
fn solve(subject: &LikelihoodData, settings: FlowSettings, images: Range<usize>) -> Result<(Vec<f64>, usize)> {
    let FlowSettings { pair, tolerance, .. } = settings;
    let schedule = subject.schedule;
    let x_0 = subject.x_0.narrow(0, images.start, images.len())?.contiguous()?;
    let (dims, count) = (subject.dims()?, x_0.elem_count());
    let mut rng = generator(subject.seed, Stream::Evaluation, (1 << 40) | images.start as u64);
    let signs: Vec<f32> = (0..count).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 }).collect();
    let signs = Tensor::from_vec(signs, x_0.shape(), &Device::Cpu)?;
    let x_0 = match subject.levels {
        PixelLevels::Real => x_0,
        PixelLevels::Grey256 => {
            let within: Vec<f32> = (0..count).map(|_| (rng.random::<f32>() - 0.5) / 127.5).collect();
            (x_0 + Tensor::from_vec(within, signs.shape(), &Device::Cpu)?)?
        }
    };
    let field = Field { schedule, denoiser: (subject.denoiser)(images)?, signs };

    let (start, end) = (angle(schedule.cleanest()), angle(schedule.noisiest()));
    let mut z = x_0.affine(start.cos(), 0.0)?;
    let (first, divergence) = field.at(&z, start)?;
    let mut integral = vec![0.0; divergence.len()];
    let (mut slopes, mut growths) = (vec![first], vec![divergence]);
    let (mut theta, mut h, mut calls) = (start, (0.3 * start).min(end - start), 1);
    while theta < end {
        let last = theta + h >= end;
        h = h.min(end - theta);
        for stage in 1..pair.stages() {
            let point = pair.point(&z, h, &slopes)?;
            let at = if last && pair.nodes[stage] == 1.0 { end } else { theta + pair.nodes[stage] * h };
            let (slope, growth) = field.at(&point, at)?;
            slopes.push(slope);
            growths.push(growth);
        }
        calls += pair.stages() - 1;
        let (z_new, integral_new) = (
            pair.point(&z, h, &slopes[..slopes.len() - 1])?,
            pair.point_of_numbers(&integral, h, &growths[..growths.len() - 1])?,
        );
        let of_z = tolerance.norm(&z, &z_new, &pair.error(h, &slopes)?)?;
        let allowed = (tolerance.rtol + tolerance.atol) * dims as f64;
        let squares: f64 = pair.error_of_numbers(h, &growths).iter().map(|error| (error / allowed).powi(2)).sum();
        let verdict = pair.judge(of_z.max((squares / integral.len() as f64).sqrt()));
        if verdict.accepted {
            theta = if last { end } else { theta + h };
            (z, integral) = (z_new, integral_new);
            // The last stage stood at the new point.
            slopes.drain(..slopes.len() - 1);
            growths.drain(..growths.len() - 1);
        } else {
            slopes.truncate(1);
            growths.truncate(1);
        }
        h *= verdict.factor;
        if calls > MOST_CALLS || (theta < end && h < 1e-9) {
            bail!(
                "the probability-flow ODE is too rough for tolerances rtol {} and atol {}: after {calls} network calls \
                 it stands at σ/α = {:.4}. Use a larger tolerance, or train on",
                tolerance.rtol,
                tolerance.atol,
                theta.tan()
            );
        }
    }

    let noisiest = schedule.noisiest();
    let scale = schedule.noise_scale(noisiest) / (noisiest.alpha.powi(2) + noisiest.sigma.powi(2)).sqrt();
    let squares = z.affine(1.0 / scale, 0.0)?.sqr()?.flatten_from(1)?.sum(1)?.to_vec1::<f32>()?;
    let dims = dims as f64;
    // z = cos θ·x_0 at the start; a grey level is 1/127.5 wide.
    let units = match subject.levels {
        PixelLevels::Real => 0.0,
        PixelLevels::Grey256 => dims * 127.5f64.ln(),
    };
    let constant = dims * (0.5 * (2.0 * PI).ln() + scale.ln() - start.cos().ln()) + units;
    let nats = squares.iter().zip(&integral).map(|(&squares, integral)| constant + 0.5 * f64::from(squares) - integral);
    Ok((nats.collect(), calls))
}
