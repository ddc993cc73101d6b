//! What is optimized, sample by sample.

use anyhow::{Result, ensure};
use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;

use super::batch::Batch;
use super::losses::Losses;
use super::reconstruction::Reconstruction;
use super::variance_loss::VarianceLoss;
use crate::config::{Config, VarianceType};
use crate::diffusion::{LossWeight, Parameterization};
use crate::kernels;
use crate::nn::Net;

/// The loss of each sample: its squared error times the weight of its noise level, and, where the network
/// learns the variance too, L_hybrid = L_simple + λ·L_vlb (Nichol & Dhariwal 2021, "Improved Denoising
/// Diffusion Probabilistic Models", eq. 16).
pub struct Objective {
    parameterization: Parameterization,
    weight: LossWeight,
    variance: Option<VarianceLoss>,
    /// Of an autoencoder.
    reconstruction: Option<Reconstruction>,
}

impl Objective {
    pub fn new(config: &Config, parameterization: &Parameterization) -> Self {
        let learned = config.diffusion.variance_type == VarianceType::LearnedRange;
        Self {
            parameterization: parameterization.clone(),
            weight: LossWeight::from_config(&config.train),
            reconstruction: config.trains_autoencoder().then(|| Reconstruction::new(&config.autoencoder)),
            variance: learned.then(|| VarianceLoss::new(parameterization, config.train.vlb_weight)),
        }
    }

    /// The losses of a slice, for which the network is asked, with dropout drawn from `dropout` where one is given.
    ///
    /// # Errors
    /// What the network reports.
    pub fn asked(&self, net: &Net, slice: &Batch, dropout: Option<&mut ChaCha8Rng>) -> Result<Losses> {
        match (&self.reconstruction, net) {
            (Some(reconstruction), Net::Autoencoder(autoencoder)) => reconstruction.losses(autoencoder, slice),
            _ => self.losses(&net.forward_train(&slice.input, &slice.t, slice.classes.as_ref(), dropout)?, slice),
        }
    }

    /// The squared error of the target's part of an output, `[N]`.
    ///
    /// # Errors
    /// When the output has another shape than the network's should.
    pub fn error(&self, output: &Tensor, batch: &Batch) -> Result<Tensor> {
        Ok(self.split(output, batch)?.0)
    }

    /// The losses of a slice, given the network's output `[N, H, W, C]` (`[N, H, W, 2C]` where the variance
    /// is learned).
    ///
    /// # Errors
    /// When the output has another shape than the network's should.
    pub fn losses(&self, output: &Tensor, batch: &Batch) -> Result<Losses> {
        let (error, parts) = self.split(output, batch)?;
        let mut term = match self.weight {
            LossWeight::Simple => error.clone(),
            weight => {
                let schedule = &self.parameterization.schedule;
                let weights = batch
                    .timesteps
                    .iter()
                    .map(|&t| Ok(weight.of(&self.parameterization, schedule.level(t))? as f32))
                    .collect::<Result<Vec<f32>>>()?;
                (&error * Tensor::from_vec(weights, batch.len(), error.device())?)?
            }
        };
        if let (Some(variance), Some((target, said))) = (&self.variance, parts) {
            term = (term + variance.of(&target, &said, batch)?)?;
        }
        Ok(Losses { error, term })
    }

    /// The target's squared error, and the halves of the output where there are two.
    fn split(&self, output: &Tensor, batch: &Batch) -> Result<(Tensor, Option<(Tensor, Tensor)>)> {
        let channels = batch.target.dim(3)?;
        if self.variance.is_none() {
            return Ok((kernels::squared_error(output, &batch.target)?, None));
        }
        ensure!(
            output.dim(3)? == 2 * channels,
            "a network that learns the variance has {} output channels, and this one has {}",
            2 * channels,
            output.dim(3)?
        );
        let (target, said) = (output.narrow(3, 0, channels)?, output.narrow(3, channels, channels)?);
        Ok((kernels::squared_error(&target.contiguous()?, &batch.target)?, Some((target, said))))
    }
}

/// Σ over a slice of what is optimized, divided by `samples`, the size of the whole batch: slices add up to
/// the mean.
///
/// # Errors
/// When candle fails.
pub fn share_of_mean(term: &Tensor, batch: &Batch, samples: usize) -> Result<Tensor> {
    let sum = match &batch.corrections {
        None => term.sum_all()?,
        Some(corrections) => {
            let corrections: Vec<f32> = corrections.iter().map(|&c| c as f32).collect();
            (term * Tensor::from_vec(corrections, batch.len(), term.device())?)?.sum_all()?
        }
    };
    Ok((sum / samples as f64)?)
}
