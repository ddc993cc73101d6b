//! The weight gradient: sums of outer products in each of the 16 planes, over pairs of tiles.

use super::transforms::{Image, transformed_gradient, transformed_input};
use super::weights::transformed_back;
use super::{IN, OUT, PLANES, Tiles};
use crate::kernels::buffers::{Scratch, each, share};
use crate::kernels::conv::geometry::Geometry;
use crate::kernels::conv::winograd::plane_stride;
use crate::kernels::simd::{PairIsa, PairKernel, PairSimd, Pairs};
use crate::kernels::tile::{OuterSum, outer_sum};

/// Tiles at a time.
const BLOCK: usize = 64;

/// `[3, 3, c_in, c_out]` from `x` `[N, H, W, c_in]` and `dy` `[N, H, W, c_out]`. The threads' sums
/// are added in order.
pub(in crate::kernels::conv) fn weight_gradient(isa: PairIsa, g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let (c_in, c_out) = (g.c_in, g.c_out);
    assert_eq!((x.len(), dy.len()), (g.n * g.input_len(), g.n * g.output_len()));
    let threads = rayon::current_num_threads().min(g.n);
    let sums = each(threads, |i| {
        let mine = share(g.n, threads, i);
        let mut sum = WeightSum::new(g);
        let x = &x[mine.start * g.input_len()..mine.end * g.input_len()];
        sum.add(isa, g, x, &dy[mine.start * g.output_len()..mine.end * g.output_len()]);
        sum
    });
    let mut sums = sums.into_iter();
    let Some(mut total) = sums.next() else { return vec![0.0; 9 * c_in * c_out] };
    sums.for_each(|sum| total.merge(&sum));
    total.finish()
}

/// A weight gradient that is being summed, in the 16 planes.
pub(crate) struct WeightSum {
    planes: Scratch,
}

impl WeightSum {
    pub fn new(g: &Geometry) -> Self {
        Self { planes: Scratch::zeroed(PLANES * g.c_in * g.c_out) }
    }

    /// Adds whole samples `x` `[n, H, W, c_in]`, `dy` `[n, H, W, c_out]`.
    pub fn add(&mut self, isa: PairIsa, g: &Geometry, x: &[f32], dy: &[f32]) {
        let (c_in, c_out) = (g.c_in, g.c_out);
        assert!(x.len().is_multiple_of(g.input_len()) && x.len() / c_in == dy.len() / c_out);
        assert_eq!(self.planes.len(), PLANES * c_in * c_out);
        // SAFETY: whole samples on both sides, whole vectors of channels.
        unsafe { isa.run(Share { tiles: Tiles::new(g), x, dy, c_in, c_out, sum: &mut self.planes }) };
    }

    pub fn merge(&mut self, other: &Self) {
        self.planes.iter_mut().zip(other.planes.iter()).for_each(|(a, b)| *a += b);
    }

    /// `[3, 3, c_in, c_out]`.
    pub fn finish(&self) -> Vec<f32> {
        transformed_back(&self.planes, self.planes.len() / PLANES)
    }
}

/// Consecutive samples, added to `sum` `[16, c_in, c_out]`.
struct Share<'a> {
    tiles: Tiles,
    x: &'a [f32],
    dy: &'a [f32],
    c_in: usize,
    c_out: usize,
    sum: &'a mut [f32],
}

impl PairKernel for Share<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Share { tiles, x, dy, c_in, c_out, sum } = self;
        let all = x.len() / (tiles.h * tiles.w * c_in) * tiles.in_sample();
        let (x_stride, dy_stride) = (plane_stride(BLOCK / 2 * c_in), plane_stride(BLOCK / 2 * c_out));
        let mut x_planes = Scratch::new(PLANES * x_stride);
        let mut dy_planes = Scratch::new(PLANES * dy_stride);
        let zeros = Scratch::zeroed(c_in.max(c_out));
        let offsets: Vec<usize> = (0..c_in).collect();
        let x_image = Image { pixels: x.as_ptr(), tiles, channels: c_in, zeros: &zeros };
        let dy_image = Image { pixels: dy.as_ptr(), tiles, channels: c_out, zeros: &zeros };
        for start in (0..all).step_by(BLOCK) {
            let end = (start + BLOCK).min(all);
            for i in (start..end).step_by(2) {
                let row = (i - start) / 2;
                let (first, second) = (tiles.get(i), (i + 1 < end).then(|| tiles.get(i + 1)));
                // An odd tile out is paired with zeros.
                let (x_first, dy_first) = (x_image.pixels::<IN, 1>(first), dy_image.pixels::<OUT, 0>(first));
                let (x_second, dy_second) = match second {
                    Some(t) => (x_image.pixels::<IN, 1>(t), dy_image.pixels::<OUT, 0>(t)),
                    None => ([[zeros.as_ptr(); IN]; IN], [[zeros.as_ptr(); OUT]; OUT]),
                };
                // SAFETY: the planes have room for `BLOCK` tiles in pairs.
                unsafe {
                    for c in (0..c_in).step_by(S::LANES) {
                        let v = transformed_input::<S>(&x_first, c);
                        let next = transformed_input::<S>(&x_second, c);
                        store_pairs::<S>(v, next, x_planes.as_mut_ptr().add(row * c_in + c), x_stride);
                    }
                    for c in (0..c_out).step_by(S::LANES) {
                        let v = transformed_gradient::<S>(&dy_first, c);
                        let next = transformed_gradient::<S>(&dy_second, c);
                        store_pairs::<S>(v, next, dy_planes.as_mut_ptr().add(row * c_out + c), dy_stride);
                    }
                }
            }
            let rows = (end - start).div_ceil(2);
            for plane in 0..PLANES {
                let ahead = |part: usize| start + BLOCK + part * BLOCK / PLANES;
                for i in ahead(plane)..ahead(plane + 1).min(all) {
                    tiles.prefetch::<S>(x, tiles.get(i), c_in);
                    tiles.prefetch::<S>(dy, tiles.get(i), c_out);
                }
                for column in (0..c_out).step_by(2 * S::LANES) {
                    // SAFETY: both sides have `rows` rows; the sum has c_in rows of c_out.
                    unsafe {
                        let a = OuterSum {
                            left: x_planes.as_ptr().add(plane * x_stride),
                            offsets: &offsets,
                            left_row: 0,
                            left_pixel: c_in,
                            right: dy_planes.as_ptr().add(plane * dy_stride + column),
                            right_row: 0,
                            right_pixel: c_out,
                            rows: 1,
                            pixels: rows,
                            out: sum.as_mut_ptr().add(plane * c_in * c_out + column),
                            out_row: c_out,
                        };
                        outer_sum::<Pairs<S>>(a, ((c_out - column) / S::LANES).min(2));
                    }
                }
            }
        }
    }
}

/// Writes the pairs of two tiles to the 16 planes.
///
/// # Safety
/// The processor has `S`; `to` has room for a vector in each plane, `stride` apart.
#[inline(always)]
unsafe fn store_pairs<S: PairSimd>(first: [[S::V; IN]; IN], second: [[S::V; IN]; IN], to: *mut f32, stride: usize) {
    for i in 0..IN {
        for j in 0..IN {
            // SAFETY: the caller's promise.
            unsafe { S::store(to.add((i * IN + j) * stride), S::pair(first[i][j], second[i][j])) };
        }
    }
}
