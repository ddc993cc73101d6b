//! What one forward pass carries along.

use anyhow::Result;
use candle_core::{Shape, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::kernels::DropoutMask;

/// Is told each module's name and output.
pub(super) type Observer<'a> = &'a mut dyn FnMut(&str, &Tensor);

/// Dropout's generator (while training), and an observer of the modules' outputs.
#[derive(Default)]
pub(super) struct Pass<'a> {
    pub dropout: Option<&'a mut ChaCha8Rng>,
    pub observer: Option<Observer<'a>>,
    /// One block, counted along the way, that is told these times instead.
    pub retimed: Option<(usize, &'a Tensor)>,
}

/// The embedding of the time that each block is told.
pub(super) struct Told {
    pub all: Tensor,
    /// One block that is told another.
    pub other: Option<(usize, Tensor)>,
}

impl Told {
    /// The embedding for block `index`.
    pub fn to(&self, index: usize) -> &Tensor {
        match &self.other {
            Some((block, time)) if *block == index => time,
            _ => &self.all,
        }
    }
}

impl Pass<'_> {
    /// Zeroes each value with probability `rate` and scales the others by 1/(1 − rate), while
    /// training; otherwise `x` itself (Srivastava et al. 2014, in the inverted form).
    pub fn drop_out(&mut self, x: Tensor, rate: f64) -> Result<Tensor> {
        Ok(match self.mask(x.shape(), rate) {
            Some(mask) => (&x * mask.tensor(x.device())?)?,
            None => x,
        })
    }

    /// The same for an operation that does it inside, to activations of a shape; `None` where all are kept.
    pub fn mask(&mut self, shape: impl Into<Shape>, rate: f64) -> Option<DropoutMask> {
        let rng = self.dropout.as_mut().filter(|_| rate > 0.0)?;
        let drops = rate as f32;
        Some(DropoutMask::new(shape, rate, || rng.random::<f32>() < drops))
    }

    /// Shows a module's output to the observer, if there is one.
    pub fn show(&mut self, name: impl FnOnce() -> String, output: &Tensor) {
        if let Some(observer) = &mut self.observer {
            observer(&name(), output);
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::random::{Stream, generator};

    fn drop_out(rate: f64, seed: Option<u64>) -> Vec<f32> {
        let ones = Tensor::ones((2, 50, 10, 10), DType::F32, &Device::Cpu).unwrap();
        let mut rng = seed.map(|s| generator(s, Stream::Dropout, 0));
        let mut pass = Pass { dropout: rng.as_mut(), ..Pass::default() };
        pass.drop_out(ones, rate).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn dropout_zeroes_its_share_and_keeps_the_mean() {
        let x = drop_out(0.25, Some(0));
        let zeros = x.iter().filter(|&&v| v == 0.0).count() as f32 / x.len() as f32;
        assert!((zeros - 0.25).abs() < 0.02, "{zeros}");
        assert!(x.iter().all(|&v| v == 0.0 || (v - 1.0 / 0.75).abs() < 1e-6));
        assert_eq!(x, drop_out(0.25, Some(0)));
        assert_ne!(x, drop_out(0.25, Some(1)));
    }

    #[test]
    fn without_a_generator_nothing_is_dropped() {
        assert!(drop_out(0.25, None).iter().all(|&v| v == 1.0));
    }
}
