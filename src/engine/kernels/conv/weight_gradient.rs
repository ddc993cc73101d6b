//! The weights' and the bias's gradients.
//!
//! dW[tap, i, o] = Σ_pixels x[stride · pixel + tap, i] · dy[pixel, o]: for each sample a sum of outer
//! products, and a sum over samples. Each thread sums its own consecutive samples; the threads' sums
//! are added in order, so that the result depends on the number of threads alone.

use std::ops::Range;

use super::geometry::Geometry;
use crate::kernels::buffers::{Scratch, each, share};
use crate::kernels::simd::{Isa, Kernel, Simd};
use crate::kernels::tile::{OuterSum, load_columns, outer_sum, store_columns};

/// `[k, k, c_in, c_out]` from `x` `[N, H, W, c_in]` and `dy` `[N, H', W', c_out]`.
pub(super) fn weight_gradient(isa: Isa, g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    assert_eq!((x.len(), dy.len()), (g.n * g.input_len(), g.n * g.output_len()));
    // A linear layer is one long sample; everything else is split by samples.
    let (units, x_unit, dy_unit) =
        if g.pointwise() { (g.n * g.h * g.w, g.c_in, g.c_out) } else { (g.n, g.input_len(), g.output_len()) };
    let total = summed(
        units,
        |mine| {
            let mut sum = WeightSum::new(isa, g);
            sum.add(isa, g, &x[mine.start * x_unit..mine.end * x_unit], &dy[mine.start * dy_unit..mine.end * dy_unit]);
            sum
        },
        WeightSum::merge,
    );
    total.map_or_else(|| vec![0.0; g.weights_len()], |total| total.finish(g))
}

/// `sum` of each thread's consecutive share of `units`, the threads' sums merged in order; None without units.
pub(super) fn summed<S: Send>(
    units: usize,
    sum: impl Fn(Range<usize>) -> S + Sync + Send,
    merge: impl Fn(&mut S, &S),
) -> Option<S> {
    let threads = rayon::current_num_threads().min(units);
    let mut sums = each(threads, |i| sum(share(units, threads, i))).into_iter();
    let mut total = sums.next()?;
    sums.for_each(|sum| merge(&mut total, &sum));
    Some(total)
}

/// A weight gradient that is being summed: `[k², c_in, width]`.
pub(crate) struct WeightSum {
    sum: Vec<f32>,
    /// c_out, up to a whole number of vectors.
    width: usize,
}

impl WeightSum {
    pub fn new(isa: Isa, g: &Geometry) -> Self {
        let width = g.c_out.next_multiple_of(isa.lanes());
        Self { sum: vec![0.0; g.k * g.k * g.c_in * width], width }
    }

    /// Adds whole samples (of a pointwise convolution: whole pixels) of input and output gradient.
    pub fn add(&mut self, isa: Isa, g: &Geometry, x: &[f32], dy: &[f32]) {
        let (x_unit, dy_unit) = if g.pointwise() { (g.c_in, g.c_out) } else { (g.input_len(), g.output_len()) };
        assert!(x.len().is_multiple_of(x_unit) && dy.len() == x.len() / x_unit * dy_unit);
        assert!(self.width.is_multiple_of(isa.lanes()) && self.width >= g.c_out);
        assert_eq!(self.sum.len(), g.k * g.k * g.c_in * self.width);
        // SAFETY: `x`, `dy` are whole samples of this geometry; `sum` has `width` columns.
        unsafe { isa.run(Samples { g, x, dy, width: self.width, sum: &mut self.sum }) };
    }

    pub fn merge(&mut self, other: &Self) {
        self.sum.iter_mut().zip(&other.sum).for_each(|(a, b)| *a += b);
    }

    /// `[k, k, c_in, c_out]`.
    pub fn finish(self, g: &Geometry) -> Vec<f32> {
        let Self { mut sum, width } = self;
        if width > g.c_out {
            for row in 1..g.k * g.k * g.c_in {
                sum.copy_within(row * width..row * width + g.c_out, row * g.c_out);
            }
            sum.truncate(g.weights_len());
        }
        sum
    }
}

/// Consecutive samples (or, in a pointwise convolution, pixels) summed into `sum` `[k², c_in, width]`; as many in x
/// as in dy.
struct Samples<'a> {
    g: &'a Geometry,
    x: &'a [f32],
    dy: &'a [f32],
    /// c_out, up to a whole number of vectors.
    width: usize,
    sum: &'a mut [f32],
}

/// Pixels of a pointwise convolution that are summed at a time: both sides stay in the first cache.
const BLOCK: usize = 128;

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for Samples<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let g = self.g;
        if g.pointwise() {
            let offsets: Vec<usize> = (0..g.c_in).collect();
            let blocks = self.x.chunks(BLOCK * g.c_in).zip(self.dy.chunks(BLOCK * g.c_out));
            for (x, dy) in blocks {
                let pixels = dy.len() / g.c_out;
                let wide = Wide::new(dy, g.c_out, self.width);
                let grid = Grid { x, x_row: 0, x_pixel: g.c_in, rows: 1, pixels };
                // SAFETY: the block has `pixels` pixels on both sides.
                unsafe { add::<S>(grid, &offsets, wide.get(), self.width, self.sum) };
            }
            return;
        }
        let border = g.border();
        let row = border.w * g.c_in;
        let offsets: Vec<usize> =
            (0..g.k * g.k).flat_map(|t| (0..g.c_in).map(move |i| t / g.k * row + t % g.k * g.c_in + i)).collect();
        let mut bordered = Scratch::new(border.h * row);
        for (x, dy) in self.x.chunks_exact(g.input_len()).zip(self.dy.chunks_exact(g.output_len())) {
            border.copy(x, g.c_in, &mut bordered);
            let wide = Wide::new(dy, g.c_out, self.width);
            let grid = Grid {
                x: &bordered,
                x_row: g.stride * row,
                x_pixel: g.stride * g.c_in,
                rows: g.out_h,
                pixels: g.out_w,
            };
            // SAFETY: the border has room for every tap of every output pixel.
            unsafe { add::<S>(grid, &offsets, wide.get(), self.width, self.sum) };
        }
    }
}

/// The pixels that are summed over, on the side of x.
#[derive(Clone, Copy)]
struct Grid<'a> {
    x: &'a [f32],
    x_row: usize,
    x_pixel: usize,
    rows: usize,
    pixels: usize,
}

/// # Safety
/// The processor has `S`; `x` has every pixel of the grid plus every offset, `dy` is
/// `[rows, pixels, width]` and `sum` `[offsets, width]`.
#[inline(always)]
unsafe fn add<S: Simd>(grid: Grid, offsets: &[usize], dy: &[f32], width: usize, sum: &mut [f32]) {
    for column in (0..width).step_by(2 * S::LANES) {
        let vectors = ((width - column) / S::LANES).min(2);
        // SAFETY: the caller's promise.
        unsafe {
            let a = OuterSum {
                left: grid.x.as_ptr(),
                offsets,
                left_row: grid.x_row,
                left_pixel: grid.x_pixel,
                right: dy.as_ptr().add(column),
                right_row: grid.pixels * width,
                right_pixel: width,
                rows: grid.rows,
                pixels: grid.pixels,
                out: sum.as_mut_ptr().add(column),
                out_row: width,
                fresh: false,
            };
            outer_sum::<S>(a, vectors);
        }
    }
}

/// Pixels whose channels fill whole vectors: copied, with zeros, where they don't by themselves.
enum Wide<'a> {
    Borrowed(&'a [f32]),
    Copied(Scratch),
}

impl<'a> Wide<'a> {
    fn new(pixels: &'a [f32], channels: usize, width: usize) -> Self {
        if channels == width {
            return Self::Borrowed(pixels);
        }
        let mut copy = Scratch::new(pixels.len() / channels * width);
        for (from, to) in pixels.chunks_exact(channels).zip(copy.chunks_exact_mut(width)) {
            to[..channels].copy_from_slice(from);
            to[channels..].fill(0.0);
        }
        Self::Copied(copy)
    }

    fn get(&self) -> &[f32] {
        match self {
            Self::Borrowed(pixels) => pixels,
            Self::Copied(copy) => copy,
        }
    }
}

/// The sum over a sample's pixels, for each sample: `[N, c_out]` from `[N, pixels, c_out]`.
pub(super) fn bias_gradient(isa: Isa, n: usize, channels: usize, dy: &[f32]) -> Vec<f32> {
    let len = dy.len() / n;
    each(n, |i| pixel_sum(isa, channels, &dy[i * len..(i + 1) * len])).concat()
}

/// The sum of pixels of `channels` numbers each.
pub(super) fn pixel_sum(isa: Isa, channels: usize, pixels: &[f32]) -> Vec<f32> {
    let mut sum = vec![0.0; channels];
    // SAFETY: the kernel takes whole pixels only.
    unsafe { isa.run(SumPixels { pixels, sum: &mut sum }) };
    sum
}

/// Adds whole pixels, `sum.len()` numbers each, into `sum`, four at a time.
struct SumPixels<'a> {
    pixels: &'a [f32],
    sum: &'a mut [f32],
}

// SAFETY: `run` may always be called: it reads whole pixels only.
impl Kernel for SumPixels<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let channels = self.sum.len();
        let pixels = self.pixels.len() / channels;
        for v in 0..channels.div_ceil(S::LANES) {
            // SAFETY: every pixel has `channels` numbers.
            unsafe {
                let mut sum = load_columns::<S>(self.sum.as_ptr(), v, channels);
                let mut pixel = self.pixels.as_ptr();
                for _ in 0..pixels / 4 {
                    let mut four = [sum; 4];
                    for x in &mut four {
                        *x = load_columns::<S>(pixel, v, channels);
                        pixel = pixel.add(channels);
                    }
                    let [a, b, c, d] = four;
                    sum = S::add(sum, S::add(S::add(a, b), S::add(c, d)));
                }
                for _ in 0..pixels % 4 {
                    sum = S::add(sum, load_columns::<S>(pixel, v, channels));
                    pixel = pixel.add(channels);
                }
                store_columns::<S>(self.sum.as_mut_ptr(), v, channels, sum);
            }
        }
    }
}
