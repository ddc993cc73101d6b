//! DDIM inversion: the noise from which DDIM makes a given image (Song, Meng & Ermon 2021, "Denoising Diffusion
//! Implicit Models", section 4.3 and eq. 14, walked backwards).

use anyhow::{Result, ensure};
use candle_core::Tensor;

use crate::diffusion::{NoiseLevel, combine};
use crate::process::interrupt;
use crate::sampling::{Denoiser, Prediction};

/// An image on its way back into noise.
pub struct Inversion {
    /// x at the noisiest level, `[N, H, W, C]`, as the path scales it.
    pub x_t: Tensor,
    /// Network calls that it took.
    pub calls: usize,
}

/// Calls to find each step, at most: the noise of a step is that at its noisier end, which is only known when the
/// step has been taken; so it is guessed and mended, as Pan et al. 2023, "Effective Real Image Editing with
/// Accelerated Iterative Diffusion Inversion", section 3.2, do. Guidance makes ε̂ change faster with x_t, and more of
/// them necessary.
const GUESSES: usize = 12;
/// A guess that moves x_t by no more than this, root mean square, is the last.
const CLOSE: f64 = 1e-4;

/// Standard deviation of images in [-1, 1], about; it only says which of two forms of an equation is the tamer.
const DEVIATION: f64 = 0.5;

/// Walks DDIM's steps (η = 0) over `levels` (the noisiest first) from the clean `image` (`[N, H, W, C]`) to the
/// noisiest level. Each step down, x_s = α_s x̂_0 + σ_s ε̂ with x_t = α_t x̂_0 + σ_t ε̂, is solved for x_t in one of two
/// forms:
///
/// x_t = (α_t/α_s)·(x_s − σ_s ε̂(x_t, t)) + σ_t·ε̂(x_t, t) = (σ_t/σ_s)·(x_s − α_s x̂_0(x_t, t)) + α_t·x̂_0(x_t, t)
///
/// by fixed-point iteration from x_t = x_s. Near the data the first hardly depends on x_t on its right side, in the
/// noise the second; of Gaussian data the slopes are known, and the smaller is taken. Where a guess moves x_t further
/// than the one before, the next go half-way only. `seen` hears of every network call.
///
/// # Errors
/// When there are no levels, the denoiser fails, or the work is interrupted.
pub fn invert(
    denoiser: &dyn Denoiser,
    levels: &[NoiseLevel],
    image: &Tensor,
    mut seen: impl FnMut(usize),
) -> Result<Inversion> {
    ensure!(!levels.is_empty(), "an inversion needs at least one level");
    let mut calls = 0;
    let (mut x_s, mut from) = (image.clone(), NoiseLevel::CLEAN);
    for &to in levels.iter().rev() {
        let (mut x_t, mut moved, mut pace) = (x_s.clone(), f64::INFINITY, 1.0);
        for _ in 0..GUESSES {
            interrupt::check()?;
            calls += 1;
            seen(calls);
            let prediction = denoiser.predict(&x_t, to)?;
            let change = (before(&x_s, &prediction, from, to)? - &x_t)?;
            let size = f64::from(change.sqr()?.mean_all()?.to_scalar::<f32>()?).sqrt();
            if size > moved {
                pace *= 0.5;
            }
            moved = size;
            x_t = (x_t + (change * pace)?)?;
            if size <= CLOSE {
                break;
            }
        }
        x_s = x_t;
        from = to;
    }
    Ok(Inversion { x_t: x_s, calls })
}

/// x_t at `to` from which DDIM's step leads to `x_s` at `from`, the cleaner level, if the network answers so.
fn before(x_s: &Tensor, prediction: &Prediction, from: NoiseLevel, to: NoiseLevel) -> Result<Tensor> {
    let total = (to.alpha * DEVIATION).powi(2) + to.sigma.powi(2);
    let of_noise = to.sigma - to.alpha / from.alpha * from.sigma;
    let of_image = to.alpha - to.sigma / from.sigma * from.alpha;
    let slopes = (of_noise.abs() * to.sigma / total, of_image.abs() * to.alpha * DEVIATION * DEVIATION / total);
    if from.sigma == 0.0 || slopes.0 < slopes.1 {
        return combine(to.alpha / from.alpha, x_s, of_noise, &prediction.epsilon);
    }
    combine(to.sigma / from.sigma, x_s, of_image, &prediction.x_0)
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
    use crate::config::{DiffusionConfig, PathName, PredictionType, SampleConfig, SamplerName};
    use crate::diffusion::Schedule;
    use crate::sampling::{SamplerSettings, SeededNoise, Trajectory, levels, make, sample, starting_noise};
    use candle_core::Device;
    use std::sync::Arc;

    /// The exact denoiser of ±0.7 with the deviation 0.2.
    #[derive(Clone)]
    struct Mixture;

    impl Denoiser for Mixture {
        fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
            mixture(0.7, x_t, at)
        }
    }

    fn mixture(mode: f64, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
        let total = at.alpha * at.alpha * 0.04 + at.sigma * at.sigma;
        let gain = at.alpha * 0.04 / total;
        let sign = (x_t * (at.alpha * mode / total))?.tanh()?;
        let x_0 = combine(gain, x_t, (1.0 - gain * at.alpha) * mode, &sign)?;
        let epsilon = combine(1.0 / at.sigma, x_t, -at.alpha / at.sigma, &x_0)?;
        Ok(Prediction::new(x_0, epsilon))
    }

    fn settings(steps: usize) -> SamplerSettings {
        SamplerSettings { sampler: SamplerName::Ddim, steps, ..SamplerSettings::from(&SampleConfig::default()) }
    }

    fn on(path: PathName) -> Arc<Schedule> {
        let prediction_type = PredictionType::VPrediction;
        Arc::new(
            Schedule::from_config(&DiffusionConfig { path, prediction_type, ..DiffusionConfig::default() }).unwrap(),
        )
    }

    /// Images of the mixture, away from its ridge.
    fn image() -> Tensor {
        let image = starting_noise(1, 8, 8, 1, 4, &Device::Cpu).unwrap();
        ((image.sign().unwrap() * 0.7).unwrap() + (image * 0.2).unwrap()).unwrap()
    }

    /// Root mean square of what is missing after the way into the noise and back, and the calls there.
    fn missing(
        denoiser: impl Denoiser + Send + Clone + 'static,
        schedule: &Arc<Schedule>,
        steps: usize,
    ) -> (f32, usize) {
        let settings = settings(steps);
        let inversion = invert(&denoiser, &levels(schedule, &settings).unwrap(), &image(), |_| {}).unwrap();
        let sampler = make(schedule, &settings).unwrap();
        let noise = Box::new(SeededNoise::new(0));
        let trajectory = Trajectory::with(Box::new(denoiser), sampler, noise, inversion.x_t, false).unwrap();
        let off = (sample(trajectory).unwrap() - image()).unwrap();
        (off.sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap().sqrt(), inversion.calls)
    }

    #[test]
    fn ddim_brings_the_image_back_from_its_noise() {
        for path in [PathName::Vp, PathName::VpSde, PathName::Ve, PathName::Flow] {
            for steps in [10, 50, 200] {
                let (off, calls) = missing(Mixture, &on(path), steps);
                println!("{path:?} {steps}: off by {off}, {calls} calls");
                assert!(off < 0.02, "{path:?} in {steps} steps: off by {off}");
                assert!(calls <= Inversion::calls_for(steps));
            }
        }
    }

    /// Guided away from another mixture, whose modes lie closer: what guidance makes of two answers.
    #[derive(Clone)]
    struct GuidedMixture(f64);

    impl Denoiser for GuidedMixture {
        fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
            let (towards, away) = (Mixture.predict(x_t, at)?, mixture(0.5, x_t, at)?);
            let mix = |a: &Tensor, b: &Tensor| combine(1.0 + self.0, a, -self.0, b);
            Ok(Prediction::new(mix(&towards.x_0, &away.x_0)?, mix(&towards.epsilon, &away.epsilon)?))
        }
    }

    #[test]
    fn guided_too_the_image_comes_back() {
        for w in [1.0, 2.0] {
            let (off, calls) = missing(GuidedMixture(w), &on(PathName::Vp), 50);
            println!("w = {w}: off by {off}, {calls} calls");
            assert!(off < 0.05, "w = {w}: off by {off}");
        }
    }
}
