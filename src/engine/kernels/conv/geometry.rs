//! Which pixel of the input meets which pixel of the output.

use crate::config::Precision;
use crate::kernels::Padding;

/// The shapes of one convolution, and how precisely it is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub n: usize,
    pub h: usize,
    pub w: usize,
    pub c_in: usize,
    pub out_h: usize,
    pub out_w: usize,
    pub c_out: usize,
    /// The kernel is k × k.
    pub k: usize,
    pub stride: usize,
    /// Rows (and columns) of zeros above (and to the left of) the input.
    pub before: usize,
    /// f32 unless [`Self::with_precision`] says otherwise.
    pub precision: Precision,
}

impl Geometry {
    /// The convolution of `x` `[N, H, W, c_in]` with `w` `[k, k, c_in, c_out]`; `None` when the
    /// shapes don't fit each other.
    pub fn new(x: &[usize], w: &[usize], stride: usize, padding: Padding) -> Option<Self> {
        let (&[n, h, width, c_in], &[k, k2, w_in, c_out]) = (x, w) else { return None };
        let (before, both) = match padding {
            Padding::Same => (k / 2, 2 * (k / 2)),
            Padding::RightBottom => (0, 1),
        };
        let fits = k == k2 && k > 0 && c_in == w_in && stride > 0 && h + both >= k && width + both >= k;
        let whole = n > 0 && h > 0 && width > 0 && c_in > 0 && c_out > 0;
        (fits && whole).then(|| Self {
            n,
            h,
            w: width,
            c_in,
            out_h: (h + both - k) / stride + 1,
            out_w: (width + both - k) / stride + 1,
            c_out,
            k,
            stride,
            before,
            precision: Precision::F32,
        })
    }

    /// The same convolution, computed with this precision where there is a kernel for it.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// A linear layer over `rows` rows.
    pub fn linear(rows: usize, c_in: usize, c_out: usize) -> Self {
        let precision = Precision::F32;
        Self { n: 1, h: 1, w: rows, c_in, out_h: 1, out_w: rows, c_out, k: 1, stride: 1, before: 0, precision }
    }

    /// Numbers in one input sample.
    pub fn input_len(&self) -> usize {
        self.h * self.w * self.c_in
    }

    /// Numbers in one output sample.
    pub fn output_len(&self) -> usize {
        self.out_h * self.out_w * self.c_out
    }

    pub fn weights_len(&self) -> usize {
        self.k * self.k * self.c_in * self.c_out
    }

    /// Whether each output pixel reads just its own input pixel.
    pub fn pointwise(&self) -> bool {
        self.k == 1 && self.stride == 1 && (self.out_h, self.out_w) == (self.h, self.w)
    }

    /// The zero-bordered input that all taps of all output pixels fit in.
    pub fn border(&self) -> Border {
        Border {
            source_h: self.h,
            source_w: self.w,
            top: self.before,
            left: self.before,
            h: (self.out_h - 1) * self.stride + self.k,
            w: (self.out_w - 1) * self.stride + self.k,
        }
    }
}

/// How an image is placed in a larger one (or a smaller: what is outside is cut off).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Border {
    pub source_h: usize,
    pub source_w: usize,
    pub top: usize,
    pub left: usize,
    pub h: usize,
    pub w: usize,
}

impl Border {
    /// Copies one image of `pixel` numbers a pixel into `out`, zeros around it.
    pub fn copy(&self, image: &[f32], pixel: usize, out: &mut [f32]) {
        let row = self.w * pixel;
        let copied = self.source_w.min(self.w.saturating_sub(self.left));
        for (y, out) in out[..self.h * row].chunks_exact_mut(row).enumerate() {
            if y < self.top || y - self.top >= self.source_h {
                out.fill(0.0);
                continue;
            }
            let start = (y - self.top) * self.source_w * pixel;
            let (left, rest) = out.split_at_mut(self.left * pixel);
            let (middle, right) = rest.split_at_mut(copied * pixel);
            left.fill(0.0);
            middle.copy_from_slice(&image[start..start + copied * pixel]);
            right.fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_sizes_are_those_of_the_usual_formula() {
        let size = |h, k, stride, padding| {
            Geometry::new(&[1, h, h, 2], &[k, k, 2, 3], stride, padding).map(|g| (g.out_h, g.before))
        };
        assert_eq!(size(28, 3, 1, Padding::Same), Some((28, 1)));
        assert_eq!(size(28, 3, 2, Padding::Same), Some((14, 1)));
        assert_eq!(size(7, 3, 2, Padding::Same), Some((4, 1)));
        assert_eq!(size(28, 3, 2, Padding::RightBottom), Some((14, 0)));
        assert_eq!(size(5, 1, 1, Padding::Same), Some((5, 0)));
        assert_eq!(size(1, 3, 2, Padding::RightBottom), None);
        assert_eq!(Geometry::new(&[1, 4, 4, 2], &[3, 3, 3, 3], 1, Padding::Same), None);
    }

    #[test]
    fn a_border_is_zeros_and_what_does_not_fit_is_cut() {
        let image = [1., 2., 3., 4., 5., 6.];
        let mut out = [9.0; 16];
        Border { source_h: 2, source_w: 3, top: 1, left: 1, h: 4, w: 4 }.copy(&image, 1, &mut out);
        assert_eq!(out, [0., 0., 0., 0., 0., 1., 2., 3., 0., 4., 5., 6., 0., 0., 0., 0.]);
        let mut out = [9.0; 2];
        Border { source_h: 2, source_w: 3, top: 0, left: 0, h: 1, w: 2 }.copy(&image, 1, &mut out);
        assert_eq!(out, [1., 2.]);
    }
}
