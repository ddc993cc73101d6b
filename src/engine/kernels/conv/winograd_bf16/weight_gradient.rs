//! The weight gradient: sums of outer products in each of the 16 planes, over pairs of tiles.

use super::rows::{Image, Rows};
use super::transforms::{Window, gradient};
use super::weights::transformed_back;
use super::{IN, OUT, PLANES};
use crate::kernels::buffers::Scratch;
use crate::kernels::conv::geometry::Geometry;
use crate::kernels::conv::winograd::plane_stride;
use crate::kernels::simd::{PairIsa, PairKernel, PairSimd, Pairs};
use crate::kernels::tile::{OuterSum, outer_sum};

/// Tiles at a time, about.
const TILES: usize = 56;

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
        assert_eq!((g.out_h, g.out_w), (g.h, g.w));
        assert!(c_in.is_multiple_of(isa.lanes()) && c_out.is_multiple_of(isa.lanes()));
        // SAFETY: whole samples on both sides, whole vectors of channels.
        unsafe { isa.run(Share { rows: Rows::new(g), x, dy, c_in, c_out, sum: &mut self.planes }) };
    }

    pub fn merge(&mut self, other: &Self) {
        self.planes.iter_mut().zip(other.planes.iter()).for_each(|(a, b)| *a += b);
    }

    /// `[3, 3, c_in, c_out]`.
    pub fn finish(&self) -> Vec<f32> {
        transformed_back(&self.planes, self.planes.len() / PLANES)
    }
}

/// Consecutive samples, added to `sum` `[16, c_in, c_out]`; as many in x as in dy, all channels whole vectors.
struct Share<'a> {
    rows: Rows,
    x: &'a [f32],
    dy: &'a [f32],
    c_in: usize,
    c_out: usize,
    sum: &'a mut [f32],
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl PairKernel for Share<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Share { rows, x, dy, c_in, c_out, sum } = self;
        let all = x.len() / (rows.h * rows.w * c_in) * rows.down;
        // A tile makes a pair with the one below it.
        let block = rows.block(TILES).next_multiple_of(2);
        let most = block / 2 * rows.across;
        let (x_stride, dy_stride) = (plane_stride(most * c_in), plane_stride(most * c_out));
        let mut x_planes = Scratch::new(PLANES * x_stride);
        let mut dy_planes = Scratch::new(PLANES * dy_stride);
        let zeros = Scratch::zeroed(rows.w * c_in.max(c_out));
        let offsets: Vec<usize> = (0..c_in).collect();
        let x_image = Image { pixels: x.as_ptr(), rows, channels: c_in, zeros: &zeros };
        let dy_image = Image { pixels: dy.as_ptr(), rows, channels: c_out, zeros: &zeros };
        for start in (0..all).step_by(block) {
            let end = (start + block).min(all);
            for row in (start..end).step_by(2) {
                let place = (row - start) / 2 * rows.across;
                // An odd row out makes pairs with zeros.
                let two = row + 1 < end;
                // SAFETY: the planes have room for `block` rows of tiles in pairs.
                unsafe {
                    let below = if two { x_image.rows::<IN, 1>(row + 1) } else { [zeros.as_ptr(); IN] };
                    let to = x_planes.as_mut_ptr().add(place * c_in);
                    let from = [x_image.rows::<IN, 1>(row), below];
                    S::run_pairs(InputRows { from, image: x_image, to, stride: x_stride });
                    let below = if two { dy_image.rows::<OUT, 0>(row + 1) } else { [zeros.as_ptr(); OUT] };
                    let to = dy_planes.as_mut_ptr().add(place * c_out);
                    let from = [dy_image.rows::<OUT, 0>(row), below];
                    S::run_pairs(GradientRows { from, image: dy_image, to, stride: dy_stride });
                }
            }
            let count = (end - start).div_ceil(2) * rows.across;
            for plane in 0..PLANES {
                let next = end..(end + block).min(all);
                rows.prefetch::<S>(x.as_ptr(), next.clone(), c_in, (plane, PLANES));
                rows.prefetch::<S>(dy.as_ptr(), next, c_out, (plane, PLANES));
                for column in (0..c_out).step_by(2 * S::LANES) {
                    // SAFETY: both sides have `count` rows; the sum has c_in rows of c_out.
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
                            pixels: count,
                            out: sum.as_mut_ptr().add(plane * c_in * c_out + column),
                            out_row: c_out,
                            fresh: false,
                        };
                        outer_sum::<Pairs<S>>(a, ((c_out - column) / S::LANES).min(2));
                    }
                }
            }
        }
    }
}

/// Bᵀ d B of two rows of tiles, in pairs.
struct InputRows<'a> {
    from: [[*const f32; IN]; 2],
    image: Image<'a>,
    to: *mut f32,
    stride: usize,
}

// SAFETY: `run` may be called when `from` are rows of the image or of zeros, and the planes have room for the pairs.
impl PairKernel for InputRows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Self { from: [mut upper, mut lower], image, to, stride } = self;
        let (rows, channels) = (image.rows, image.channels);
        for c in (0..channels).step_by(S::LANES) {
            // SAFETY: the rows have w pixels, whole vectors of channels; the planes have room for a row
            // of pairs.
            unsafe {
                let (first, second) = (upper, lower);
                let mut to = [0, 1, 2, 3].map(|i| to.add(i * IN * stride + c));
                let (mut above, mut below) = (Window::<S>::new(upper), Window::<S>::new(lower));
                advance(&mut upper, &mut lower, channels);
                for _ in 1..rows.across {
                    let tile = above.tile(upper, channels);
                    store::<S>(tile, below.tile(lower, channels), to, stride);
                    advance(&mut upper, &mut lower, OUT * channels);
                    for to in &mut to {
                        *to = to.add(channels);
                    }
                }
                let tile = above.last_tile(upper, rows.even());
                store::<S>(tile, below.last_tile(lower, rows.even()), to, stride);
                (upper, lower) = (first, second);
                advance(&mut upper, &mut lower, S::LANES);
            }
        }
    }
}

/// A dy Aᵀ of two rows of tiles, in pairs.
struct GradientRows<'a> {
    from: [[*const f32; OUT]; 2],
    image: Image<'a>,
    to: *mut f32,
    stride: usize,
}

// SAFETY: as of `InputRows`.
impl PairKernel for GradientRows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Self { from: [upper, lower], image, to, stride } = self;
        let (rows, channels) = (image.rows, image.channels);
        for c in (0..channels).step_by(S::LANES) {
            // SAFETY: as in `InputRows`.
            unsafe {
                let (mut upper, mut lower) = (upper, lower);
                advance(&mut upper, &mut lower, c);
                let mut to = [0, 1, 2, 3].map(|i| to.add(i * IN * stride + c));
                for tile in 0..rows.across {
                    let inside = tile + 1 < rows.across || rows.even();
                    let tile = gradient::<S>(upper, channels, inside);
                    store::<S>(tile, gradient::<S>(lower, channels, inside), to, stride);
                    advance(&mut upper, &mut lower, OUT * channels);
                    for to in &mut to {
                        *to = to.add(channels);
                    }
                }
            }
        }
    }
}

/// Moves all pointers on.
#[inline(always)]
fn advance<const N: usize>(a: &mut [*const f32; N], b: &mut [*const f32; N], by: usize) {
    for pointer in a.iter_mut().chain(b) {
        *pointer = pointer.wrapping_add(by);
    }
}

/// Writes the pairs of two tiles to the 16 planes.
///
/// # Safety
/// The processor has `S`; `to` are places in planes 0, 4, 8 and 12, `stride` apart.
#[inline(always)]
unsafe fn store<S: PairSimd>(first: [[S::V; IN]; IN], second: [[S::V; IN]; IN], to: [*mut f32; IN], stride: usize) {
    for i in 0..IN {
        for j in 0..IN {
            // SAFETY: the caller's promise.
            unsafe { S::store(to[i].add(j * stride), S::pair(first[i][j], second[i][j])) };
        }
    }
}
