//! What Winograd's forward pass is given, in either form.

use super::geometry::Geometry;
use super::out::Out;
use super::panels::Panels;

/// Consecutive samples of a convolution that keeps the size, with its transformed weights.
pub(super) struct Samples<'a> {
    pub g: &'a Geometry,
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

impl Samples<'_> {
    /// Do all sizes fit, for vectors of `lanes` numbers and weights in `planes` of `rows` rows? The kernels read and
    /// write without looking again.
    ///
    /// # Panics
    /// When they do not.
    pub fn check(&self, lanes: usize, planes: usize, rows: usize) {
        let Self { g, depth, width, .. } = *self;
        let pixels = g.h * g.w;
        let n = self.source.len() / (pixels * depth);
        assert_eq!((g.k, g.stride, g.before, g.out_h, g.out_w), (3, 1, 1, g.h, g.w));
        assert!(depth.is_multiple_of(lanes) && width.is_multiple_of(lanes));
        assert_eq!((self.source.len(), self.out.numbers.len()), (n * pixels * depth, n * pixels * width));
        let last_bias = n.saturating_sub(1) * self.bias_sample + width;
        assert!(self.bias.is_empty() || self.bias.len() >= last_bias);
        self.weights.check(planes, rows, width, lanes);
    }
}
