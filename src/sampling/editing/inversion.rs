//! DDIM inversion: the noise from which DDIM makes a given image (Song, Meng & Ermon 2021, "Denoising Diffusion
//! Implicit Models", section 4.3 and eq. 14, walked backwards).

use anyhow::{Result, ensure};
use candle_core::Tensor;

use crate::diffusion::NoiseLevel;
use crate::sampling::Denoiser;

/// An image on its way back into noise.
pub struct Inversion {
    /// x at the noisiest level, `[N, H, W, C]`, as the path scales it.
    pub x_t: Tensor,
    /// Network calls that it took.
    pub calls: usize,
}

/// Calls to find each step: the noise of a step is that at its noisier end, which is only known when the step
/// has been taken; so it is guessed and mended, as Pan et al. 2023, "Effective Real Image Editing with
/// Accelerated Iterative Diffusion Inversion", section 3.2, do.
const GUESSES: usize = 3;

/// Walks DDIM's steps (η = 0) over `levels` (the noisiest first) from the clean `image` (`[N, H, W, C]`) to the
/// noisiest level. Each step down, x_s = α_s x̂_0 + σ_s ε̂ with x_t = α_t x̂_0 + σ_t ε̂, is solved for x_t:
///
/// x_t = (α_t/α_s)·(x_s − σ_s ε̂(x_t, t)) + σ_t·ε̂(x_t, t)
///
/// by fixed-point iteration from x_t = x_s. Where no signal is left (α_t = 0) the noise of the cleaner end
/// stands in, since there the equation says nothing about x_t. `seen` hears of every network call.
///
/// # Errors
/// When there are no levels or the denoiser fails.
pub fn invert(
    denoiser: &dyn Denoiser,
    levels: &[NoiseLevel],
    image: &Tensor,
    mut seen: impl FnMut(usize),
) -> Result<Inversion> {
    ensure!(!levels.is_empty(), "an inversion needs at least one level");
    let mut calls = 0;
    let mut ask = |x: &Tensor, at: NoiseLevel| -> Result<Tensor> {
        calls += 1;
        seen(calls);
        Ok(denoiser.predict(x, at)?.epsilon)
    };
    let (mut x_s, mut from) = (image.clone(), NoiseLevel::CLEAN);
    for &to in levels.iter().rev() {
        let ratio = to.alpha / from.alpha;
        let step = |epsilon: &Tensor| -> Result<Tensor> {
            Ok((x_s.affine(ratio, 0.0)? + epsilon.affine(to.sigma - ratio * from.sigma, 0.0)?)?)
        };
        let mut x_t = if to.alpha == 0.0 && from.sigma > 0.0 {
            step(&ask(&x_s, from)?)?
        } else {
            let mut x_t = x_s.clone();
            for _ in 0..GUESSES {
                x_t = step(&ask(&x_t, to)?)?;
            }
            x_t
        };
        std::mem::swap(&mut x_s, &mut x_t);
        from = to;
    }
    Ok(Inversion { x_t: x_s, calls })
}

impl Inversion {
    /// Network calls that [`invert`] makes at most for so many levels.
    pub fn calls_for(levels: usize) -> usize {
        levels * GUESSES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, PathName, SampleConfig, SamplerName};
    use crate::diffusion::{Schedule, combine};
    use crate::sampling::{Prediction, SamplerSettings, SeededNoise, Trajectory, levels, make, sample, starting_noise};
    use candle_core::Device;
    use std::sync::Arc;

    /// The exact denoiser of ±0.7 with the deviation 0.2.
    struct Mixture;

    impl Denoiser for Mixture {
        fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
            let total = at.alpha * at.alpha * 0.04 + at.sigma * at.sigma;
            let gain = at.alpha * 0.04 / total;
            let mode = (x_t * (at.alpha * 0.7 / total))?.tanh()?;
            let x_0 = combine(gain, x_t, (1.0 - gain * at.alpha) * 0.7, &mode)?;
            let epsilon = combine(1.0 / at.sigma, x_t, -at.alpha / at.sigma, &x_0)?;
            Ok(Prediction::new(x_0, epsilon))
        }
    }

    #[test]
    fn ddim_brings_the_image_back_from_its_noise() {
        for path in [PathName::Vp, PathName::VpSde, PathName::Ve] {
            let config = DiffusionConfig { path, ..DiffusionConfig::default() };
            let schedule = Arc::new(Schedule::from_config(&config).unwrap());
            let settings = SamplerSettings {
                sampler: SamplerName::Ddim,
                steps: 200,
                eta: 0.0,
                ..SamplerSettings::from(&SampleConfig::default())
            };
            let image = starting_noise(1, 8, 8, 1, 4, &Device::Cpu).unwrap();
            // Images of the mixture, away from its ridge.
            let image = ((image.sign().unwrap() * 0.7).unwrap() + (image * 0.2).unwrap()).unwrap();
            let levels = levels(&schedule, &settings).unwrap();
            let inversion = invert(&Mixture, &levels, &image, |_| {}).unwrap();
            assert_eq!(inversion.calls, Inversion::calls_for(200));
            let sampler = make(&schedule, &settings).unwrap();
            let noise = Box::new(SeededNoise::new(0));
            let back =
                sample(Trajectory::with(Box::new(Mixture), sampler, noise, inversion.x_t, false).unwrap()).unwrap();
            let off = (back - &image).unwrap().sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
            println!("{path:?}: off by {off}");
            assert!(off < 0.05, "{path:?}: off by {off}");
        }
    }
}
