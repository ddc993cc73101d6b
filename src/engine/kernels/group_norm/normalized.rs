//! Group normalization with SiLU that is computed where it is read: whatever rounds its input to bf16 anyway reads x, and the
//! normalized values are never in memory.

use std::ops::Range;

use super::forward::MomentsOf;
use super::sample::{Batch, Moments, NormSample, Settings};
use crate::kernels::buffers::Scratch;
use crate::kernels::columns::{Columns, load, walk};
use crate::kernels::sides::{AHEAD, Column, Sides};
use crate::kernels::simd::{Isa, PairSimd, sigmoid_for_bf16};

/// silu(norm(x)) of whole samples, to the digits of bf16.
pub(crate) struct Normalized<'a> {
    pub x: Sides<'a>,
    samples: Vec<Sample>,
}

/// z = (x − shift) · scale + bias with the moments' shift, and scale and bias here, each padded to whole vectors.
struct Sample {
    moments: Moments,
    affine: Scratch,
}

impl<'a> Normalized<'a> {
    pub fn new(isa: Isa, settings: Settings, batch: Batch<'a>) -> Self {
        batch.check(settings);
        let sample = |i: usize| {
            let sample: NormSample = batch.sample(settings, i);
            // SAFETY: one sample of checked lengths.
            let moments = unsafe { isa.run(MomentsOf { sample, eps: settings.eps }) };
            Sample { affine: moments.with_affine(sample), moments }
        };
        Self { x: batch.x, samples: (0..batch.n).map(sample).collect() }
    }

    pub fn into_moments(self) -> Vec<Moments> {
        self.samples.into_iter().map(|sample| sample.moments).collect()
    }

    /// How many samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Some pixels, which are those of one sample, rounded to `to`, `[pixels, channels]`.
    ///
    /// # Safety
    /// The processor has `S`, the sample is there and has these pixels, the channels are whole vectors, and `to` has room.
    #[inline(always)]
    pub unsafe fn round<S: PairSimd>(&self, sample: usize, pixels: Range<usize>, to: *mut f32) {
        let Sample { moments, affine } = &self.samples[sample];
        let affine = affine.split_at(moments.shift.len());
        let mut rounding = Rounding { moments, affine, pixels, to, row: self.x.channels() / 2 };
        // SAFETY: the caller's promise.
        unsafe { walk::<S>(self.x, 4, &mut rounding) };
    }
}

/// [`Normalized::round`] on its way: `row` words from pixel to pixel of `to`.
struct Rounding<'a> {
    moments: &'a Moments,
    affine: (&'a [f32], &'a [f32]),
    pixels: Range<usize>,
    to: *mut f32,
    row: usize,
}

impl<S: PairSimd> Columns<S> for Rounding<'_> {
    // SAFETY: as the trait says.
    #[inline(always)]
    unsafe fn walk<const N: usize>(&mut self, c: usize, x: Column<*const f32>) {
        let mut from = x.first.wrapping_add(self.pixels.start * x.row);
        let mut to = self.to.wrapping_add(c / 2);
        // SAFETY: the caller's promise; the rows are padded to whole vectors.
        unsafe {
            let shift = load::<S, N>(&self.moments.shift, c);
            let (scale, bias) = (load::<S, N>(self.affine.0, c), load::<S, N>(self.affine.1, c));
            for _ in self.pixels.clone() {
                for v in 0..N {
                    let from = from.add(v * S::LANES);
                    S::prefetch(from.wrapping_add(AHEAD * x.row));
                    let z = S::mul_add(S::sub(S::load(from), shift[v]), scale[v], bias[v]);
                    S::store_rounded(to.add(v * S::LANES / 2), S::mul(z, sigmoid_for_bf16::<S>(z)));
                }
                (from, to) = (from.wrapping_add(x.row), to.wrapping_add(self.row));
            }
        }
    }
}
