//! The way between two noises.

use anyhow::{Result, ensure};
use candle_core::Tensor;

use crate::sampling::NoiseSource;

/// `n` noises from `a` to `b` (`[1, H, W, C]` each), both included, on the great circle between them:
///
/// sin((1 − s)θ)/sin θ·a + sin(sθ)/sin θ·b,  θ the angle between them
///
/// (Shoemake 1985, "Animating Rotation with Quaternion Curves"; Song, Meng & Ermon 2021, eq. 67, for DDIM).
/// A straight line would cut through noise of too little variance, which no model has seen.
///
/// # Errors
/// When the shapes differ, or n is below 2.
pub fn slerp(a: &Tensor, b: &Tensor, n: usize) -> Result<Tensor> {
    ensure!(a.dims() == b.dims() && a.dims().first() == Some(&1), "interpolation needs two noises of the same shape");
    ensure!(n >= 2, "an interpolation needs at least its two ends, but {n} images were asked for");
    let product = |x: &Tensor, y: &Tensor| -> Result<f64> { Ok(f64::from((x * y)?.sum_all()?.to_scalar::<f32>()?)) };
    let cosine = product(a, b)? / (product(a, a)? * product(b, b)?).sqrt().max(f64::MIN_POSITIVE);
    let angle = cosine.clamp(-1.0, 1.0).acos();
    let along = |s: f64| -> Result<Tensor> {
        // Where the two point the same way (or the opposite), every way is as good: take the straight one.
        let (of_a, of_b) = match angle.sin() {
            sine if sine.abs() < 1e-6 => (1.0 - s, s),
            sine => (((1.0 - s) * angle).sin() / sine, (s * angle).sin() / sine),
        };
        Ok((a.affine(of_a, 0.0)? + b.affine(of_b, 0.0)?)?)
    };
    let points = (0..n).map(|i| along(i as f64 / (n - 1) as f64)).collect::<Result<Vec<_>>>()?;
    Ok(Tensor::cat(&points, 0)?)
}

/// The same noise for every image of the batch, so that only the starting noise tells them apart.
pub struct SharedNoise<S>(pub S);

impl<S: NoiseSource> NoiseSource for SharedNoise<S> {
    fn like(&mut self, x: &Tensor) -> Result<Tensor> {
        Ok(self.0.like(&x.narrow(0, 0, 1)?)?.broadcast_as(x.shape())?.contiguous()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::{SeededNoise, starting_noise};
    use candle_core::Device;

    fn noise(seed: u64) -> Tensor {
        starting_noise(1, 16, 16, 1, seed, &Device::Cpu).unwrap()
    }

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn the_way_has_its_ends_and_noise_of_unit_variance_between() {
        let way = slerp(&noise(1), &noise(2), 5).unwrap();
        for (end, seed) in [(0, 1), (4, 2)] {
            let end = values(&way.get(end).unwrap());
            assert!(end.iter().zip(values(&noise(seed))).all(|(a, b)| (a - b).abs() < 1e-5));
        }
        let variance = |x: &[f32]| x.iter().map(|v| v * v).sum::<f32>() / x.len() as f32;
        let (start, middle) = (variance(&values(&noise(1))), variance(&values(&way.get(2).unwrap())));
        // On the straight line half of it would be missing.
        assert!((middle / start - 1.0).abs() < 0.15, "{middle} after {start}");
    }

    #[test]
    fn a_way_from_a_noise_to_itself_stays() {
        let way = slerp(&noise(3), &noise(3), 3).unwrap();
        assert!(values(&way.get(1).unwrap()).iter().zip(values(&noise(3))).all(|(a, b)| (a - b).abs() < 1e-5));
        assert!(slerp(&noise(1), &noise(2), 1).unwrap_err().to_string().contains("two ends"));
    }

    #[test]
    fn shared_noise_is_the_same_in_every_image_and_new_at_every_draw() {
        let mut shared = SharedNoise(SeededNoise::new(4));
        let x = Tensor::cat(&[noise(1), noise(2)], 0).unwrap();
        let (first, second) = (shared.like(&x).unwrap(), shared.like(&x).unwrap());
        assert_eq!(values(&first.get(0).unwrap()), values(&first.get(1).unwrap()));
        assert_ne!(values(&first), values(&second));
    }
}
