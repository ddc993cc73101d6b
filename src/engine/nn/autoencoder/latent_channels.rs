//! What the latents are like, channel by channel.

use anyhow::{Context, Result, ensure};

use super::LatentMoments;

/// One channel of the latents, over pictures and places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatentChannel {
    pub mean: f64,
    /// Of the means that the encoder says, not of what is drawn around them.
    pub deviation: f64,
    /// KL(q(z | x) ‖ N(0, 1)) in nats, summed over the places of a picture; `None` where the encoder says no variance.
    pub kl: Option<f64>,
}

/// Sums over the latents of pictures, of which [`LatentChannel`]s are made.
#[derive(Clone, Debug, PartialEq)]
pub struct LatentSums {
    pictures: usize,
    /// Numbers of a channel that were added.
    count: usize,
    each: Vec<ChannelSums>,
    has_kl: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct ChannelSums {
    mean: f64,
    square: f64,
    kl: f64,
}

impl LatentSums {
    /// Of no picture yet, whose latents have so many channels.
    pub fn new(channels: usize) -> Self {
        Self { pictures: 0, count: 0, each: vec![ChannelSums::default(); channels], has_kl: false }
    }

    /// Adds what an encoder says of some pictures.
    ///
    /// # Errors
    /// When the channels are others, or candle fails.
    pub fn add(&mut self, moments: &LatentMoments) -> Result<()> {
        let (n, h, w, channels) = moments.mean.dims4().context("latents are [N, h, w, L]")?;
        ensure!(channels == self.each.len(), "latents of {channels} channels among those of {}", self.each.len());
        let means: Vec<f32> = moments.mean.flatten_all()?.to_vec1()?;
        let spreads: Option<Vec<f32>> =
            moments.log_variance.as_ref().map(|x| x.flatten_all()?.to_vec1()).transpose()?;
        for (i, mean) in means.iter().enumerate() {
            let (sums, mean) = (&mut self.each[i % channels], f64::from(*mean));
            sums.mean += mean;
            sums.square += mean * mean;
            if let Some(spreads) = &spreads {
                // ½ (μ² + σ² − 1 − ln σ²) (Kingma & Welling 2014, appendix B).
                let log_variance = f64::from(spreads[i]);
                sums.kl += 0.5 * (mean * mean + log_variance.exp() - 1.0 - log_variance);
            }
        }
        self.pictures += n;
        self.count += n * h * w;
        self.has_kl |= spreads.is_some();
        Ok(())
    }

    /// Puts those of other pictures to these.
    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.each.iter_mut().zip(&other.each) {
            own.mean += other.mean;
            own.square += other.square;
            own.kl += other.kl;
        }
        self.pictures += other.pictures;
        self.count += other.count;
        self.has_kl |= other.has_kl;
    }

    /// Each channel; NaN of no picture.
    pub fn channels(&self) -> Vec<LatentChannel> {
        let (count, pictures) = (self.count as f64, self.pictures as f64);
        let of = |sums: &ChannelSums| {
            let mean = sums.mean / count;
            let variance = (sums.square / count - mean * mean).max(0.0);
            LatentChannel { mean, deviation: variance.sqrt(), kl: self.has_kl.then_some(sums.kl / pictures) }
        };
        self.each.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    fn moments(values: &[f32], log_variance: Option<f32>, n: usize) -> LatentMoments {
        let mean = Tensor::from_slice(values, (n, 1, values.len() / (2 * n), 2), &Device::Cpu).unwrap();
        let log_variance = log_variance.map(|lv| mean.affine(0.0, f64::from(lv)).unwrap());
        LatentMoments { mean, log_variance }
    }

    #[test]
    fn means_deviations_and_kl_are_those_of_each_channel_whatever_the_parts() {
        let values = [1.0f32, 10.0, 3.0, 10.0, 5.0, 10.0, 7.0, 14.0];
        let mut all = LatentSums::new(2);
        all.add(&moments(&values, Some(0.0), 2)).unwrap();
        let [a, b] = all.channels()[..] else { panic!("two channels") };
        assert!((a.mean - 4.0).abs() < 1e-12 && (a.deviation - 5f64.sqrt()).abs() < 1e-12, "{a:?}");
        assert!((b.mean - 11.0).abs() < 1e-12 && (b.deviation - 3f64.sqrt()).abs() < 1e-12, "{b:?}");
        // ½ Σ μ² of a picture where σ = 1.
        assert!((a.kl.unwrap() - (1.0 + 9.0 + 25.0 + 49.0) / 4.0).abs() < 1e-12, "{a:?}");
        let mut parts = LatentSums::new(2);
        for half in values.chunks(4) {
            let mut one = LatentSums::new(2);
            one.add(&moments(half, Some(0.0), 1)).unwrap();
            parts.merge(&one);
        }
        assert_eq!(parts, all);
        let mut bare = LatentSums::new(2);
        bare.add(&moments(&values, None, 2)).unwrap();
        assert_eq!(bare.channels()[0].kl, None);
        assert!(LatentSums::new(3).add(&moments(&values, None, 2)).is_err());
    }
}
