//! What a residual block is made of, and its shapes.

use std::ops::Range;

use candle_core::{Result, Tensor};

use crate::config::Precision;
use crate::kernels::Padding;
use crate::kernels::conv::{Geometry, samples_at_once};
use crate::kernels::dropout_mask::DropoutMask;
use crate::kernels::group_norm::{Activation, Batch, Settings};
use crate::kernels::sides::Sides;
use crate::kernels::simd::Isa;
use crate::kernels::storage::Numbers;

/// The parameters of a residual block.
#[derive(Clone, Copy)]
pub struct ResidualBlock<'a> {
    /// Weight and bias of the first normalization, `[c_in]` or `[N, c_in]`.
    pub norm1: (&'a Tensor, &'a Tensor),
    /// Weights `[k, k, c_in, c_out]` and bias, `[c_out]` or `[N, c_out]`, of the first convolution.
    pub conv1: (&'a Tensor, &'a Tensor),
    /// Weight and bias of the second normalization, `[c_out]` or `[N, c_out]`.
    pub norm2: (&'a Tensor, &'a Tensor),
    /// The same of the second convolution, from c_out to c_out.
    pub conv2: (&'a Tensor, &'a Tensor),
    /// Weights `[1, 1, c_in, c_out]` and bias `[c_out]` of the way round; without them the input is
    /// added as it is.
    pub shortcut: Option<(&'a Tensor, &'a Tensor)>,
    /// Groups of both normalizations.
    pub groups: usize,
    pub eps: f64,
    /// The sum is divided by this.
    pub output_scale_factor: f64,
    /// Of the convolutions' products.
    pub precision: Precision,
}

impl<'a> ResidualBlock<'a> {
    /// All of them, in this order.
    pub(crate) fn tensors(&self) -> Vec<&'a Tensor> {
        let pairs = [self.norm1, self.conv1, self.norm2, self.conv2];
        pairs.into_iter().chain(self.shortcut).flat_map(|(a, b)| [a, b]).collect()
    }
}

/// The shapes of a block that fits.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub n: usize,
    /// Numbers of a pixel that come from each of the two inputs; the second may be none.
    pub channels: [usize; 2],
    pub conv1: Geometry,
    pub conv2: Geometry,
    pub shortcut: Option<Geometry>,
    pub settings: Settings,
    /// What the sum is multiplied by.
    pub factor: f32,
}

impl Plan {
    /// `None` where the shapes don't fit each other.
    pub fn new(x: &[usize], skip: Option<&[usize]>, block: &ResidualBlock) -> Option<Self> {
        let &[n, h, width, c_x] = x else { return None };
        let c_skip = match skip {
            Some(&[n2, h2, w2, c]) if [n2, h2, w2] == [n, h, width] && c > 0 => c,
            Some(_) => return None,
            None => 0,
        };
        let c_in = c_x + c_skip;
        let geometry = |c_in: usize, w: &Tensor| {
            let g = Geometry::new(&[n, h, width, c_in], w.dims(), 1, Padding::Same)?;
            Some(g.with_precision(block.precision))
        };
        let conv1 = geometry(c_in, block.conv1.0)?;
        let conv2 = geometry(conv1.c_out, block.conv2.0)?;
        let shortcut = match block.shortcut {
            Some((w, bias)) => {
                let g = geometry(c_in, w)?;
                if !g.pointwise() || g.c_out != conv2.c_out || bias.dims() != [g.c_out] {
                    return None;
                }
                Some(g)
            }
            None if c_in == conv2.c_out => None,
            None => return None,
        };
        let same = |g: &Geometry| (g.out_h, g.out_w) == (g.h, g.w);
        let rows = |v: &Tensor, c: usize| v.dims() == [c] || v.dims() == [n, c];
        let vectors = [(block.norm1.0, c_in), (block.norm1.1, c_in), (block.conv1.1, conv1.c_out)];
        let more = [(block.norm2.0, conv1.c_out), (block.norm2.1, conv1.c_out), (block.conv2.1, conv2.c_out)];
        let groups = block.groups;
        let fits = vectors.into_iter().chain(more).all(|(v, c)| rows(v, c))
            && same(&conv1)
            && same(&conv2)
            && groups > 0
            && c_in.is_multiple_of(groups)
            && conv1.c_out.is_multiple_of(groups);
        let settings = Settings { groups, eps: block.eps, activation: Activation::before(block.precision) };
        let factor = (1.0 / block.output_scale_factor) as f32;
        fits.then_some(Self { n, channels: [c_x, c_skip], conv1, conv2, shortcut, settings, factor })
    }

    /// Is it a mask for what the second convolution takes?
    pub fn fits(&self, mask: &DropoutMask) -> bool {
        let g = &self.conv2;
        mask.shape().dims() == [self.n, g.h, g.w, g.c_in]
    }

    /// Numbers of one sample: input, middle, output.
    pub fn lens(&self) -> [usize; 3] {
        [self.conv1.input_len(), self.conv1.output_len(), self.conv2.output_len()]
    }

    /// Samples that go through the block together.
    pub fn group(&self) -> usize {
        samples_at_once(self.conv1.h * self.conv1.w)
    }
}

/// The parameters' numbers.
pub(crate) struct Parameters<'a> {
    pub norm1: [&'a [f32]; 2],
    pub conv1: [&'a [f32]; 2],
    pub norm2: [&'a [f32]; 2],
    pub conv2: [&'a [f32]; 2],
    pub shortcut: Option<[&'a [f32]; 2]>,
}

impl<'a> Parameters<'a> {
    /// From those of [`ResidualBlock::tensors`].
    pub fn new(numbers: &'a [Numbers<'a>]) -> Result<Self> {
        let slices = numbers.iter().map(Numbers::slice).collect::<Result<Vec<_>>>()?;
        let (pairs, _) = slices.as_chunks::<2>();
        match *pairs {
            [norm1, conv1, norm2, conv2] => Ok(Self { norm1, conv1, norm2, conv2, shortcut: None }),
            [norm1, conv1, norm2, conv2, shortcut] => Ok(Self { norm1, conv1, norm2, conv2, shortcut: Some(shortcut) }),
            _ => candle_core::bail!("a residual block has 8 or 10 parameters, not {}", slices.len()),
        }
    }
}

/// The rows of `samples` of a vector that has one row of `channels` for all samples or one for each.
pub(super) fn rows<'a>(of: &'a [f32], channels: usize, samples: &Range<usize>) -> &'a [f32] {
    match of.len() == channels {
        true => of,
        false => &of[samples.start * channels..samples.end * channels],
    }
}

/// Some samples as a normalization takes them.
pub(super) fn batch<'a>(x: Sides<'a>, norm: [&'a [f32]; 2], samples: &Range<usize>) -> Batch<'a> {
    let [weight, bias] = norm.map(|v| rows(v, x.channels(), samples));
    Batch { n: samples.len(), x, weight, bias }
}

/// The instruction set, the shapes, the parameters and the mask of one call.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub isa: Isa,
    pub plan: &'a Plan,
    pub parameters: &'a Parameters<'a>,
    /// Which tensors the parameters are, in the order of [`ResidualBlock::tensors`].
    pub tensors: &'a [Tensor],
    /// What dropout leaves of the second convolution's input.
    pub mask: Option<&'a DropoutMask>,
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn only_shapes_that_fit_have_a_plan() {
        let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        let (v4, v6, v8, n6) = (zeros(&[4]), zeros(&[6]), zeros(&[8]), zeros(&[2, 6]));
        let (w1, w2, round) = (zeros(&[3, 3, 8, 6]), zeros(&[3, 3, 6, 6]), zeros(&[1, 1, 8, 6]));
        let block = ResidualBlock {
            norm1: (&v8, &v8),
            conv1: (&w1, &n6),
            norm2: (&v6, &v6),
            conv2: (&w2, &v6),
            shortcut: Some((&round, &v6)),
            groups: 2,
            eps: 1e-5,
            output_scale_factor: 1.0,
            precision: Precision::F32,
        };
        let plan = |x: &[usize], skip: Option<&[usize]>, block: &ResidualBlock| Plan::new(x, skip, block).is_some();
        assert!(plan(&[2, 28, 28, 8], None, &block));
        assert!(plan(&[2, 7, 9, 5], Some(&[2, 7, 9, 3]), &block));
        assert!(!plan(&[3, 7, 9, 8], None, &block), "another number of samples than the bias has rows");
        assert!(!plan(&[2, 7, 9, 5], Some(&[2, 7, 8, 3]), &block));
        assert!(!plan(&[2, 7, 9, 8], None, &ResidualBlock { groups: 4, ..block }));
        assert!(!plan(&[2, 7, 9, 8], None, &ResidualBlock { shortcut: None, ..block }));
        assert!(!plan(&[2, 7, 9, 8], None, &ResidualBlock { norm1: (&v4, &v8), ..block }));
    }
}
