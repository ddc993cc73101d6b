//! Ancestral sampling (Ho, Jain & Abbeel 2020, "Denoising Diffusion Probabilistic Models",
//! algorithm 2).

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;

use super::{Deviation, Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, UpdateRule};
use crate::config::VarianceType;
use crate::diffusion::{NoiseLevel, Posterior};

/// Draws x_s from p(x_s | x_t): the mean of q(x_s | x_t, x̂_0), with the variance β̃ of that posterior
/// (diffusers' `fixed_small`), with β, the variance that the step from s to t adds (`fixed_large`; Ho et
/// al. 2020, section 3.2, compare the two), or with what the network learned between them
/// (`learned_range`; Nichol & Dhariwal 2021, eq. 15).
///
/// Any number of steps: β and β̃ between two visited levels take the place of those between neighbours
/// (Nichol & Dhariwal 2021, section 4). The last step, to the clean image, adds no noise.
pub struct Ddpm {
    levels: Levels,
    variance_type: VarianceType,
}

impl Ddpm {
    /// `levels` from the noisiest to the cleanest, one a network call.
    pub fn new(levels: Vec<NoiseLevel>, variance_type: VarianceType) -> Self {
        Self { levels: Levels::new(levels), variance_type }
    }

    /// How far the noise of a step is spread that adds `large` on its way and has a posterior of variance `small`.
    fn deviation(&self, small: f64, large: f64) -> Deviation {
        if small <= 0.0 {
            return Deviation::None;
        }
        let (small, large) = (small.max(LEAST_VARIANCE), large.max(LEAST_VARIANCE));
        match self.variance_type {
            VarianceType::FixedSmall => Deviation::Fixed(small.sqrt()),
            VarianceType::FixedLarge => Deviation::Fixed(large.sqrt()),
            VarianceType::LearnedRange => Deviation::Learned { small, large },
        }
    }

    /// Noise so far spread, to be added to the mean `x_s`.
    fn with_noise(
        x_s: Tensor,
        deviation: Deviation,
        prediction: &Prediction,
        noise: &mut dyn NoiseSource,
    ) -> Result<Tensor> {
        Ok(match deviation {
            Deviation::None => x_s,
            Deviation::Fixed(deviation) => {
                let unit = noise.like(&x_s)?;
                (x_s + (unit * deviation)?)?
            }
            Deviation::Learned { small, large } => {
                let unit = noise.like(&x_s)?;
                let fraction = prediction.variance_fraction.as_ref().context(
                    "diffusion.variance_type = \"learned_range\" needs a network that was trained to say its variance \
                     (twice the output channels), and this one was not; use \"fixed_small\"",
                )?;
                ensure!(
                    fraction.dims() == unit.dims(),
                    "the network says a variance of shape {:?} for samples of {:?}",
                    fraction.dims(),
                    unit.dims()
                );
                // √ of the variance: half its logarithm.
                let deviation = fraction.affine(0.5 * (large / small).ln(), 0.5 * small.ln())?.exp()?;
                (x_s + (unit * deviation)?)?
            }
        })
    }
}

/// Where a logarithm is taken (diffusers clamps here too).
const LEAST_VARIANCE: f64 = 1e-20;

impl Sampler for Ddpm {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        let posterior = Posterior::between((to.alpha, to.sigma), (from.alpha, from.sigma));
        let added = Posterior::added_variance((to.alpha, to.sigma), (from.alpha, from.sigma));
        let deviation = self.deviation(posterior.variance, added);
        let x_s = Self::with_noise(posterior.mean(&prediction.x_0, x_t)?, deviation, prediction, noise)?;
        let update = SamplerUpdate::new(from, to, UpdateRule::Ancestral { posterior, added, deviation });
        Ok(Step { x_t: x_s, next: self.levels.advance(), update: Some(update) })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    /// Unit noise: what is added is the standard deviation itself.
    struct Ones;

    impl NoiseSource for Ones {
        fn like(&mut self, x: &Tensor) -> Result<Tensor> {
            Ok(x.ones_like()?)
        }
    }

    /// What the step from ᾱ = 0.5 to ᾱ = 0.8 adds at three fractions.
    fn added(variance_type: VarianceType, fractions: Option<[f32; 3]>) -> Result<Vec<f32>> {
        let level = |t, alphas_cumprod: f64| NoiseLevel {
            t,
            alpha: alphas_cumprod.sqrt(),
            sigma: (1.0 - alphas_cumprod).sqrt(),
        };
        let zeros = Tensor::zeros((1, 1, 3, 1), DType::F32, &Device::Cpu)?;
        let mut prediction = Prediction::new(zeros.clone(), zeros.clone());
        prediction.variance_fraction = fractions.map(|f| Tensor::from_slice(&f, (1, 1, 3, 1), &Device::Cpu).unwrap());
        let step =
            Ddpm::new(vec![level(1.0, 0.5), level(0.0, 0.8)], variance_type).step(&zeros, &prediction, &mut Ones)?;
        Ok(step.x_t.flatten_all()?.to_vec1()?)
    }

    #[test]
    fn each_variance_type_adds_its_own_noise() {
        // β = 1 − 0.5/0.8 = 0.375; β̃ = (1 − 0.8)/(1 − 0.5) · 0.375 = 0.15.
        let close = |got: Vec<f32>, variances: [f32; 3]| {
            assert!(got.iter().zip(variances).all(|(d, v)| (d * d - v).abs() < 1e-6), "{got:?} against {variances:?}");
        };
        close(added(VarianceType::FixedSmall, None).unwrap(), [0.15; 3]);
        close(added(VarianceType::FixedLarge, None).unwrap(), [0.375; 3]);
        // Half-way in the logarithm is the geometric mean, √(0.15 · 0.375).
        close(added(VarianceType::LearnedRange, Some([0.0, 0.5, 1.0])).unwrap(), [0.15, 0.2371708, 0.375]);
        // A network that learned nothing of it is not taken for one that did.
        assert!(added(VarianceType::LearnedRange, None).unwrap_err().to_string().contains("fixed_small"));
        // What a network says counts only where it was asked to learn it.
        close(added(VarianceType::FixedSmall, Some([0.0, 0.5, 1.0])).unwrap(), [0.15; 3]);
    }
}
