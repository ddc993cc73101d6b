//! Classifier-free guidance (Ho & Salimans 2022, eq. 6).

use anyhow::{Result, ensure};
use candle_core::Tensor;

use super::{Denoiser, Prediction};
use crate::diffusion::{NoiseLevel, combine};

/// ε̂ = (1 + w)·ε_cond − w·ε_uncond, and x̂_0 with it (both are the same mixture, since at one x_t
/// each is a linear function of the other). w = 0 is the plain conditional model; other libraries
/// write ε_uncond + s·(ε_cond − ε_uncond) with s = 1 + w.
///
/// The wrapped denoiser is asked once for both: its batch is 2N, the conditional half first.
pub struct Guided<D> {
    both: D,
    scale: f64,
}

impl<D: Denoiser> Guided<D> {
    /// `both` answers batches of 2N: N conditional ones, then the same N unconditional. `scale` is w.
    pub fn new(both: D, scale: f64) -> Self {
        Self { both, scale }
    }
}

impl<D: Denoiser> Denoiser for Guided<D> {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let n = x_t.dim(0)?;
        let both = self.both.predict(&Tensor::cat(&[x_t, x_t], 0)?, at)?;
        ensure!(both.x_0.dim(0)? == 2 * n, "guidance needs two answers for each of {n} images");
        let mix =
            |both: &Tensor| combine(1.0 + self.scale, &both.narrow(0, 0, n)?, -self.scale, &both.narrow(0, n, n)?);
        // The variance is that of the class, as it is: mixtures of fractions mean nothing.
        let variance_fraction = both.variance_fraction.map(|fraction| fraction.narrow(0, 0, n)).transpose()?;
        Ok(Prediction { x_0: mix(&both.x_0)?, epsilon: mix(&both.epsilon)?, variance_fraction })
    }
}
