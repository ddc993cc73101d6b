//! Both forms of Winograd's forward pass behind one door, which checks the lengths before any tile is touched.

use super::geometry::Geometry;
use super::out::{Add, Out, bias_sample};
use super::panels::Panels;
use super::samples::Samples;
use super::{winograd, winograd_bf16};
use crate::kernels::buffers::filled_shares;
use crate::kernels::simd::{Isa, PairIsa};

/// Which form computes a convolution.
#[derive(Clone, Copy)]
pub(super) enum Form {
    F32(Isa),
    Bf16(PairIsa),
}

impl Form {
    /// The output `[N, H, W, width]` from `source` `[N, H, W, depth]`, with transformed weights; `bias` is
    /// nothing, one row for all samples, or a row for each. On all threads.
    pub fn forward(
        self,
        g: &Geometry,
        (depth, width): (usize, usize),
        source: &[f32],
        weights: &Panels,
        bias: &[f32],
    ) -> Vec<f32> {
        let pixels = g.h * g.w;
        let n = source.len() / (pixels * depth);
        assert_eq!(source.len(), n * pixels * depth);
        let bias_sample = bias_sample(bias, n, width);
        // SAFETY: either form writes the whole output of its samples.
        unsafe {
            filled_shares(n, pixels * width, |samples, out| {
                let source = &source[samples.start * pixels * depth..samples.end * pixels * depth];
                let bias = &bias[samples.start * bias_sample..];
                let out = Out::new(out, Add::Nothing);
                self.run(Samples { g, depth, width, source, weights, bias, bias_sample, out });
            })
        }
    }

    /// As [`Self::forward`] on this thread, over as many samples as `source` has.
    pub fn forward_into(
        self,
        g: &Geometry,
        (depth, width): (usize, usize),
        source: &[f32],
        weights: &Panels,
        bias: &[f32],
        out: Out,
    ) {
        let pixels = g.h * g.w;
        let n = source.len() / (pixels * depth);
        assert_eq!((source.len(), out.numbers.len()), (n * pixels * depth, n * pixels * width));
        let bias_sample = bias_sample(bias, n, width);
        self.run(Samples { g, depth, width, source, weights, bias, bias_sample, out });
    }

    fn run(self, samples: Samples) {
        match self {
            Self::F32(isa) => winograd::forward(isa, samples),
            Self::Bf16(isa) => winograd_bf16::forward(isa, samples),
        }
    }
}
