//! What becomes of an estimate of the clean image before a sampler looks at it.

use anyhow::{Result, ensure};
use candle_core::{DType, Tensor};

/// A bound on x̂_0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clamp {
    None,
    /// To [-range, range] (diffusers' `clip_sample` and `clip_sample_range`).
    Range(f64),
    /// Dynamic thresholding (Saharia et al. 2022, "Photorealistic Text-to-Image Diffusion Models with Deep Language
    /// Understanding", section 2.3; diffusers' `thresholding`): each image to [-s, s], divided by s; s is the
    /// `ratio` quantile of |x̂_0|, at least 1 and at most `most`.
    Dynamic {
        ratio: f64,
        most: f64,
    },
}

impl From<bool> for Clamp {
    /// To [-1, 1], or not at all.
    fn from(clip_sample: bool) -> Self {
        if clip_sample { Self::Range(1.0) } else { Self::None }
    }
}

impl Clamp {
    /// Is it possible?
    ///
    /// # Errors
    /// When a number is not within what it has to be.
    pub fn check(self) -> Result<()> {
        match self {
            Self::None => {}
            Self::Range(range) => {
                ensure!(range > 0.0 && range.is_finite(), "x_0 is clamped to a range above 0, but it is {range}");
            }
            Self::Dynamic { ratio, most } => {
                ensure!((0.0..=1.0).contains(&ratio), "the quantile of thresholding lies from 0 to 1, but is {ratio}");
                ensure!(most >= 1.0 && most.is_finite(), "sample_max_value is 1 or more, but is {most}");
            }
        }
        Ok(())
    }

    /// x̂_0 `[N, H, W, C]` within its bound.
    ///
    /// # Errors
    /// When the device fails.
    pub fn apply(self, x_0: Tensor) -> Result<Tensor> {
        match self {
            Self::None => Ok(x_0),
            Self::Range(range) => Ok(x_0.clamp(-range, range)?),
            Self::Dynamic { ratio, most } => {
                let images = (0..x_0.dim(0)?).map(|i| {
                    let image = x_0.narrow(0, i, 1)?;
                    let sizes = image.abs()?.flatten_all()?.to_dtype(DType::F32)?.to_vec1::<f32>()?;
                    let s = quantile(sizes, ratio).clamp(1.0, most);
                    Ok((image.clamp(-s, s)? * (1.0 / s))?)
                });
                Ok(Tensor::cat(&images.collect::<Result<Vec<_>>>()?, 0)?)
            }
        }
    }
}

/// The quantile, linear between the values (torch's and NumPy's default); NaN where a value is none.
fn quantile(mut values: Vec<f32>, ratio: f64) -> f64 {
    values.sort_by(f32::total_cmp);
    let place = ratio * (values.len().saturating_sub(1)) as f64;
    let at = |i: usize| values.get(i).map_or(0.0, |v| f64::from(*v));
    match values.last() {
        Some(last) if last.is_nan() => f64::NAN,
        _ => at(place.floor() as usize) * (1.0 - place.fract()) + at(place.ceil() as usize) * place.fract(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn the_quantile_is_torchs() {
        // torch.quantile(torch.tensor([0.1, 2.0, 0.5, 3.0]), q) at q = 0, 0.5, 0.9, 1.
        for (ratio, expected) in [(0.0, 0.1), (0.5, 1.25), (0.9, 2.7), (1.0, 3.0)] {
            let found = quantile(vec![0.1, 2.0, 0.5, 3.0], ratio);
            assert!((found - expected).abs() < 1e-6, "{ratio}: {found}");
        }
        assert!(quantile(vec![1.0, f32::NAN], 0.5).is_nan());
    }

    #[test]
    fn each_image_is_thresholded_by_its_own_quantile() {
        let x = Tensor::new(&[[0.5f32, -0.25, 0.1, 0.9], [4.0, -2.0, 1.0, 0.0]], &Device::Cpu).unwrap();
        let x = x.reshape((2, 2, 2, 1)).unwrap();
        let values =
            |clamp: Clamp| -> Vec<f32> { clamp.apply(x.clone()).unwrap().flatten_all().unwrap().to_vec1().unwrap() };
        // s of the second image is 2, half-way between 1 and 2 being 1.5 at the ratio 0.5.
        let half = values(Clamp::Dynamic { ratio: 0.5, most: 10.0 });
        assert_eq!(half[..4], [0.5, -0.25, 0.1, 0.9]);
        for (found, expected) in half[4..].iter().zip([1.0, -1.0, 1.0 / 1.5, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{half:?}");
        }
        assert_eq!(values(Clamp::Dynamic { ratio: 1.0, most: 1.0 })[4..], [1.0, -1.0, 1.0, 0.0]);
        assert_eq!(values(Clamp::Range(2.0))[4..], [2.0, -2.0, 1.0, 0.0]);
        assert_eq!(values(Clamp::None)[4], 4.0);
    }

    #[test]
    fn impossible_bounds_are_refused() {
        for clamp in [
            Clamp::Range(0.0),
            Clamp::Range(f64::NAN),
            Clamp::Dynamic { ratio: 1.5, most: 2.0 },
            Clamp::Dynamic { ratio: 0.9, most: 0.5 },
        ] {
            assert!(clamp.check().is_err(), "{clamp:?}");
        }
        assert!(Clamp::from(true).check().is_ok() && Clamp::None.check().is_ok());
    }
}
