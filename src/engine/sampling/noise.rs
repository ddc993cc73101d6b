//! The noise that sampling starts from, and the noise that samplers add on the way.

use anyhow::Result;
use candle_core::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use crate::random::{Stream, fill_normal, generator, normal};

/// Where a sampler's noise comes from: seeded when sampling, given in tests.
pub trait NoiseSource: Send {
    /// Independent N(0, 1) noise of the shape of `x` (`[N, H, W, C]`), new at every call.
    ///
    /// # Errors
    /// When the device refuses the tensor.
    fn like(&mut self, x: &Tensor) -> Result<Tensor>;
}

/// Noise from a seed: image i draws from its own generator, so that it comes out the same whatever
/// the size of its batch.
pub struct SeededNoise {
    seed: u64,
    generators: Vec<ChaCha8Rng>,
}

impl SeededNoise {
    pub fn new(seed: u64) -> Self {
        Self { seed, generators: Vec::new() }
    }
}

impl NoiseSource for SeededNoise {
    fn like(&mut self, x: &Tensor) -> Result<Tensor> {
        let n = x.dim(0)?;
        for i in self.generators.len()..n {
            let mut rng = generator(self.seed, Stream::Sampling, i as u64);
            // The generator's first sequence is the image's starting noise; this is another.
            rng.set_stream(1);
            self.generators.push(rng);
        }
        let size = x.elem_count() / n.max(1);
        let mut values = vec![0.0; n * size];
        for (image, rng) in values.chunks_exact_mut(size.max(1)).zip(&mut self.generators) {
            fill_normal(rng, image);
        }
        Ok(Tensor::from_vec(values, x.shape(), x.device())?)
    }
}

/// Unit-variance noise to start `n` images of `[h, w, c]` from: `[n, h, w, c]`. Image i depends on
/// the seed and on i alone, not on n.
///
/// # Errors
/// When the device refuses the tensor.
pub fn starting_noise(n: usize, h: usize, w: usize, c: usize, seed: u64, device: &Device) -> Result<Tensor> {
    let mut values = Vec::with_capacity(n * h * w * c);
    for i in 0..n {
        values.extend(normal(&mut generator(seed, Stream::Sampling, i as u64), h * w * c));
    }
    Ok(Tensor::from_vec(values, (n, h, w, c), device)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn an_image_has_the_same_noise_in_any_batch() {
        let one = starting_noise(1, 4, 4, 3, 9, &Device::Cpu).unwrap();
        let many = starting_noise(5, 4, 4, 3, 9, &Device::Cpu).unwrap();
        assert_eq!(values(&one), values(&many.narrow(0, 0, 1).unwrap()));
        let (mut of_one, mut of_many) = (SeededNoise::new(9), SeededNoise::new(9));
        for _ in 0..3 {
            let a = of_one.like(&one).unwrap();
            let b = of_many.like(&many).unwrap();
            assert_eq!(values(&a), values(&b.narrow(0, 0, 1).unwrap()));
        }
    }

    #[test]
    fn no_two_draws_are_alike() {
        let start = starting_noise(2, 4, 4, 1, 9, &Device::Cpu).unwrap();
        let mut source = SeededNoise::new(9);
        let (first, second) = (source.like(&start).unwrap(), source.like(&start).unwrap());
        assert_ne!(values(&start), values(&first), "the steps must not repeat the starting noise");
        assert_ne!(values(&first), values(&second));
        let images = values(&first);
        assert_ne!(images[..16], images[16..]);
        assert_ne!(values(&start), values(&starting_noise(2, 4, 4, 1, 10, &Device::Cpu).unwrap()));
    }
}
