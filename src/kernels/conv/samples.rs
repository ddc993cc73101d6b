//! What both of Winograd's forward passes run over, checked before any tile is touched.

use super::geometry::Geometry;
use super::panels::Panels;
use super::prepared::{Add, Out};
use crate::kernels::buffers::filled_shares;

/// Consecutive samples of a convolution that keeps the size, with its transformed weights.
pub(super) struct Samples<'a> {
    /// Channels of the source and of the result.
    pub depth: usize,
    pub width: usize,
    /// `[n, H, W, depth]`.
    pub source: &'a [f32],
    pub weights: &'a Panels,
    /// Nothing, one row for all samples, or a row for each.
    pub bias: &'a [f32],
    /// Numbers from one sample's bias to the next's.
    pub bias_sample: usize,
    pub out: Out<'a>,
}

impl<'a> Samples<'a> {
    /// As many samples as `source` has.
    ///
    /// # Panics
    /// When these are not whole samples of `g`, or `bias` or `out` are not as long as they ask for.
    pub fn checked(
        g: &Geometry,
        (depth, width): (usize, usize),
        source: &'a [f32],
        weights: &'a Panels,
        bias: &'a [f32],
        out: Out<'a>,
    ) -> Self {
        let pixels = g.h * g.w;
        let n = source.len() / (pixels * depth);
        assert_eq!((source.len(), out.numbers.len()), (n * pixels * depth, n * pixels * width));
        let bias_sample = bias_rows(bias, n, width);
        Self { depth, width, source, weights, bias, bias_sample, out }
    }
}

/// A new output `[N, H, W, width]` of all samples of `g`, each thread's share of them made by `run`.
///
/// # Safety
/// `run` writes the whole output of the samples that it is given.
///
/// # Panics
/// As [`Samples::checked`].
pub(super) unsafe fn shares(
    g: &Geometry,
    (depth, width): (usize, usize),
    source: &[f32],
    weights: &Panels,
    bias: &[f32],
    run: impl Fn(Samples) + Sync + Send,
) -> Vec<f32> {
    let pixels = g.h * g.w;
    assert_eq!(source.len(), g.n * pixels * depth);
    let bias_sample = bias_rows(bias, g.n, width);
    // SAFETY: the caller's promise.
    unsafe {
        filled_shares(g.n, pixels * width, |samples, out| {
            let source = &source[samples.start * pixels * depth..samples.end * pixels * depth];
            let bias = &bias[samples.start * bias_sample..];
            let out = Out::new(out, Add::Nothing);
            run(Samples { depth, width, source, weights, bias, bias_sample, out });
        })
    }
}

/// Numbers from one sample's bias to the next's.
fn bias_rows(bias: &[f32], n: usize, width: usize) -> usize {
    assert!(bias.is_empty() || bias.len() == width || bias.len() == n * width);
    if bias.len() > width { width } else { 0 }
}
