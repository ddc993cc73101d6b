//! RePaint: holes filled so that they fit what is around them (Lugmayr et al. 2022, "RePaint: Inpainting using
//! Denoising Diffusion Probabilistic Models").

use anyhow::{Result, ensure};
use candle_core::Tensor;

use crate::diffusion::{NoiseLevel, Posterior, combine};
use crate::sampling::{NoiseSource, Prediction, Sampler, Step};

/// How often, and how far, the way goes back into the noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resampling {
    /// j: levels that a jump goes back, at least 1.
    pub jump_length: usize,
    /// r: passes over each stretch; 1: no repeats.
    pub times: usize,
}

/// Ancestral sampling in which the known part of x_s comes from the image, noised to that level, and only
/// the rest from the network (algorithm 1):
///
/// x_s = m ⊙ (α_s x_0 + σ_s ε) + (1 − m) ⊙ q(x_s | x_t, x̂_0)
///
/// Every j levels the way jumps j levels back, x_t = (α_t/α_s) x_s + σ_ts z, and is walked again, r times in
/// all (section 4.2): so the new part can adapt to the known one. The calls grow about r-fold. At the end
/// the known part is the image itself.
pub struct Inpainting {
    levels: Vec<NoiseLevel>,
    /// `[1, H, W, C]` each; the mask is 1 where the image is known and 0 in the hole.
    image: Tensor,
    mask: Tensor,
    /// The level of each call.
    walk: Vec<usize>,
    made: usize,
}

impl Inpainting {
    /// `levels` from the noisiest to the cleanest; `image` and `mask` `[1, H, W, C]`.
    ///
    /// # Errors
    /// When image and mask differ in shape, or the jumps are not at least 1.
    pub fn new(levels: Vec<NoiseLevel>, image: Tensor, mask: Tensor, resampling: Resampling) -> Result<Self> {
        ensure!(image.dims() == mask.dims(), "the mask has the shape {:?}, the image {:?}", mask.dims(), image.dims());
        ensure!(
            resampling.jump_length >= 1 && resampling.times >= 1,
            "the jump length and the number of passes must be at least 1, but are {} and \
             {}",
            resampling.jump_length,
            resampling.times
        );
        let walk = walk(levels.len(), resampling);
        Ok(Self { levels, image, mask, walk, made: 0 })
    }
}

/// The levels that are asked at, in order (their appendix B: jumps where the level's number, counted from the
/// cleanest, is a multiple of j, and a whole jump above it exists).
fn walk(levels: usize, Resampling { jump_length, times }: Resampling) -> Vec<usize> {
    let mut left = vec![0; levels];
    for (from_clean, left) in left.iter_mut().enumerate() {
        if from_clean % jump_length == 0 && from_clean + jump_length < levels {
            *left = times - 1;
        }
    }
    let (mut walk, mut at) = (Vec::new(), 0);
    while at < levels {
        walk.push(at);
        let from_clean = levels - 1 - at;
        if left[from_clean] > 0 {
            left[from_clean] -= 1;
            at -= jump_length;
        } else {
            at += 1;
        }
    }
    walk
}

impl Sampler for Inpainting {
    fn levels(&self) -> &[NoiseLevel] {
        &self.levels
    }

    fn calls(&self) -> usize {
        self.walk.len()
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Step> {
        let at = self.walk[self.made];
        let from = self.levels[at];
        let to = self.levels.get(at + 1).copied().unwrap_or(NoiseLevel::CLEAN);
        self.made += 1;
        let posterior = Posterior::between((to.alpha, to.sigma), (from.alpha, from.sigma));
        let mut unknown = posterior.mean(&prediction.x_0, x_t)?;
        if posterior.variance > 0.0 {
            unknown = (unknown + (noise.like(x_t)? * posterior.variance.sqrt())?)?;
        }
        let image = self.image.broadcast_as(x_t.shape())?.contiguous()?;
        let known = if to.sigma > 0.0 { combine(to.alpha, &image, to.sigma, &noise.like(x_t)?)? } else { image };
        let rest = self.mask.affine(-1.0, 1.0)?;
        let x_s = (known.broadcast_mul(&self.mask)? + unknown.broadcast_mul(&rest)?)?;
        let Some(&next) = self.walk.get(self.made) else {
            return Ok(Step { x_t: x_s, next: None, update: None });
        };
        let next_level = self.levels[next];
        if next > at {
            return Ok(Step { x_t: x_s, next: Some(next_level), update: None });
        }
        // Back into the noise: q(x_t | x_s) over the whole jump at once.
        let (s, t) = ((to.alpha, to.sigma), (next_level.alpha, next_level.sigma));
        let added = Posterior::added_variance(s, t).sqrt();
        let back = combine(t.0 / s.0, &x_s, added, &noise.like(x_t)?)?;
        Ok(Step { x_t: back, next: Some(next_level), update: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::{Denoiser, SampleFrame, SeededNoise, Trajectory, starting_noise};
    use candle_core::Device;

    #[test]
    fn the_walk_is_that_of_the_paper() {
        let walked = |levels, jump_length, times| walk(levels, Resampling { jump_length, times });
        assert_eq!(walked(4, 1, 1), [0, 1, 2, 3]);
        // Levels counted from the cleanest: 3 2 2?: a jump of 2 from level 0 leads to 2, once.
        assert_eq!(walked(4, 2, 2), [0, 1, 2, 3, 1, 2, 3]);
        assert_eq!(walked(3, 5, 4), [0, 1, 2]);
        for (levels, jump_length, times) in [(50, 10, 5), (20, 3, 2), (7, 7, 3), (1, 1, 9)] {
            let walk = walked(levels, jump_length, times);
            assert_eq!(walk.last(), Some(&(levels - 1)));
            assert!(walk.windows(2).all(|pair| pair[1] == pair[0] + 1 || pair[1] + jump_length == pair[0]));
            assert!((0..levels).all(|level| walk.contains(&level)));
        }
    }

    /// Two pixels that are always equal: x_0 = (a, a), a ~ N(0, 1). Exact given x_t: the mean of both.
    struct Twins;

    impl Denoiser for Twins {
        fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction> {
            let sum = x_t.sum_keepdim(2)?;
            let gain = at.alpha / (2.0 * at.alpha * at.alpha + at.sigma * at.sigma);
            let x_0 = (sum * gain)?.broadcast_as(x_t.shape())?.contiguous()?;
            let epsilon = combine(1.0 / at.sigma, x_t, -at.alpha / at.sigma, &x_0)?;
            Ok(Prediction::new(x_0, epsilon))
        }
    }

    fn filled(times: usize) -> (Vec<f32>, usize) {
        let levels: Vec<NoiseLevel> = (0..40)
            .map(|i| {
                let angle = 1.55 - 1.53 * i as f64 / 39.0;
                NoiseLevel { t: (39 - i) as f64, alpha: angle.cos(), sigma: angle.sin() }
            })
            .collect();
        let image = Tensor::from_vec(vec![0.8f32, 0.0], (1, 1, 2, 1), &Device::Cpu).unwrap();
        let mask = Tensor::from_vec(vec![1f32, 0.0], (1, 1, 2, 1), &Device::Cpu).unwrap();
        let sampler = Inpainting::new(levels, image, mask, Resampling { jump_length: 5, times }).unwrap();
        let noise = starting_noise(500, 1, 2, 1, 3, &Device::Cpu).unwrap();
        let seeded = Box::new(SeededNoise::new(3));
        let frames: Vec<SampleFrame> = Trajectory::with(Box::new(Twins), Box::new(sampler), seeded, noise, false)
            .unwrap()
            .collect::<Result<_>>()
            .unwrap();
        (frames.last().unwrap().x_t.flatten_all().unwrap().to_vec1().unwrap(), frames.len() - 1)
    }

    #[test]
    fn the_known_part_stays_and_the_hole_agrees_with_it_the_more_the_more_jumps() {
        let disagreement = |pixels: &[f32]| {
            assert!(pixels.chunks(2).all(|pair| pair[0] == 0.8), "the known pixel is the image's");
            (pixels.chunks(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f32>() / 500.0).sqrt()
        };
        let ((once, calls), (often, more_calls)) = (filled(1), filled(10));
        let (once, often) = (disagreement(&once), disagreement(&often));
        assert_eq!(calls, 40);
        assert!(more_calls > 5 * calls);
        assert!(often < 0.7 * once, "{often} after {once}");
        assert!(often < 0.2, "{often}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let one =
            |shape: (usize, usize, usize, usize)| Tensor::ones(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
        let make = |mask: Tensor, jump_length| {
            let level = NoiseLevel { t: 0.0, alpha: 0.6, sigma: 0.8 };
            Inpainting::new(vec![level], one((1, 4, 4, 1)), mask, Resampling { jump_length, times: 1 })
                .map(|_| ())
                .unwrap_err()
                .to_string()
        };
        assert!(make(one((1, 4, 5, 1)), 1).contains("mask"));
        assert!(make(one((1, 4, 4, 1)), 0).contains("must be at least 1"));
    }
}
