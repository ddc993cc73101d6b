//! The part of the loss that teaches the variance: L_vlb of L_hybrid.

use std::f64::consts::LN_2;

use anyhow::Result;
use candle_core::Tensor;

use super::batch::Batch;
use crate::diffusion::Parameterization;

/// λ·L_vlb for each sample, in bits per dimension and as an estimate of the sum over all T terms of the
/// bound (T times the term of the sample's own t), as in the code of Nichol & Dhariwal 2021, "Improved
/// Denoising Diffusion Probabilistic Models", section 3.1. The mean of the step back is held still, so that
/// only the variance learns from it.
pub struct VarianceLoss {
    parameterization: Parameterization,
    /// λ.
    weight: f64,
}

/// Half the width of a pixel value's bin: 256 values in [-1, 1].
const HALF_BIN: f64 = 1.0 / 255.0;
/// Pixels beyond this are the first or the last of the 256 values.
const ENDS: f64 = 0.999;
/// Least probability of a pixel: below it f32's logarithm has no slope worth following.
const LEAST_PROBABILITY: f64 = 1e-12;

impl VarianceLoss {
    pub fn new(parameterization: &Parameterization, weight: f64) -> Self {
        Self { parameterization: parameterization.clone(), weight }
    }

    /// The loss of each sample, `[N]`, given the two halves of the network's output, `[N, H, W, C]` each:
    /// the target and v, which places log Σ between log β̃ (v = −1) and log β (v = 1).
    ///
    /// # Errors
    /// When shapes disagree, or the target says nothing of x_0 at a timestep.
    pub fn of(&self, target: &Tensor, said: &Tensor, batch: &Batch) -> Result<Tensor> {
        let schedule = &self.parameterization.schedule;
        let steps: Vec<usize> = batch.timesteps.iter().map(|&t| t.round().max(0.0) as usize).collect();
        let inverse = |t: usize| self.parameterization.inverse(schedule.at(t));
        let column = |f: &dyn Fn(usize) -> Result<f64>| -> Result<Tensor> {
            let values = steps.iter().map(|&t| Ok(f(t)? as f32)).collect::<Result<Vec<f32>>>()?;
            Ok(Tensor::from_vec(values, (steps.len(), 1, 1, 1), target.device())?)
        };
        // log Σ = f·log β + (1 − f)·log β̃ with f = (v + 1)/2.
        let fraction = said.affine(0.5, 0.5)?;
        let small = column(&|t| Ok(schedule.log_variances(t).0))?;
        let range = column(&|t| {
            let (small, large) = schedule.log_variances(t);
            Ok(large - small)
        })?;
        let log_variance = fraction.broadcast_mul(&range)?.broadcast_add(&small)?;
        // x_0 − x̂_0, held still.
        let error = (&batch.target - target.detach())?;
        let off = error.broadcast_mul(&column(&|t| Ok(inverse(t)?.0.1))?)?;

        let mean_off = off.broadcast_mul(&column(&|t| Ok(schedule.posterior(t)?.x_0))?)?;
        let mut term = kl(&small, &mean_off, &log_variance)?;
        if steps.contains(&0) {
            let x_t = column(&|t| Ok(inverse(t)?.0.0 / self.parameterization.input_scale(schedule.at(t))))?;
            let own = batch.target.broadcast_mul(&column(&|t| Ok(inverse(t)?.0.1))?)?;
            let x_0 = (batch.input.broadcast_mul(&x_t)? + own)?;
            let first = column(&|t| Ok(if t == 0 { 1.0 } else { 0.0 }))?;
            let later = column(&|t| Ok(if t == 0 { 0.0 } else { 1.0 }))?;
            let decoded = decoder(&x_0, &off, &log_variance)?;
            term = (term.broadcast_mul(&later)? + decoded.broadcast_mul(&first)?)?;
        }
        let factor = self.weight * schedule.timesteps() as f64 / LN_2;
        Ok((term.flatten_from(1)?.mean(1)? * factor)?)
    }
}

/// KL(q(x_{t−1} | x_t, x_0) ‖ p(x_{t−1} | x_t)) of each number, in nats, for Gaussians of log-variances
/// `small` (q's, of each sample) and `log_variance` (p's), whose means are `mean_off` apart (Ho et al. 2020,
/// eq. 5; Nichol & Dhariwal 2021, eq. 4).
fn kl(small: &Tensor, mean_off: &Tensor, log_variance: &Tensor) -> Result<Tensor> {
    let shrunk = log_variance.neg()?.broadcast_add(small)?;
    // ½(log Σ − log β̃ + β̃/Σ + off²/Σ − 1).
    let spread = (shrunk.exp()? - &shrunk)?;
    let apart = (mean_off.sqr()? * log_variance.neg()?.exp()?)?;
    Ok((((spread + apart)? - 1.0)? * 0.5)?)
}

/// −log of the probability, in nats, that a Gaussian of log-variance `log_variance`, whose mean is `off` below
/// x_0, falls into the bin of the pixel value `x_0`; the outermost bins reach to infinity (Ho et al. 2020,
/// eq. 13).
fn decoder(x_0: &Tensor, off: &Tensor, log_variance: &Tensor) -> Result<Tensor> {
    let inverse_deviation = (log_variance * -0.5)?.exp()?;
    // Φ(z) = ½(1 + erf(z/√2)).
    let below = |edge: f64| -> Result<Tensor> {
        let z = ((off + edge)? * &inverse_deviation)?;
        Ok(((z * std::f64::consts::FRAC_1_SQRT_2)?.erf()? + 1.0)?.affine(0.5, 0.0)?)
    };
    let (upper, lower) = (below(HALF_BIN)?, below(-HALF_BIN)?);
    let upper = x_0.gt(ENDS)?.where_cond(&upper.ones_like()?, &upper)?;
    let lower = x_0.lt(-ENDS)?.where_cond(&lower.zeros_like()?, &lower)?;
    let probability = (upper - lower)?.maximum(LEAST_PROBABILITY)?;
    Ok(probability.log()?.neg()?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::config::{DiffusionConfig, PredictionType, ScheduleName, VarianceType};
    use crate::kernels::Workers;
    use crate::train::batch::Recipe;

    fn tensor(values: &[f32]) -> Tensor {
        Tensor::from_slice(values, (1, 1, values.len(), 1), &Device::Cpu).unwrap()
    }

    fn numbers(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn the_divergence_of_equal_gaussians_is_0_and_otherwise_that_of_the_textbook() {
        let small = Tensor::from_slice(&[0.5f32.ln()], (1, 1, 1, 1), &Device::Cpu).unwrap();
        let got = numbers(&kl(&small, &tensor(&[0.0, 0.0, 1.0]), &tensor(&[0.5f32.ln(), 0.0, 0.0])).unwrap());
        // ½(log(1/0.5) + 0.5 − 1) and, with means 1 apart, ½ more.
        let by_hand = [0.0, 0.5 * (2f32.ln() - 0.5), 0.5 * (2f32.ln() + 0.5)];
        assert!(got.iter().zip(by_hand).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?}");
    }

    #[test]
    fn the_decoder_s_probabilities_of_all_256_values_add_up_to_1() {
        let values: Vec<f32> = (0..256).map(|i| i as f32 / 127.5 - 1.0).collect();
        for (mean, deviation) in [(0.1f32, 0.05f32), (0.98, 0.3), (-1.0, 0.01)] {
            let off: Vec<f32> = values.iter().map(|x| x - mean).collect();
            let log_variance = vec![2.0 * deviation.ln(); 256];
            let nats = numbers(&decoder(&tensor(&values), &tensor(&off), &tensor(&log_variance)).unwrap());
            let sum: f32 = nats.iter().map(|nats| (-nats).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-4, "mean {mean}, deviation {deviation}: {sum}");
        }
    }

    /// Two samples of 2×2, the first at t = 0, and the network's answer for them.
    fn example() -> (VarianceLoss, Batch, Vec<f32>, Vec<f32>) {
        let config = DiffusionConfig {
            schedule: ScheduleName::Linear,
            timesteps: 10,
            beta_start: 0.01,
            beta_end: 0.3,
            prediction_type: PredictionType::Epsilon,
            variance_type: VarianceType::LearnedRange,
            ..DiffusionConfig::default()
        };
        let parameterization = Parameterization::from_config(&config).unwrap();
        let workers = Workers::new(1).unwrap();
        let recipe = Recipe { parameterization: &parameterization, device: &Device::Cpu, workers: &workers };
        let pixels = vec![-1.0, 1.0, 101.0 / 127.5 - 1.0, 60.0 / 127.5 - 1.0, 0.2, 0.4, -0.6, 0.8];
        let noise = vec![0.5, -0.7, 0.2, 0.1, 1.0, -1.2, 0.3, 0.4];
        let batch = Batch::assemble(recipe, (2, 2, 1), pixels, noise, vec![0.0, 6.0], None).unwrap();
        let target = vec![0.4, -0.5, 0.3, 0.0, 0.9, -1.0, 0.5, 0.1];
        let said = vec![0.1, -0.3, 0.6, 0.9, -0.5, 0.2, 0.0, -0.8];
        (VarianceLoss::new(&parameterization, 0.001), batch, target, said)
    }

    fn shaped(values: Vec<f32>) -> Tensor {
        Tensor::from_vec(values, (2, 2, 2, 1), &Device::Cpu).unwrap()
    }

    #[test]
    fn the_terms_of_both_kinds_are_the_numbers_by_hand() {
        let (loss, batch, target, said) = example();
        let got = numbers(&loss.of(&shaped(target.clone()), &shaped(said.clone()), &batch).unwrap());
        let schedule = &loss.parameterization.schedule;
        let noise = [0.5, -0.7, 0.2, 0.1, 1.0, -1.2, 0.3, 0.4];
        let variance = |i: usize, t: usize| {
            let (small, large) = schedule.log_variances(t);
            let fraction = f64::from(said[i] + 1.0) / 2.0;
            (fraction * large + (1.0 - fraction) * small).exp()
        };
        // x_0 − x̂_0 = (σ/α)·(ε̂ − ε).
        let off = |i: usize, t: usize| schedule.at(t).noise_to_signal() * (f64::from(target[i]) - noise[i]);
        let density = |z: f64| (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        // The probability of a bin by the midpoint rule; the outer ones reach far.
        let probability = |i: usize| {
            let deviation = variance(i, 0).sqrt();
            let (low, high) = match i {
                0 => (-12.0, (off(i, 0) + HALF_BIN) / deviation),
                1 => ((off(i, 0) - HALF_BIN) / deviation, 12.0),
                _ => ((off(i, 0) - HALF_BIN) / deviation, (off(i, 0) + HALF_BIN) / deviation),
            };
            let h = (high - low) / 4000.0;
            (0..4000).map(|k| density(low + (k as f64 + 0.5) * h) * h).sum::<f64>()
        };
        let first: f64 = (0..4).map(|i| -probability(i).ln()).sum::<f64>() / 4.0;
        let posterior = schedule.posterior(6).unwrap();
        let second: f64 = (4..8)
            .map(|i| {
                let (q, p, apart) = (posterior.variance, variance(i, 6), posterior.x_0 * off(i, 6));
                0.5 * ((p / q).ln() + q / p + apart * apart / p - 1.0)
            })
            .sum::<f64>()
            / 4.0;
        for (got, nats) in got.iter().zip([first, second]) {
            let expected = 0.001 * 10.0 * nats / LN_2;
            assert!((f64::from(*got) / expected - 1.0).abs() < 1e-3, "{got} instead of {expected}");
        }
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences_and_none_reaches_the_mean() {
        let (loss, batch, target, said) = example();
        let (mean, variance) =
            (Var::from_tensor(&shaped(target.clone())).unwrap(), Var::from_tensor(&shaped(said.clone())).unwrap());
        let total = |said: Vec<f32>| {
            let losses = numbers(&loss.of(&shaped(target.clone()), &shaped(said), &batch).unwrap());
            losses.iter().map(|&l| f64::from(l)).sum::<f64>()
        };
        let sum = loss.of(&mean, &variance, &batch).unwrap().sum_all().unwrap();
        let gradients = sum.backward().unwrap();
        assert!(gradients.get(&mean).is_none(), "the mean must not learn from L_vlb");
        let gradient = numbers(gradients.get(&variance).unwrap());
        for i in 0..8 {
            let shifted = |by: f32| {
                let mut said = said.clone();
                said[i] += by;
                total(said)
            };
            let h = 0.02;
            let slope = (shifted(h) - shifted(-h)) / f64::from(2.0 * h);
            let largest = gradient.iter().fold(0f32, |m, g| m.max(g.abs()));
            assert!(
                (slope - f64::from(gradient[i])).abs() < 0.02 * f64::from(largest),
                "{i}: {slope} and {}",
                gradient[i]
            );
        }
    }
}
