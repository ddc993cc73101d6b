//! Seeded random numbers: every draw in the lab comes from here.
//!
//! A generator is addressed, not carried: `(seed, stream, index)` names it. Two things follow. A
//! resumed run needs no saved generator state, only the step it had reached, and a preview can
//! draw as much noise as it likes without moving the training by one bit.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// What the numbers are for. Each purpose has its own stream, so that none disturbs another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Stream {
    /// Initial weights; index = position of the parameter in name order.
    Weights = 1,
    /// Order of the training images; index = epoch.
    Order = 2,
    /// Timesteps of a training batch; index = step.
    Timesteps = 3,
    /// Noise of a training batch; index = step, and a generator for each sample of the batch.
    Noise = 4,
    /// Which class labels are dropped for guidance; index = step.
    LabelDrop = 5,
    /// Dropout masks; index = step.
    Dropout = 6,
    /// Which images are held out; index = 0.
    HeldOut = 7,
    /// Timesteps and noise of the held-out loss; index = 0, so that every evaluation sees the same.
    HeldOutNoise = 8,
    /// Noise of sampling (start and steps); index = sample number.
    Sampling = 9,
    /// Random flips and other augmentation; index = step.
    Augment = 10,
    /// Points in the plane; index = 0: the same set for every run.
    Points = 20,
    /// Timesteps, noise, dequantization and probes of `difflab eval`; index = first image of a chunk.
    Evaluation = 30,
    /// The numbers in the course's questions; index = digest of station and task.
    Course = 40,
}

/// The generator of one purpose at one index.
pub fn generator(seed: u64, stream: Stream, index: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(stream as u64).to_le_bytes());
    key[16..24].copy_from_slice(&index.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// The generator of the `sample`-th of what has one index: ChaCha's streams of one key never overlap, so that workers, or
/// machines, draw their samples alone, and the numbers don't depend on who draws them. The first is [`generator`].
pub fn generator_of_sample(seed: u64, stream: Stream, index: u64, sample: u64) -> ChaCha8Rng {
    let mut rng = generator(seed, stream, index);
    rng.set_stream(sample);
    rng
}

/// Fills `out` with independent N(0, 1) draws.
pub fn fill_normal(rng: &mut impl Rng, out: &mut [f32]) {
    for value in out {
        *value = StandardNormal.sample(rng);
    }
}

/// `n` independent N(0, 1) draws.
pub fn normal(rng: &mut impl Rng, n: usize) -> Vec<f32> {
    let mut out = vec![0.0; n];
    fill_normal(rng, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_address_gives_the_same_numbers_and_others_differ() {
        let draw = |seed, stream, index| normal(&mut generator(seed, stream, index), 8);
        assert_eq!(draw(1, Stream::Noise, 5), draw(1, Stream::Noise, 5));
        assert_ne!(draw(1, Stream::Noise, 5), draw(1, Stream::Noise, 6));
        assert_ne!(draw(1, Stream::Noise, 5), draw(2, Stream::Noise, 5));
        assert_ne!(draw(1, Stream::Noise, 5), draw(1, Stream::Timesteps, 5));
        let of_sample = |sample| normal(&mut generator_of_sample(1, Stream::Noise, 5, sample), 8);
        assert_eq!(of_sample(0), draw(1, Stream::Noise, 5));
        assert_ne!(of_sample(1), of_sample(0));
        assert_ne!(of_sample(1), of_sample(2));
    }

    #[test]
    fn normal_draws_have_mean_zero_and_variance_one() {
        let x = normal(&mut generator(0, Stream::Noise, 0), 100_000);
        let mean = x.iter().map(|&v| v as f64).sum::<f64>() / x.len() as f64;
        let var = x.iter().map(|&v| (v as f64 - mean).powi(2)).sum::<f64>() / x.len() as f64;
        assert!(mean.abs() < 0.015, "mean {mean}");
        assert!((var - 1.0).abs() < 0.02, "variance {var}");
    }
}
