//! The bundled digit classifier.
//!
//! A small network that reads 99.06 % of MNIST's test digits correctly: three 3×3 convolutions of
//! 32, 64 and 128 channels, each with ReLU and 2×2 max pooling, then 1152 → 256 → 10. Its weights (f16)
//! are part of the binary. Numbers measured with it say "the bundled judge": they compare runs of
//! this lab with each other, not with tables measured by other networks.

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};

use super::Features;
use crate::config::Precision;
use crate::kernels::{self, Padding};

const WEIGHTS: &[u8] = include_bytes!("../../datasets/judge/digit_recognizer.f16.safetensors");

/// Mean and standard deviation that the judge was trained with, for pixels in [0, 1].
const PIXEL_MEAN: f64 = 0.1307;
const PIXEL_STD: f64 = 0.3081;
/// Images classified at once; bounds the memory.
const BATCH: usize = 100;

/// What the judge makes of some images.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The class that each reads as, 0 to 9.
    pub classes: Vec<usize>,
    pub features: Features,
}

/// The digit classifier, for 28×28 grey images.
pub struct Judge {
    convolutions: [(Tensor, Tensor); 3],
    hidden: (Tensor, Tensor),
    output: (Tensor, Tensor),
}

impl Judge {
    pub const SIZE: usize = 28;
    pub const CLASSES: usize = 10;

    /// The judge from the weights inside the binary, on the CPU.
    ///
    /// # Errors
    /// When the embedded weights are damaged.
    pub fn load() -> Result<Self> {
        let tensors = candle_core::safetensors::load_buffer(WEIGHTS, &Device::Cpu).context("the judge's weights")?;
        let get = |name: &str| -> Result<Tensor> {
            let tensor = tensors.get(name).with_context(|| format!("the judge's weights lack {name}"))?;
            Ok(tensor.to_dtype(DType::F32)?)
        };
        // From [c_out, c_in, k, k] to [k, k, c_in, c_out].
        let convolution = |i: usize| -> Result<(Tensor, Tensor)> {
            let weight = get(&format!("conv_layers.{i}.weight"))?.permute((2, 3, 1, 0))?.contiguous()?;
            Ok((weight, get(&format!("conv_layers.{i}.bias"))?))
        };
        let linear = |i: usize| -> Result<(Tensor, Tensor)> {
            let weight = get(&format!("fc_layers.{i}.weight"))?.t()?.contiguous()?;
            Ok((weight, get(&format!("fc_layers.{i}.bias"))?))
        };
        Ok(Self {
            convolutions: [convolution(0)?, convolution(3)?, convolution(6)?],
            hidden: linear(0)?,
            output: linear(2)?,
        })
    }

    /// The class that each image reads as, 0 to 9. `images` is `[N, 28, 28, 1]` in [-1, 1]; values
    /// outside are clipped, as in a picture.
    ///
    /// # Errors
    /// Images of another shape, or with NaN in them.
    pub fn classify(&self, images: &Tensor) -> Result<Vec<usize>> {
        Ok(self.read(images)?.classes)
    }

    /// What each image reads as, and the features that it is read by. `images` as for [`Judge::classify`].
    ///
    /// # Errors
    /// As [`Judge::classify`].
    pub fn read(&self, images: &Tensor) -> Result<Reading> {
        let (n, h, w, c) = images.dims4().context("the judge reads a batch of images [N, 28, 28, 1]")?;
        if (h, w, c) != (Self::SIZE, Self::SIZE, 1) {
            bail!("the judge reads 28×28 grey digits; these images are {w}×{h} with {c} channels");
        }
        // Clipping and ReLU would turn NaN into an innocent number.
        let sum = images.to_dtype(DType::F32)?.abs()?.sum_all()?.to_scalar::<f32>()?;
        ensure!(sum.is_finite(), "the images hold NaN or infinity");
        let mut classes = Vec::with_capacity(n);
        let mut features = Vec::with_capacity(n * Features::WIDTH);
        for start in (0..n).step_by(BATCH) {
            let hidden = self.features(&images.narrow(0, start, BATCH.min(n - start))?)?;
            features.extend(hidden.flatten_all()?.to_vec1::<f32>()?);
            let scores = kernels::linear(&hidden, &self.output.0, &self.output.1)?;
            for row in scores.to_vec2::<f32>()? {
                let best = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
                classes.push(best.context("the judge has no classes")?);
            }
        }
        Ok(Reading { classes, features: Features::new(features) })
    }

    /// A digest of the weights: numbers measured with other weights don't compare.
    pub fn version() -> String {
        super::cache::cache_key(&[WEIGHTS])
    }

    /// The penultimate layer `[N, 256]`, behind its ReLU.
    fn features(&self, images: &Tensor) -> Result<Tensor> {
        let shown = ((images.to_device(&Device::Cpu)?.clamp(-1f32, 1f32)? + 1.0)? / 2.0)?;
        let mut x = ((shown - PIXEL_MEAN)? / PIXEL_STD)?.contiguous()?;
        for (weight, bias) in &self.convolutions {
            x = max_pool2x(&kernels::conv2d(&x, weight, bias, 1, Padding::Same, Precision::F32)?.relu()?)?;
        }
        // The linear layers were trained on channels-first features.
        let x = x.permute((0, 3, 1, 2))?.flatten_from(1)?;
        Ok(kernels::linear(&x, &self.hidden.0, &self.hidden.1)?.relu()?)
    }
}

/// 2×2 max pooling of `[N, H, W, C]`; an odd last row or column is left out.
fn max_pool2x(x: &Tensor) -> Result<Tensor> {
    let (n, h, w, c) = x.dims4()?;
    let x = x.narrow(1, 0, h / 2 * 2)?.narrow(2, 0, w / 2 * 2)?.contiguous()?;
    Ok(x.reshape((n, h / 2, 2, w / 2, 2 * c))?.max(2)?.reshape((n, h / 2, w / 2, 2, c))?.max(3)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn unzipped(path: &str) -> Vec<u8> {
        let file = std::fs::File::open(path).unwrap();
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn it_reads_9906_of_the_10000_test_digits() {
        let images = unzipped("datasets/mnist/t10k-images-idx3-ubyte.gz");
        let labels = unzipped("datasets/mnist/t10k-labels-idx1-ubyte.gz");
        let pixels: Vec<f32> = images[16..].iter().map(|&b| b as f32 / 127.5 - 1.0).collect();
        let images = Tensor::from_vec(pixels, (10_000, 28, 28, 1), &Device::Cpu).unwrap();
        let read = Judge::load().unwrap().classify(&images).unwrap();
        let right = read.iter().zip(&labels[8..]).filter(|(r, l)| **r == **l as usize).count();
        // Another order of summation may tip a digit that stands on the edge.
        assert!(right.abs_diff(9906) <= 3, "{right}");
    }

    #[test]
    fn other_shapes_and_nan_are_refused() {
        let judge = Judge::load().unwrap();
        let colour = Tensor::zeros((1, 32, 32, 3), DType::F32, &Device::Cpu).unwrap();
        assert!(judge.classify(&colour).unwrap_err().to_string().contains("28×28"));
        let nan = Tensor::full(f32::NAN, (1, 28, 28, 1), &Device::Cpu).unwrap();
        assert!(judge.classify(&nan).is_err());
        let none = Tensor::zeros((0, 28, 28, 1), DType::F32, &Device::Cpu).unwrap();
        assert_eq!(judge.classify(&none).unwrap(), Vec::<usize>::new());
    }

    #[test]
    fn pooling_takes_the_largest_of_four_and_drops_the_odd_edge() {
        let x = Tensor::from_vec((0..18).map(|v| v as f32).collect(), (1, 3, 3, 2), &Device::Cpu).unwrap();
        let y = max_pool2x(&x).unwrap();
        assert_eq!(y.dims(), [1, 1, 1, 2]);
        assert_eq!(y.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [8.0, 9.0]);
    }
}
