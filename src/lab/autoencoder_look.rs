//! What an autoencoder makes of a few pictures: reconstructions, where they are off, what its latents are like.

use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use crate::nn::autoencoder::{Autoencoder, LatentChannel, LatentMoments, LatentSums};

/// Of the pictures of a preview.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoencoderLook {
    /// The squared error at each pixel, `[H, W]`, mean over pictures and channels.
    pub error: Vec<f32>,
    /// Of each channel of the latents.
    pub channels: Vec<LatentChannel>,
    /// Height and width of the latents.
    pub latent_size: (usize, usize),
}

/// A film from each picture to the next through the latents between them: decode((1 − a)·z_i + a·z_{i+1}).
pub struct Interpolation {
    autoencoder: Autoencoder,
    /// `[N, H, W, C]`.
    originals: Tensor,
    /// The means of the latents, `[N, h, w, L]`, and those of each picture's next.
    from: Tensor,
    to: Tensor,
    pub look: Arc<AutoencoderLook>,
    index: usize,
}

/// Frames after the first, which is the reconstructions; the last is those of the next pictures.
pub const FRAMES: usize = 24;

impl Interpolation {
    /// Of pictures of `shape`, `[H, W, C]` each.
    ///
    /// # Errors
    /// What the autoencoder reports.
    pub fn new(
        autoencoder: &Autoencoder,
        pictures: &[Arc<Vec<f32>>],
        (h, w, c): (usize, usize, usize),
        device: &Device,
    ) -> Result<Self> {
        let n = pictures.len();
        let all: Vec<f32> = pictures.iter().flat_map(|picture| picture.iter().copied()).collect();
        let originals = Tensor::from_vec(all, (n, h, w, c), device)?;
        let moments = autoencoder.encode(&originals)?;
        let from = moments.mean.clone();
        let order: Vec<u32> = (1..n as u32).chain([0]).collect();
        let to = from.index_select(&Tensor::new(order, device)?, 0)?;
        let look = look(&originals, &autoencoder.decode(&from)?, &moments)?;
        Ok(Self { autoencoder: autoencoder.clone(), originals, from, to, look: Arc::new(look), index: 0 })
    }

    /// The next frame's number, and its pictures; the originals.
    ///
    /// # Errors
    /// What the autoencoder reports.
    pub fn next(&mut self) -> Result<(usize, Tensor, Tensor)> {
        let share = self.index as f64 / FRAMES as f64;
        let z = ((&self.from * (1.0 - share))? + (&self.to * share)?)?;
        self.index += 1;
        Ok((self.index - 1, self.autoencoder.decode(&z)?, self.originals.clone()))
    }
}

fn look(originals: &Tensor, said: &Tensor, moments: &LatentMoments) -> Result<AutoencoderLook> {
    let error = (originals - said)?.sqr()?.mean((0, 3))?.flatten_all()?.to_vec1()?;
    let (_, h, w, channels) = moments.mean.dims4().context("latents are [N, h, w, L]")?;
    let mut sums = LatentSums::new(channels);
    sums.add(moments)?;
    Ok(AutoencoderLook { error, channels: sums.channels(), latent_size: (h, w) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::nn::Weights;
    use crate::nn::autoencoder::AutoencoderConfig;

    #[test]
    fn a_film_goes_from_each_picture_to_the_next_and_its_facts_are_those_of_the_latents() {
        let set =
            ["autoencoder.block_out_channels=4,4", "autoencoder.norm_num_groups=2", "autoencoder.latent_channels=2"];
        let config = Config::default().with_overrides(&set.map(String::from)).unwrap();
        let config = AutoencoderConfig::new(&config.autoencoder, 4, 4, 1);
        let autoencoder = Autoencoder::new(&config, &Weights::init(&config, 3, &Device::Cpu).unwrap()).unwrap();
        let pictures: Vec<Arc<Vec<f32>>> =
            (0..3).map(|k| Arc::new((0..16).map(|i| ((i * 7 + k * 5) % 11) as f32 / 5.5 - 1.0).collect())).collect();
        let mut film = Interpolation::new(&autoencoder, &pictures, (4, 4, 1), &Device::Cpu).unwrap();
        let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let frames: Vec<(usize, Tensor, Tensor)> = (0..=FRAMES).map(|_| film.next().unwrap()).collect();
        let (first, last) = (values(&frames[0].1), values(&frames[FRAMES].1));
        assert_eq!(frames[FRAMES].0, FRAMES);
        for i in 0..3 {
            let next = (i + 1) % 3;
            for (a, b) in last[16 * i..16 * i + 16].iter().zip(&first[16 * next..16 * next + 16]) {
                assert!((a - b).abs() < 1e-5);
            }
        }
        let originals = values(&frames[0].2);
        let square = |i: usize, k: usize| f64::from(originals[16 * k + i] - first[16 * k + i]).powi(2);
        for (i, error) in film.look.error.iter().enumerate() {
            let want = (0..3).map(|k| square(i, k)).sum::<f64>() / 3.0;
            assert!((f64::from(*error) - want).abs() < 1e-5, "{error}, not {want}");
        }
        let x = frames[0].2.clone();
        let moments = autoencoder.encode(&x).unwrap();
        let (mean, log_variance) = (values(&moments.mean), values(moments.log_variance.as_ref().unwrap()));
        for (channel, facts) in film.look.channels.iter().enumerate() {
            let of = |all: &[f32]| all.iter().skip(channel).step_by(2).map(|x| f64::from(*x)).collect::<Vec<f64>>();
            let (mean, log_variance) = (of(&mean), of(&log_variance));
            let average = mean.iter().sum::<f64>() / 12.0;
            assert!((facts.mean - average).abs() < 1e-6);
            let variance = mean.iter().map(|m| (m - average).powi(2)).sum::<f64>() / 12.0;
            assert!((facts.deviation - variance.sqrt()).abs() < 1e-6);
            let kl =
                mean.iter().zip(&log_variance).map(|(m, lv)| 0.5 * (m * m + lv.exp() - 1.0 - lv)).sum::<f64>() / 3.0;
            assert!((facts.kl.unwrap() - kl).abs() < 1e-5 * (1.0 + kl), "{facts:?}, not {kl}");
        }
        assert_eq!(film.look.latent_size, (2, 2));
    }
}
