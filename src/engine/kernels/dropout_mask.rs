//! What dropout leaves of the activations inside an operation: a bit for each.

use std::ops::Range;

use candle_core::{Device, Result, Shape, Tensor};

/// Zeroes some numbers of each sample of `[N, …]` and multiplies the others, in the inverted form (Srivastava et al. 2014,
/// "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", section 10).
#[derive(Clone, Debug)]
pub struct DropoutMask {
    shape: Shape,
    /// Numbers in a sample.
    len: usize,
    /// A bit for each number, set where it is kept; each sample begins with a byte of its own.
    bits: Vec<u8>,
    /// What those that are kept are multiplied by.
    keep: f32,
}

impl DropoutMask {
    /// For activations of this shape, sample by sample: those that `drops` says are dropped, asked once for each in their
    /// order, at the `rate` (below 1) at which it says so.
    pub fn new(shape: impl Into<Shape>, rate: f64, mut drops: impl FnMut() -> bool) -> Self {
        let shape = shape.into();
        let samples = shape.dims().first().copied().unwrap_or(1);
        let len = shape.elem_count() / samples.max(1);
        let mut bits = vec![0; samples * len.div_ceil(8)];
        for row in bits.chunks_exact_mut(len.div_ceil(8).max(1)) {
            for at in 0..len {
                row[at / 8] |= u8::from(!drops()) << (at % 8);
            }
        }
        Self { shape, len, bits, keep: (1.0 / (1.0 - rate)) as f32 }
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Drops from the numbers of these samples.
    ///
    /// # Panics
    /// When there are fewer samples, or others than the mask is for.
    pub(super) fn apply(&self, samples: &Range<usize>, numbers: &mut [f32]) {
        assert_eq!(numbers.len(), samples.len() * self.len);
        let row = self.len.div_ceil(8);
        let bits = &self.bits[samples.start * row..samples.end * row];
        for (numbers, bits) in numbers.chunks_exact_mut(self.len.max(1)).zip(bits.chunks_exact(row.max(1))) {
            for (numbers, bits) in numbers.chunks_mut(8).zip(bits) {
                for (k, number) in numbers.iter_mut().enumerate() {
                    *number = if bits >> k & 1 == 1 { *number * self.keep } else { 0.0 };
                }
            }
        }
    }

    /// What the activations are multiplied by, as a tensor.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn tensor(&self, device: &Device) -> Result<Tensor> {
        let mut numbers = vec![1.0; self.shape.elem_count()];
        self.apply(&(0..numbers.len() / self.len.max(1)), &mut numbers);
        Tensor::from_vec(numbers, &self.shape, device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_grows_and_the_rest_is_zero_sample_by_sample() {
        let mut asked = 0;
        let mask = DropoutMask::new((3, 11), 0.5, || {
            asked += 1;
            asked % 3 == 0
        });
        assert_eq!(asked, 33);
        let expected: Vec<f32> = (1..=33).map(|i| if i % 3 == 0 { 0.0 } else { 2.0 }).collect();
        assert_eq!(mask.tensor(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap(), expected);
        let mut numbers = vec![10.0; 22];
        mask.apply(&(1..3), &mut numbers);
        assert!(numbers.iter().zip(&expected[11..]).all(|(number, factor)| *number == 10.0 * factor));
    }
}
