//! What an autoencoder is trained by: how far its reconstructions are from the pictures, and its latents from a Gaussian.

use anyhow::{Context, Result};
use candle_core::{D, Tensor};

use super::batch::Batch;
use super::losses::Losses;
use crate::config::{AutoencoderStage, ReconstructionLoss};
use crate::kernels;
use crate::nn::autoencoder::{Autoencoder, LatentMoments};

/// An autoencoder's objective, sample by sample (Kingma & Welling 2014, eq. 10, with the weights of Rombach et al. 2022,
/// appendix G): reconstruction + kl_weight·KL/D + gradient_weight·… + multi_scale_weight·…, D numbers in a picture.
pub struct Reconstruction {
    loss: ReconstructionLoss,
    kl_weight: f64,
    gradient_weight: f64,
    multi_scale_weight: f64,
}

/// Sizes that pictures are compared at besides their own, in halvings.
const SCALES: usize = 2;

impl Reconstruction {
    pub fn new(stage: &AutoencoderStage) -> Self {
        Self {
            loss: stage.loss,
            kl_weight: stage.kl_weight,
            gradient_weight: stage.gradient_weight,
            multi_scale_weight: stage.multi_scale_weight,
        }
    }

    /// Plain squared error and optimized term of each sample of `batch`, `[N]` each. The latents are drawn from what the
    /// encoder says, with the batch's noise; without one they are the means.
    ///
    /// # Errors
    /// When the shapes don't fit.
    pub fn losses(&self, autoencoder: &Autoencoder, batch: &Batch) -> Result<Losses> {
        let moments = autoencoder.encode(&batch.input)?;
        let z = match (&moments.log_variance, &batch.latent_noise) {
            (Some(log_variance), Some(noise)) => (&moments.mean + ((log_variance * 0.5)?.exp()? * noise)?)?,
            _ => moments.mean.clone(),
        };
        let x = autoencoder.decode(&z)?;
        let error = kernels::squared_error(&x, &batch.target)?;
        // All that pictures are compared by is of their difference.
        let off = (&x - &batch.target)?;
        let mut term = match self.loss {
            ReconstructionLoss::L2 => error.clone(),
            ReconstructionLoss::L1 => self.mean(&off)?,
        };
        if self.gradient_weight > 0.0 {
            let edges = (self.differences(&off, 1)? + self.differences(&off, 2)?)?;
            term = (term + (edges * self.gradient_weight)?)?;
        }
        if self.multi_scale_weight > 0.0 {
            let mut smaller = off;
            for _ in 0..SCALES {
                let Some(half) = halved(&smaller)? else { break };
                term = (term + (self.mean(&half)? * self.multi_scale_weight)?)?;
                smaller = half;
            }
        }
        if self.kl_weight > 0.0
            && let Some(kl) = kl(&moments)?
        {
            let numbers = batch.input.elem_count() / batch.len().max(1);
            term = (term + (kl * (self.kl_weight / numbers as f64))?)?;
        }
        Ok(Losses { error: error.detach(), term })
    }

    /// The loss of a difference `[N, …]`, `[N]`: the mean of its sizes, or of their squares.
    fn mean(&self, off: &Tensor) -> Result<Tensor> {
        let each = match self.loss {
            ReconstructionLoss::L1 => off.abs()?,
            ReconstructionLoss::L2 => off.sqr()?,
        };
        Ok(each.flatten_from(1)?.mean(D::Minus1)?)
    }

    /// The same of the differences between neighbours along an axis; 0 of a picture one pixel long.
    fn differences(&self, off: &Tensor, axis: usize) -> Result<Tensor> {
        let n = off.dim(axis)?;
        if n < 2 {
            return Ok(Tensor::zeros(off.dim(0)?, off.dtype(), off.device())?);
        }
        self.mean(&(off.narrow(axis, 1, n - 1)? - off.narrow(axis, 0, n - 1)?)?)
    }
}

/// KL(q(z | x) ‖ N(0, 1)) of each sample in nats, `[N]`: ½ Σ (μ² + σ² − 1 − ln σ²) (Kingma & Welling 2014, appendix B).
/// `None` where the encoder says no variance.
///
/// # Errors
/// When candle fails.
pub fn kl(moments: &LatentMoments) -> Result<Option<Tensor>> {
    let Some(log_variance) = &moments.log_variance else { return Ok(None) };
    let each = ((moments.mean.sqr()? + log_variance.exp()?)? - (log_variance + 1.0)?)?;
    Ok(Some((each.flatten_from(1)?.sum(D::Minus1)? * 0.5)?))
}

/// Means of 2×2 pixels `[N, H/2, W/2, C]`; `None` where the size is odd.
fn halved(x: &Tensor) -> Result<Option<Tensor>> {
    let (n, h, w, c) = x.dims4().context("a batch of pictures is [N, H, W, C]")?;
    if !h.is_multiple_of(2) || !w.is_multiple_of(2) || h * w == 0 {
        return Ok(None);
    }
    let rows = x.reshape((n, h / 2, 2, w * c))?.mean(2)?;
    Ok(Some(rows.reshape((n, h / 2, w / 2, 2, c))?.mean(3)?))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::config::{AutoencoderKind, Config};
    use crate::nn::autoencoder::AutoencoderConfig;
    use crate::nn::{Weights, parameters};
    use crate::random::{Stream, generator, normal};

    fn draw(index: u64, shape: (usize, usize, usize, usize)) -> Tensor {
        let count = shape.0 * shape.1 * shape.2 * shape.3;
        Tensor::from_vec(normal(&mut generator(3, Stream::Noise, index), count), shape, &Device::Cpu).unwrap()
    }

    fn batch(latent_noise: Option<Tensor>) -> Batch {
        Batch::pictures(draw(0, (3, 8, 8, 1)), latent_noise).unwrap()
    }

    fn values(x: &Tensor) -> Vec<f64> {
        x.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f64::from).collect()
    }

    fn stage(set: &[&str]) -> AutoencoderStage {
        let small =
            ["autoencoder.block_out_channels=4,8", "autoencoder.norm_num_groups=2", "autoencoder.latent_channels=2"];
        let all: Vec<String> = small.iter().chain(set).map(|set| set.to_string()).collect();
        Config::default().with_overrides(&all).unwrap().autoencoder
    }

    fn autoencoder(stage: &AutoencoderStage) -> (Autoencoder, Vec<(String, Var)>) {
        let config = AutoencoderConfig::new(stage, 8, 8, 1);
        let (weights, vars) = Weights::init(&config, 4, &Device::Cpu).unwrap().trainable().unwrap();
        (Autoencoder::new(&config, &weights).unwrap(), vars)
    }

    #[test]
    fn each_term_is_its_formula_in_f64() {
        for loss in ["l1", "l2"] {
            let loss_key = format!("autoencoder.loss={loss}");
            let size = |d: f64| if loss == "l1" { d.abs() } else { d * d };
            let with = |set: &[&str]| {
                let stage = stage(&[&[loss_key.as_str()], set].concat());
                let (autoencoder, _) = autoencoder(&stage);
                let noise = draw(1, (3, 4, 4, 2));
                let batch = batch(Some(noise.clone()));
                let losses = Reconstruction::new(&stage).losses(&autoencoder, &batch).unwrap();
                // By hand.
                let moments = autoencoder.encode(&batch.input).unwrap();
                let (mean, log_variance) = (values(&moments.mean), values(moments.log_variance.as_ref().unwrap()));
                let z: Vec<f32> = mean
                    .iter()
                    .zip(&log_variance)
                    .zip(values(&noise))
                    .map(|((m, lv), e)| (m + (0.5 * lv).exp() * e) as f32)
                    .collect();
                let z = Tensor::from_vec(z, (3, 4, 4, 2), &Device::Cpu).unwrap();
                let (x, y) = (values(&autoencoder.decode(&z).unwrap()), values(&batch.target));
                let off: Vec<f64> = x.iter().zip(&y).map(|(a, b)| a - b).collect();
                (values(&losses.error), values(&losses.term), off, mean, log_variance)
            };
            let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{a} instead of {b}");
            let (error, term, off, mean, log_variance) = with(&["autoencoder.kl_weight=0.5"]);
            for i in 0..3 {
                let own = &off[64 * i..64 * i + 64];
                close(error[i], own.iter().map(|d| d * d).sum::<f64>() / 64.0);
                let kl: f64 = (32 * i..32 * i + 32)
                    .map(|j| 0.5 * (mean[j] * mean[j] + log_variance[j].exp() - 1.0 - log_variance[j]))
                    .sum();
                close(term[i], own.iter().map(|d| size(*d)).sum::<f64>() / 64.0 + 0.5 * kl / 64.0);
            }
            let (_, term, off, ..) = with(&["autoencoder.kl_weight=0", "autoencoder.gradient_weight=0.25"]);
            let (_, plain, ..) = with(&["autoencoder.kl_weight=0"]);
            for i in 0..3 {
                let at = |y: usize, x: usize| off[64 * i + 8 * y + x];
                let mut edges = 0.0;
                for a in 0..8 {
                    for b in 0..7 {
                        edges += (size(at(a, b + 1) - at(a, b)) + size(at(b + 1, a) - at(b, a))) / 56.0;
                    }
                }
                close(term[i] - plain[i], 0.25 * edges);
            }
            let (_, term, off, ..) = with(&["autoencoder.kl_weight=0", "autoencoder.multi_scale_weight=2"]);
            for i in 0..3 {
                let at = |y: usize, x: usize| off[64 * i + 8 * y + x];
                let mut whole = 0.0;
                for block in [2, 4] {
                    let n = 8 / block;
                    for (y, x) in (0..n).flat_map(|y| (0..n).map(move |x| (y, x))) {
                        let cells = (0..block).flat_map(|a| (0..block).map(move |b| (a, b)));
                        let mean = cells.map(|(a, b)| at(block * y + a, block * x + b)).sum::<f64>();
                        whole += size(mean / (block * block) as f64) / (n * n) as f64;
                    }
                }
                close(term[i] - plain[i], 2.0 * whole);
            }
        }
    }

    #[test]
    fn every_parameter_of_both_kinds_has_a_gradient() {
        for kind in ["kl", "tiny"] {
            let widths =
                if kind == "tiny" { "autoencoder.block_out_channels=8,8" } else { "autoencoder.mid_attention=true" };
            let kind = format!("autoencoder.kind={kind}");
            let stage = stage(&[&kind, widths]);
            let (autoencoder, vars) = autoencoder(&stage);
            assert_eq!(vars.len(), parameters(autoencoder.config()).unwrap().len());
            let noise = (stage.kind == AutoencoderKind::Kl).then(|| draw(1, (3, 4, 4, 2)));
            let losses = Reconstruction::new(&stage).losses(&autoencoder, &batch(noise)).unwrap();
            let grads = losses.term.sum_all().unwrap().backward().unwrap();
            for (name, var) in &vars {
                let grad = grads.get(var).unwrap_or_else(|| panic!("{name} has no gradient"));
                assert!(values(grad).iter().any(|g| *g != 0.0) || name.ends_with("to_k.bias"), "{name}");
            }
        }
    }

    #[test]
    fn pictures_of_odd_sizes_have_no_half() {
        assert_eq!(halved(&draw(0, (1, 7, 8, 1))).unwrap().map(|x| x.dims().to_vec()), None);
        assert_eq!(halved(&draw(0, (1, 6, 8, 3))).unwrap().unwrap().dims(), [1, 3, 4, 3]);
    }
}
