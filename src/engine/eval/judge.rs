//! The bundled classifiers: one of digits, one of clothes.
//!
//! Small networks, the same layout for both: three 3×3 convolutions of 32, 64 and 128 channels, each with ReLU and 2×2 max
//! pooling, then 1152 → 256 → 10. That of digits reads 99.06 % of MNIST's test digits correctly; that of clothes
//! 89.05 % of pictures that it was not trained on (`datasets/judge/train_clothes_reader.py`). Their weights (f16) are
//! part of the binary. Numbers measured with them say which judge it was: they compare runs of this lab with each other,
//! not with tables measured by other networks, and neither reads what the other does.

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};

use super::Features;
use crate::config::Precision;
use crate::data::{CLOTHES, DIGITS};
use crate::kernels::{self, Padding};

/// What a judge reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JudgeOf {
    /// MNIST's digits.
    Digits,
    /// Fashion-MNIST's clothes.
    Clothes,
}

impl JudgeOf {
    pub const ALL: [Self; 2] = [Self::Digits, Self::Clothes];

    /// The judge that knows these classes, in this order; `None` where none does.
    pub fn classes_called(names: &[String]) -> Option<Self> {
        Self::ALL.into_iter().find(|of| names.iter().eq(of.classes().iter()))
    }

    /// The names of its classes.
    pub fn classes(self) -> &'static [&'static str] {
        match self {
            Self::Digits => DIGITS,
            Self::Clothes => CLOTHES,
        }
    }

    /// "the bundled judge of digits".
    pub fn words(self) -> &'static str {
        match self {
            Self::Digits => "the bundled judge of digits",
            Self::Clothes => "the bundled judge of clothes",
        }
    }

    fn weights(self) -> &'static [u8] {
        match self {
            Self::Digits => include_bytes!("../../../datasets/judge/digit_recognizer.f16.safetensors"),
            Self::Clothes => include_bytes!("../../../datasets/judge/clothes_reader.f16.safetensors"),
        }
    }

    /// Mean and standard deviation that it was trained with, for pixels in [0, 1].
    fn pixels(self) -> (f64, f64) {
        match self {
            Self::Digits => (0.1307, 0.3081),
            Self::Clothes => (0.2860, 0.3530),
        }
    }
}

/// Images classified at once; bounds the memory.
const BATCH: usize = 100;

/// What the judge makes of some images.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The class that each reads as, 0 to 9: a place in [`JudgeOf::classes`].
    pub classes: Vec<usize>,
    pub features: Features,
}

/// A classifier, for 28×28 grey images.
pub struct Judge {
    of: JudgeOf,
    convolutions: [(Tensor, Tensor); 3],
    hidden: (Tensor, Tensor),
    output: (Tensor, Tensor),
}

impl Judge {
    pub const SIZE: usize = 28;
    pub const CLASSES: usize = 10;

    /// A judge from the weights inside the binary, on the CPU.
    ///
    /// # Errors
    /// When the embedded weights are damaged.
    pub fn load(of: JudgeOf) -> Result<Self> {
        let weights = of.weights();
        let tensors = candle_core::safetensors::load_buffer(weights, &Device::Cpu).context("the judge's weights")?;
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
            of,
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
            bail!("the judge reads 28×28 grey images; these are {w}×{h} with {c} channels");
        }
        // Clipping and ReLU would turn NaN into an innocent number.
        let sum = images.to_dtype(DType::F32)?.abs()?.sum_all()?.to_scalar::<f32>()?;
        ensure!(sum.is_finite(), "the images hold NaN or infinity");
        let mut classes = Vec::with_capacity(n);
        let mut features = Vec::with_capacity(n * Features::WIDTH);
        for start in (0..n).step_by(BATCH) {
            let hidden = self.features(&images.narrow(0, start, BATCH.min(n - start))?)?;
            features.extend(hidden.flatten_all()?.to_vec1::<f32>()?);
            let scores = kernels::linear(&hidden, &self.output.0, &self.output.1, Precision::F32)?;
            for row in scores.to_vec2::<f32>()? {
                let best = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
                classes.push(best.context("the judge has no classes")?);
            }
        }
        Ok(Reading { classes, features: Features::new(features) })
    }

    /// What it reads.
    pub fn of(&self) -> JudgeOf {
        self.of
    }

    /// A digest of the weights: numbers measured with other weights don't compare.
    pub fn version(&self) -> String {
        super::cache::cache_key(&[self.of.weights()])
    }

    /// The penultimate layer `[N, 256]`, behind its ReLU.
    fn features(&self, images: &Tensor) -> Result<Tensor> {
        let shown = ((images.to_device(&Device::Cpu)?.clamp(-1f32, 1f32)? + 1.0)? / 2.0)?;
        let (mean, std) = self.of.pixels();
        let mut x = ((shown - mean)? / std)?.contiguous()?;
        for (weight, bias) in &self.convolutions {
            x = max_pool2x(&kernels::conv2d(&x, weight, bias, 1, Padding::Same, Precision::F32)?.relu()?)?;
        }
        // The linear layers were trained on channels-first features.
        let x = x.permute((0, 3, 1, 2))?.flatten_from(1)?;
        Ok(kernels::linear(&x, &self.hidden.0, &self.hidden.1, Precision::F32)?.relu()?)
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
        let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let file = std::fs::File::open(std::path::Path::new(place).join(path)).unwrap();
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// How many of 10,000 pictures a judge reads as labelled.
    fn right(of: JudgeOf, folder: &str) -> usize {
        let images = unzipped(&format!("datasets/{folder}/t10k-images-idx3-ubyte.gz"));
        let labels = unzipped(&format!("datasets/{folder}/t10k-labels-idx1-ubyte.gz"));
        let pixels: Vec<f32> = images[16..].iter().map(|&b| b as f32 / 127.5 - 1.0).collect();
        let images = Tensor::from_vec(pixels, (10_000, 28, 28, 1), &Device::Cpu).unwrap();
        let read = Judge::load(of).unwrap().classify(&images).unwrap();
        read.iter().zip(&labels[8..]).filter(|(r, l)| **r == **l as usize).count()
    }

    #[test]
    fn that_of_digits_reads_9906_of_the_10000_test_digits() {
        let right = right(JudgeOf::Digits, "mnist");
        // Another order of summation may tip a digit that stands on the edge.
        assert!(right.abs_diff(9906) <= 3, "{right}");
    }

    /// 8,000 of them it was trained on: a test of the weights and of their layout, not of how good it is.
    #[test]
    fn that_of_clothes_reads_clothes_and_neither_reads_what_the_other_does() {
        let clothes = right(JudgeOf::Clothes, "fashion-mnist-10k");
        assert!(clothes.abs_diff(9154) <= 3, "{clothes}");
        assert!(right(JudgeOf::Digits, "fashion-mnist-10k") < 2500);
        assert!(right(JudgeOf::Clothes, "mnist") < 2500);
    }

    #[test]
    fn classes_tell_which_judge_it_is_by_names_and_order() {
        let names = |of: JudgeOf| of.classes().iter().map(|name| name.to_string()).collect::<Vec<_>>();
        for of in JudgeOf::ALL {
            assert_eq!((JudgeOf::classes_called(&names(of)), of.classes().len()), (Some(of), Judge::CLASSES));
            let mut others = names(of);
            others.swap(0, 1);
            assert_eq!(JudgeOf::classes_called(&others), None);
            assert_eq!(JudgeOf::classes_called(&names(of)[..9]), None);
        }
        assert_eq!(JudgeOf::classes_called(&[]), None);
    }

    #[test]
    fn other_shapes_and_nan_are_refused() {
        let judge = Judge::load(JudgeOf::Digits).unwrap();
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
