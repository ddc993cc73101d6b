//! The space that latent diffusion happens in: a trained autoencoder between it and the pictures.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use sha2::{Digest, Sha256};

use super::{Autoencoder, AutoencoderConfig};
use crate::kernels::Workers;
use crate::nn::Weights;

/// Pictures that one worker takes at once: more only costs memory.
const AT_ONCE: usize = 16;

/// An autoencoder that is not trained any more, between pictures `[N, H, W, C]` in [-1, 1] and what diffusion sees,
/// `[N, h, w, L]` of about unit variance (Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion
/// Models", section 3.2). A clone shares the weights.
#[derive(Clone)]
pub struct LatentSpace {
    autoencoder: Autoencoder,
    weights: Weights,
    /// Height, width, channels of the pictures.
    image_shape: (usize, usize, usize),
    shape: (usize, usize, usize),
    sha256: String,
    workers: Arc<Workers>,
}

impl std::fmt::Debug for LatentSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Self { image_shape, shape, sha256, .. } = self;
        f.debug_struct("LatentSpace")
            .field("image_shape", image_shape)
            .field("shape", shape)
            .field("sha256", sha256)
            .finish()
    }
}

impl LatentSpace {
    /// Of pictures of `image_shape`, height, width and channels.
    ///
    /// # Errors
    /// When the autoencoder is for other pictures, or a tensor is missing.
    pub fn new(
        config: &AutoencoderConfig,
        weights: &Weights,
        image_shape: (usize, usize, usize),
        workers: Arc<Workers>,
    ) -> Result<Self> {
        let (height, width, channels) = image_shape;
        ensure!(
            channels == config.channels(),
            "it is for pictures of {} channel{}, and these have {channels}",
            config.channels(),
            if config.channels() == 1 { "" } else { "s" }
        );
        let shape = config.latent_shape(height, width)?;
        let weights = weights.detached();
        let autoencoder = Autoencoder::new(config, &weights)?;
        let sha256 = autoencoder_sha256(config, &weights)?;
        Ok(Self { autoencoder, weights, image_shape, shape, sha256, workers })
    }

    pub fn autoencoder(&self) -> &Autoencoder {
        &self.autoencoder
    }

    pub fn config(&self) -> &AutoencoderConfig {
        self.autoencoder.config()
    }

    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Height, width and channels of the pictures.
    pub fn image_shape(&self) -> (usize, usize, usize) {
        self.image_shape
    }

    /// Height, width and channels of the latents.
    pub fn shape(&self) -> (usize, usize, usize) {
        self.shape
    }

    /// By which it is known again: of architecture and weights, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The latents `[N, h, w, L]` of pictures `[N, H, W, C]`: the means that the encoder says, shifted and scaled as the
    /// autoencoder's config has it.
    ///
    /// # Errors
    /// When these are no such pictures.
    pub fn encode(&self, pictures: &Tensor) -> Result<Tensor> {
        let (scale, shift) = self.config().scaling();
        self.by_workers(pictures, |x| Ok(((self.autoencoder.encode(x)?.mean - shift)? * scale)?))
    }

    /// The pictures `[N, H, W, C]` of latents `[N, h, w, L]`, about [-1, 1].
    ///
    /// # Errors
    /// When these are no such latents.
    pub fn decode(&self, latents: &Tensor) -> Result<Tensor> {
        let (scale, shift) = self.config().scaling();
        self.by_workers(latents, |z| self.autoencoder.decode(&z.affine(1.0 / scale, shift)?))
    }

    /// Which latents stand for kept pixels alone: `mask` `[1, H, W, C]`, 1 where the picture is kept, becomes
    /// `[1, h, w, L]`; a latent one of whose pixels is new is new.
    ///
    /// # Errors
    /// When it has another shape than the pictures.
    pub fn mask(&self, mask: &Tensor) -> Result<Tensor> {
        let ((height, width, channels), (h, w, l)) = (self.image_shape, self.shape);
        ensure!(mask.dims() == [1, height, width, channels], "a mask of the shape {:?}", mask.dims());
        let (rows, columns) = (height / h, width / w);
        let kept = mask.reshape((h, rows, w, columns * channels))?.min(3)?.min(1)?;
        Ok(kept.reshape((1, h, w, 1))?.broadcast_as((1, h, w, l))?.contiguous()?)
    }

    /// Each worker takes its share, a few samples at a time; what comes out lies on the device of `x`.
    fn by_workers(&self, x: &Tensor, of: impl Fn(&Tensor) -> Result<Tensor> + Sync) -> Result<Tensor> {
        let (device, x) = (x.device(), x.to_device(&Device::Cpu)?);
        let n = x.dim(0).context("a batch has four dimensions")?;
        let shares = self.workers.run_on(self.workers.shares(n), |share| -> Result<Tensor> {
            let parts = share
                .clone()
                .step_by(AT_ONCE)
                .map(|from| of(&x.narrow(0, from, AT_ONCE.min(share.end - from))?.contiguous()?));
            Ok(Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)?)
        });
        let parts = shares.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(Tensor::cat(&parts, 0)?.to_device(device)?)
    }
}

/// By what an autoencoder is known again: the hash of the architecture's text, then of each tensor's name and numbers.
///
/// # Errors
/// When a number has no place in JSON.
pub fn autoencoder_sha256(config: &AutoencoderConfig, weights: &Weights) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(config.to_json()?);
    for (name, tensor) in weights.iter() {
        hash.update(name);
        for value in tensor.flatten_all()?.to_vec1::<f32>()? {
            hash.update(value.to_le_bytes());
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::autoencoder::{KlConfig, TinyConfig};

    fn space(config: AutoencoderConfig, threads: usize) -> LatentSpace {
        let weights = Weights::init(&config, 3, &Device::Cpu).unwrap();
        LatentSpace::new(&config, &weights, (8, 12, 1), Arc::new(Workers::new(threads).unwrap())).unwrap()
    }

    fn kl() -> AutoencoderConfig {
        let kl = KlConfig { norm_num_groups: 2, scaling_factor: 0.5, ..KlConfig::new(1, 2, vec![4, 4, 4]) };
        AutoencoderConfig::Kl(kl)
    }

    fn pictures(n: usize) -> Tensor {
        let x: Vec<f32> = (0..n * 96).map(|i| ((i * 13) % 17) as f32 / 8.5 - 1.0).collect();
        Tensor::from_vec(x, (n, 8, 12, 1), &Device::Cpu).unwrap()
    }

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn latents_are_scaled_and_workers_change_nothing() {
        let (one, three) = (space(kl(), 1), space(kl(), 3));
        let x = pictures(40);
        let z = one.encode(&x).unwrap();
        assert_eq!((z.dims(), one.shape()), (&[40, 2, 3, 2][..], (2, 3, 2)));
        let plain = one.autoencoder.encode(&x).unwrap().mean;
        assert!(values(&z).iter().zip(values(&plain)).all(|(z, mean)| (z - 0.5 * mean).abs() < 1e-6));
        assert_eq!(values(&three.encode(&x).unwrap()), values(&z));
        let back = one.decode(&z).unwrap();
        assert_eq!(values(&three.decode(&z).unwrap()), values(&back));
        let direct = one.autoencoder.decode(&plain).unwrap();
        assert!(values(&back).iter().zip(values(&direct)).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn other_weights_and_other_pictures_are_told_apart() {
        let config = kl();
        let other = Weights::init(&config, 4, &Device::Cpu).unwrap();
        let workers = Arc::new(Workers::new(1).unwrap());
        let other_space = LatentSpace::new(&config, &other, (8, 12, 1), workers.clone()).unwrap();
        assert_ne!(other_space.sha256(), space(kl(), 1).sha256());
        assert_eq!(space(kl(), 2).sha256(), space(kl(), 1).sha256());
        let refused = |shape| LatentSpace::new(&config, &other, shape, workers.clone()).unwrap_err().to_string();
        assert!(refused((8, 12, 3)).contains("for pictures of 1 channel, and these have 3"));
        assert!(refused((8, 10, 1)).contains("factor 4"));
    }

    #[test]
    fn a_latent_is_kept_where_all_of_its_pixels_are() {
        let tiny = AutoencoderConfig::Tiny(TinyConfig::new(1, 2, 3, 4, 1));
        let mut mask = vec![1f32; 96];
        mask[12 * 5 + 7] = 0.0;
        let mask = Tensor::from_vec(mask, (1, 8, 12, 1), &Device::Cpu).unwrap();
        // Row 5 and column 7 belong to the latent at (1, 1).
        let kept = values(&space(tiny, 1).mask(&mask).unwrap());
        assert_eq!(kept, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
    }
}
