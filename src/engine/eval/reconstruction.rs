//! What an autoencoder gives back of pictures, how far that is from them, and what its latents are like.

use std::sync::Arc;

use anyhow::{Result, ensure};
use candle_core::{D, Device, Tensor};

use super::estimate::Estimate;
use crate::data::Dataset;
use crate::kernels::Workers;
use crate::nn::autoencoder::{Autoencoder, LatentChannel, LatentSums};
use crate::process::interrupt;
use crate::train::images;
use crate::train::reconstruction::kl;

/// Pictures that a worker encodes at once: more only costs memory.
const AT_ONCE: usize = 16;

/// The reconstructions of some pictures, by the means of their latents, and their measure.
#[derive(Clone, Debug)]
pub struct Reconstructed {
    /// `[N, H, W, C]`.
    pub images: Tensor,
    /// (x − x̂)² of each picture, mean over its numbers, in [-1, 1].
    pub squared: Vec<f64>,
    /// |x − x̂| likewise.
    pub absolute: Vec<f64>,
    /// KL(q(z | x) ‖ N(0, 1)) of each picture in nats; `None` where the encoder says no variance.
    pub kl: Option<Vec<f64>>,
    pub channels: Vec<LatentChannel>,
}

impl Reconstructed {
    /// Of the pictures of `data` at `indices`; `seen` hears how many are done.
    ///
    /// # Errors
    /// When there are none, the autoencoder takes others, or a signal breaks it off.
    pub fn of(
        autoencoder: &Autoencoder,
        data: &Dataset,
        indices: &[usize],
        workers: &Arc<Workers>,
        mut seen: impl FnMut(usize),
    ) -> Result<Self> {
        ensure!(!indices.is_empty(), "there are no pictures to give back");
        let mut sums = LatentSums::new(autoencoder.config().latent_channels());
        let (mut given, mut squared, mut absolute, mut kls) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let of = |indices: &[usize]| Part::of(autoencoder, data, indices);
        by_workers(indices, workers, of, |part: Part| {
            sums.merge(&part.sums);
            squared.extend(part.squared);
            absolute.extend(part.absolute);
            kls.extend(part.kl);
            given.push(part.images);
            seen(squared.len());
        })?;
        let kl = (kls.len() == squared.len()).then_some(kls);
        Ok(Self { images: Tensor::cat(&given, 0)?, squared, absolute, kl, channels: sums.channels() })
    }

    /// Mean squared error.
    pub fn mse(&self) -> Estimate {
        Estimate::of(&self.squared)
    }

    /// Peak signal-to-noise ratio in dB of that error, 10·lg(4/MSE): the peak of numbers in [-1, 1] is 2.
    pub fn psnr(&self) -> Estimate {
        let mse = self.mse();
        let error = 10.0 / std::f64::consts::LN_10 * mse.standard_error / mse.mean;
        Estimate { mean: 10.0 * (4.0 / mse.mean).log10(), standard_error: error }
    }
}

/// What one worker has done.
struct Part {
    images: Tensor,
    squared: Vec<f64>,
    absolute: Vec<f64>,
    kl: Vec<f64>,
    sums: LatentSums,
}

impl Part {
    fn of(autoencoder: &Autoencoder, data: &Dataset, indices: &[usize]) -> Result<Self> {
        let x = images(data, indices, &Device::Cpu)?;
        let moments = autoencoder.encode(&x)?;
        let mut sums = LatentSums::new(autoencoder.config().latent_channels());
        sums.add(&moments)?;
        let said = autoencoder.decode(&moments.mean)?.detach();
        let off = (&x - &said)?;
        Ok(Self {
            squared: values(&off.sqr()?.flatten_from(1)?.mean(D::Minus1)?)?,
            absolute: values(&off.abs()?.flatten_from(1)?.mean(D::Minus1)?)?,
            kl: kl(&moments)?.map_or(Ok(Vec::new()), |kl| values(&kl))?,
            images: said,
            sums,
        })
    }
}

fn values(x: &Tensor) -> Result<Vec<f64>> {
    Ok(x.to_vec1::<f32>()?.into_iter().map(f64::from).collect())
}

/// Mean, deviation and KL of each channel of the latents of up to `most` pictures of `data`, from all over it.
///
/// # Errors
/// As [`Reconstructed::of`].
pub fn latent_channels(
    autoencoder: &Autoencoder,
    data: &Dataset,
    most: usize,
    workers: &Arc<Workers>,
) -> Result<Vec<LatentChannel>> {
    let indices = data.spread(most);
    ensure!(!indices.is_empty(), "there are no pictures to encode");
    let mut sums = LatentSums::new(autoencoder.config().latent_channels());
    let of = |indices: &[usize]| -> Result<LatentSums> {
        let mut sums = LatentSums::new(autoencoder.config().latent_channels());
        sums.add(&autoencoder.encode(&images(data, indices, &Device::Cpu)?)?)?;
        Ok(sums)
    };
    by_workers(&indices, workers, of, |part| sums.merge(&part))?;
    Ok(sums.channels())
}

/// Each worker takes its share of the pictures, a few at a time; `take` is given what `of` makes of them, in their order.
fn by_workers<R: Send>(
    indices: &[usize],
    workers: &Workers,
    of: impl Fn(&[usize]) -> Result<R> + Sync,
    mut take: impl FnMut(R),
) -> Result<()> {
    for chunk in indices.chunks(AT_ONCE * workers.threads()) {
        interrupt::check()?;
        let parts = workers.run_on(workers.shares(chunk.len()), |share| of(&chunk[share]));
        parts.into_iter().try_for_each(|part| part.map(&mut take))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::nn::Weights;
    use crate::nn::autoencoder::AutoencoderConfig;

    fn autoencoder(kind: &str) -> Autoencoder {
        let set = [
            "autoencoder.block_out_channels=4,4",
            "autoencoder.norm_num_groups=2",
            "autoencoder.latent_channels=2",
            &format!("autoencoder.kind={kind}"),
        ];
        let config = Config::default().with_overrides(&set.map(String::from)).unwrap();
        let config = AutoencoderConfig::new(&config.autoencoder, 4, 4, 1);
        Autoencoder::new(&config, &Weights::init(&config, 3, &Device::Cpu).unwrap()).unwrap()
    }

    fn pictures(n: usize) -> Dataset {
        Dataset {
            name: "made".into(),
            source: String::new(),
            height: 4,
            width: 4,
            channels: 1,
            pixels: (0..n * 16).map(|i| (i * 37 % 256) as u8).collect::<Vec<u8>>().into(),
            labels: Arc::new(Vec::new()),
            classes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn errors_kl_and_latents_are_those_of_the_whole_batch_on_any_number_of_workers() {
        let (data, n) = (pictures(45), 45);
        let indices: Vec<usize> = (0..n).collect();
        for kind in ["kl", "tiny"] {
            let autoencoder = autoencoder(kind);
            let x = images(&data, &indices, &Device::Cpu).unwrap();
            let moments = autoencoder.encode(&x).unwrap();
            let said = autoencoder.decode(&moments.mean).unwrap();
            let off = (&x - &said).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let mean = |f: &dyn Fn(f64) -> f64| off.iter().map(|d| f(f64::from(*d))).sum::<f64>() / off.len() as f64;
            let mut whole = LatentSums::new(2);
            whole.add(&moments).unwrap();
            for threads in [1, 2] {
                let workers = Arc::new(Workers::new(threads).unwrap());
                let mut done = 0;
                let given = Reconstructed::of(&autoencoder, &data, &indices, &workers, |n| done = n).unwrap();
                assert_eq!((done, given.images.dims()), (n, &[n, 4, 4, 1][..]));
                assert!((given.mse().mean - mean(&|d| d * d)).abs() < 1e-6);
                assert!((Estimate::of(&given.absolute).mean - mean(&f64::abs)).abs() < 1e-6);
                assert!((given.psnr().mean - 10.0 * (4.0 / mean(&|d| d * d)).log10()).abs() < 1e-4);
                assert_eq!(given.kl.is_some(), kind == "kl");
                let alone = latent_channels(&autoencoder, &data, n, &workers).unwrap();
                for ((a, b), c) in given.channels.iter().zip(whole.channels()).zip(alone) {
                    assert!((a.mean - b.mean).abs() < 1e-6 && (a.deviation - b.deviation).abs() < 1e-6);
                    assert!((a.mean - c.mean).abs() < 1e-9, "{a:?}, {c:?}");
                }
                if let Some(kl) = &given.kl {
                    let by_channel: f64 = given.channels.iter().filter_map(|channel| channel.kl).sum();
                    assert!((Estimate::of(kl).mean - by_channel).abs() < 1e-4 * (1.0 + by_channel));
                }
            }
            let workers = Arc::new(Workers::new(1).unwrap());
            assert!(Reconstructed::of(&autoencoder, &data, &[], &workers, |_| {}).is_err());
        }
    }
}
