//! Classifier-free guidance (Ho & Salimans 2022, eq. 6), and what was found to help it.

use anyhow::{Result, ensure};
use candle_core::Tensor;

use super::{Denoiser, Prediction, find_class, means_no_class};
use crate::config::SampleConfig;
use crate::diffusion::{NoiseLevel, Parameterization, combine};

/// How strongly, where, and away from what samples are guided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guidance {
    /// w in (1 + w)·ε_cond − w·ε_uncond; 0: the plain conditional model. Others write s = 1 + w.
    pub scale: f64,
    /// φ of CFG-rescale, 0 (none) to 1 (Lin et al. 2024, "Common Diffusion Noise Schedules and Sample Steps
    /// are Flawed", eq. 14 to 16).
    pub rescale: f64,
    /// Guide only where u = (t + 1)/T lies within these (Kynkäänniemi et al. 2024, "Applying Guidance in a
    /// Limited Interval Improves Sample and Distribution Quality in Diffusion Models", eq. 5).
    pub interval: (f64, f64),
    /// Guide away from this class; `None`: from the null class.
    pub negative_class: Option<usize>,
}

impl From<f64> for Guidance {
    /// Plain guidance of scale w.
    fn from(scale: f64) -> Self {
        Self { scale, rescale: 0.0, interval: (0.0, 1.0), negative_class: None }
    }
}

impl Guidance {
    /// What a run's config asks for, with another scale. Class names are those of the data, in order.
    ///
    /// # Errors
    /// A sentence when sample.negative_class is none of the classes.
    pub fn from_config(config: &SampleConfig, scale: f64, class_names: &[String]) -> Result<Self, String> {
        let interval = match config.guidance_interval[..] {
            [from, to] => (from, to),
            _ => (0.0, 1.0),
        };
        let asked = config.negative_class.as_str();
        let negative_class = match asked {
            "" => None,
            _ if means_no_class(asked, class_names) => None,
            _ => Some(find_class(asked, class_names.len(), class_names).ok_or_else(|| {
                format!("there is no class {asked:?} to guide away from; there are {}", class_names.join(", "))
            })?),
        };
        Ok(Self { scale, rescale: config.guidance_rescale, interval, negative_class })
    }

    /// Is there guidance at the time u = (t + 1)/T?
    pub fn applies_at(&self, u: f64) -> bool {
        let (from, to) = self.interval;
        (from - ROUNDING..=to + ROUNDING).contains(&u)
    }

    /// Are these numbers possible?
    ///
    /// # Errors
    /// Which is not, and what would be.
    pub fn check(&self) -> Result<()> {
        ensure!(self.scale.is_finite(), "the guidance scale must be a number, but is {}", self.scale);
        ensure!(
            (0.0..=1.0).contains(&self.rescale),
            "the guidance rescale φ must be between 0 and 1, but is {}",
            self.rescale
        );
        let (from, to) = self.interval;
        ensure!(
            (0.0..=1.0).contains(&from) && (0.0..=1.0).contains(&to) && from < to,
            "the guidance interval must lie within 0 to 1 (u = t/T) and start below its end, but is {from} to {to}"
        );
        Ok(())
    }
}

/// ε̂ = (1 + w)·ε_cond − w·ε_neg, and x̂_0 with it (both are the same mixture, since at one x_t each is a linear
/// function of the other), rescaled, within the interval; the plain conditional answer outside of it.
///
/// Within the interval the network is asked once for both: a batch of 2N, the conditional half first.
/// Outside it is asked for the conditional half alone, which is half the work.
pub struct Guided<D> {
    conditional: D,
    both: D,
    guidance: Guidance,
    parameterization: Parameterization,
}

/// t/T is not met more exactly than this.
const ROUNDING: f64 = 1e-9;

impl<D: Denoiser> Guided<D> {
    /// `conditional` answers batches of N, `both` batches of 2N: N conditional ones, then the same N of the
    /// null or negative class.
    pub fn new(conditional: D, both: D, guidance: Guidance, parameterization: Parameterization) -> Self {
        Self { conditional, both, guidance, parameterization }
    }

    /// The network's output with the standard deviation that the conditional one has, per image, mixed with
    /// the guided one: φ·rescaled + (1 − φ)·guided (Lin et al. 2024, eq. 15 and 16), in terms of the
    /// network's own target, as diffusers does.
    fn rescaled(
        &self,
        guided: Prediction,
        conditional: &Prediction,
        x_t: &Tensor,
        at: NoiseLevel,
    ) -> Result<Prediction> {
        let output = |p: &Prediction| self.parameterization.from_x_0_and_epsilon(&p.x_0, &p.epsilon, at);
        let (output, conditional) = (output(&guided)?, output(conditional)?);
        let n = output.dim(0)?;
        let deviation = |x: &Tensor| -> Result<Tensor> { Ok(x.flatten_from(1)?.var(candle_core::D::Minus1)?.sqrt()?) };
        // A constant image has no deviation to restore.
        let ratio = (deviation(&conditional)? / deviation(&output)?.maximum(1e-12)?)?;
        let factor = ratio.affine(self.guidance.rescale, 1.0 - self.guidance.rescale)?.reshape((n, 1, 1, 1))?;
        let output = output.broadcast_mul(&factor)?;
        let (x_0, epsilon) = self.parameterization.to_x_0_and_epsilon(&output, x_t, at)?;
        Ok(Prediction { x_0, epsilon, ..guided })
    }
}

impl<D: Denoiser> Denoiser for Guided<D> {
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let n = x_t.dim(0)?;
        if !self.guidance.applies_at(self.parameterization.schedule.u(at.t)) {
            return self.conditional.predict(x_t, at);
        }
        let both = self.both.predict(&Tensor::cat(&[x_t, x_t], 0)?, at)?;
        ensure!(both.x_0.dim(0)? == 2 * n, "guidance needs two answers for each of {n} images");
        let w = self.guidance.scale;
        let mix = |both: &Tensor| combine(1.0 + w, &both.narrow(0, 0, n)?, -w, &both.narrow(0, n, n)?);
        // The variance is that of the class, as it is: mixtures of fractions mean nothing.
        let fraction = both.variance_fraction.as_ref().map(|fraction| fraction.narrow(0, 0, n)).transpose()?;
        let guided = Prediction { x_0: mix(&both.x_0)?, epsilon: mix(&both.epsilon)?, variance_fraction: fraction };
        // One number a picture has no deviation to keep.
        if self.guidance.rescale == 0.0 || x_t.elem_count() < 2 * n {
            return Ok(guided);
        }
        let conditional = Prediction::new(both.x_0.narrow(0, 0, n)?, both.epsilon.narrow(0, 0, n)?);
        self.rescaled(guided, &conditional, x_t, at)
    }
}
