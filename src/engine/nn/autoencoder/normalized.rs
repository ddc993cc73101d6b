//! Unit variance for the latents, as part of the weights: diffusion wants data of mean 0 and deviation 1.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};

use super::AutoencoderConfig;
use crate::nn::Weights;

/// An autoencoder whose latents are (z − mean)/deviation of the given one's, channel by channel; it decodes those to the same
/// pictures. Of kind kl with both 1×1 convolutions that is done in these, exactly. Others have no place for it: theirs are
/// divided by `scaling_factor`, by which diffusers multiplies, and keep their mean.
///
/// # Errors
/// When a deviation is not above 0, or a tensor is missing.
pub fn normalized(
    config: &AutoencoderConfig,
    weights: &Weights,
    (mean, deviation): (&[f64], &[f64]),
) -> Result<(AutoencoderConfig, Weights)> {
    let channels = config.latent_channels();
    ensure!(
        mean.len() == channels && deviation.len() == channels,
        "{} means and {} deviations for {channels} channels",
        mean.len(),
        deviation.len()
    );
    ensure!(
        deviation.iter().all(|d| *d > 0.0 && d.is_finite()) && mean.iter().all(|m| m.is_finite()),
        "the latents have a channel that is the same for all pictures (deviations {deviation:?}): this autoencoder has not \
         learned to use it; train it longer, or with fewer autoencoder.latent_channels"
    );
    match config {
        AutoencoderConfig::Kl(kl) if kl.use_quant_conv && kl.use_post_quant_conv => {
            let mut kl = kl.clone();
            (kl.scaling_factor, kl.shift_factor) = (1.0, None);
            Ok((AutoencoderConfig::Kl(kl), folded(weights, mean, deviation)?))
        }
        AutoencoderConfig::Kl(kl) => {
            let mut kl = kl.clone();
            kl.scaling_factor = 1.0 / overall(deviation);
            Ok((AutoencoderConfig::Kl(kl), weights.clone()))
        }
        AutoencoderConfig::Tiny(tiny) => {
            let mut tiny = tiny.clone();
            tiny.scaling_factor = 1.0 / overall(deviation);
            Ok((AutoencoderConfig::Tiny(tiny), weights.clone()))
        }
    }
}

/// The root of the mean variance.
fn overall(deviation: &[f64]) -> f64 {
    (deviation.iter().map(|d| d * d).sum::<f64>() / deviation.len().max(1) as f64).sqrt()
}

/// `quant_conv` says (μ − m)/s and ln σ² − 2 ln s, `post_quant_conv` reads s·z + m.
fn folded(weights: &Weights, mean: &[f64], deviation: &[f64]) -> Result<Weights> {
    let n = mean.len();
    let mut tensors: BTreeMap<String, Tensor> = weights.iter().map(|(name, x)| (name.into(), x.clone())).collect();
    let get = |name: &str| -> Result<Vec<f32>> {
        let tensor = weights.get(name).with_context(|| format!("the autoencoder has no {name}"))?;
        Ok(tensor.flatten_all()?.to_vec1()?)
    };
    let mut put = |name: &str, values: Vec<f32>, shape: &[usize]| -> Result<()> {
        tensors.insert(name.into(), Tensor::from_vec(values, shape, &Device::Cpu)?);
        Ok(())
    };
    // In memory [1, 1, c_in, c_out]: a row an input.
    let (mut weight, mut bias) = (get("quant_conv.weight")?, get("quant_conv.bias")?);
    ensure!(
        weight.len() == 4 * n * n && bias.len() == 2 * n,
        "quant_conv has another shape than {n} latent channels need"
    );
    for (i, value) in weight.iter_mut().enumerate() {
        if i % (2 * n) < n {
            *value = (f64::from(*value) / deviation[i % (2 * n)]) as f32;
        }
    }
    for (i, value) in bias.iter_mut().enumerate() {
        let old = f64::from(*value);
        *value = match i < n {
            true => (old - mean[i]) / deviation[i],
            false => old - 2.0 * deviation[i - n].ln(),
        } as f32;
    }
    put("quant_conv.weight", weight, &[1, 1, 2 * n, 2 * n])?;
    put("quant_conv.bias", bias, &[2 * n])?;
    let (mut weight, mut bias) = (get("post_quant_conv.weight")?, get("post_quant_conv.bias")?);
    ensure!(
        weight.len() == n * n && bias.len() == n,
        "post_quant_conv has another shape than {n} latent channels need"
    );
    for (out, value) in bias.iter_mut().enumerate() {
        let shift: f64 = (0..n).map(|i| f64::from(weight[i * n + out]) * mean[i]).sum();
        *value = (f64::from(*value) + shift) as f32;
    }
    for (i, value) in weight.iter_mut().enumerate() {
        *value = (f64::from(*value) * deviation[i / n]) as f32;
    }
    put("post_quant_conv.weight", weight, &[1, 1, n, n])?;
    put("post_quant_conv.bias", bias, &[n])?;
    Ok(Weights::from_map(tensors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::autoencoder::{Autoencoder, KlConfig, TinyConfig};

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn latents_are_normalized_and_pictures_stay() {
        let config = KlConfig { norm_num_groups: 2, ..KlConfig::new(1, 2, vec![4, 4]) };
        let config = AutoencoderConfig::Kl(config);
        let weights = Weights::init(&config, 3, &Device::Cpu).unwrap();
        let (mean, deviation) = ([0.4, -1.5], [0.25, 3.0]);
        let (new_config, new_weights) = normalized(&config, &weights, (&mean, &deviation)).unwrap();
        assert_eq!(new_config.scaling(), (1.0, 0.0));
        let (old, new) =
            (Autoencoder::new(&config, &weights).unwrap(), Autoencoder::new(&new_config, &new_weights).unwrap());
        let x: Vec<f32> = (0..64).map(|i| ((i * 13) % 17) as f32 / 8.5 - 1.0).collect();
        let x = Tensor::from_vec(x, (1, 8, 8, 1), &Device::Cpu).unwrap();
        let (a, b) = (old.encode(&x).unwrap(), new.encode(&x).unwrap());
        for (i, (a, b)) in values(&a.mean).iter().zip(values(&b.mean)).enumerate() {
            let want = (f64::from(*a) - mean[i % 2]) / deviation[i % 2];
            assert!((f64::from(b) - want).abs() < 1e-5 * (1.0 + want.abs()), "{b}, not {want}");
        }
        let of = |x: &Option<Tensor>| values(x.as_ref().unwrap());
        for (i, (a, b)) in of(&a.log_variance).iter().zip(of(&b.log_variance)).enumerate() {
            let want = f64::from(*a) - 2.0 * f64::ln(deviation[i % 2]);
            assert!((f64::from(b) - want).abs() < 1e-5, "{b}, not {want}");
        }
        for (a, b) in values(&old.decode(&a.mean).unwrap()).iter().zip(values(&new.decode(&b.mean).unwrap())) {
            assert!((a - b).abs() < 1e-5, "{a} and {b}");
        }
    }

    #[test]
    fn what_has_no_place_for_it_is_scaled_and_idle_channels_are_refused() {
        let config = AutoencoderConfig::Tiny(TinyConfig::new(1, 2, 2, 4, 1));
        let weights = Weights::init(&config, 3, &Device::Cpu).unwrap();
        let (scaled, _) = normalized(&config, &weights, (&[1.0, 0.0], &[1.0, 7.0])).unwrap();
        assert!((scaled.scaling().0 - 0.2).abs() < 1e-12);
        let bare = KlConfig { use_quant_conv: false, norm_num_groups: 2, ..KlConfig::new(1, 2, vec![4, 4]) };
        let (scaled, _) = normalized(&AutoencoderConfig::Kl(bare), &weights, (&[0.0; 2], &[0.5; 2])).unwrap();
        assert!((scaled.scaling().0 - 2.0).abs() < 1e-12);
        let message = normalized(&config, &weights, (&[0.0; 2], &[1.0, 0.0])).unwrap_err().to_string();
        assert!(message.contains("the same for all pictures"), "{message}");
    }
}
