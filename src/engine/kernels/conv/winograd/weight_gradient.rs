//! The weight gradient: sums of outer products in each of the 36 planes.

use super::forward::{block, even, input_tile};
use super::image::Image;
use super::transforms::output_transposed;
use super::weights::transformed_back;
use super::{Block, FOURS_ONLY, IN, OUT, PLANES, Tile, Tiles, by_size, passes, plane_stride};
use crate::kernels::buffers::Scratch;
use crate::kernels::conv::geometry::Geometry;
use crate::kernels::simd::{Isa, Kernel, Simd};
use crate::kernels::tile::{OuterSum, outer_sum};

/// A weight gradient that is being summed, in the 36 planes.
pub(crate) struct WeightSum {
    planes: Scratch,
    /// Channels in times channels out: the numbers of a plane, which are [`plane_stride`] apart.
    pairs: usize,
    /// Nothing was added yet, and the planes hold whatever the memory held: the first samples are written
    /// rather than added, which saves clearing four times as much memory as the weights take.
    empty: bool,
}

impl WeightSum {
    pub fn new(g: &Geometry) -> Self {
        let pairs = g.c_in * g.c_out;
        Self { planes: Scratch::new(PLANES * plane_stride(pairs)), pairs, empty: true }
    }

    /// Adds whole samples `x` `[n, H, W, c_in]`, `dy` `[n, H, W, c_out]`.
    pub fn add(&mut self, isa: Isa, g: &Geometry, x: &[f32], dy: &[f32]) {
        let (c_in, c_out) = (g.c_in, g.c_out);
        assert!(x.len().is_multiple_of(g.input_len()) && x.len() / c_in == dy.len() / c_out);
        assert_eq!((self.planes.len(), self.pairs), (PLANES * plane_stride(c_in * c_out), c_in * c_out));
        assert_eq!((g.out_h, g.out_w), (g.h, g.w));
        assert!(c_in.is_multiple_of(isa.lanes()) && c_out.is_multiple_of(isa.lanes()));
        if x.is_empty() {
            return;
        }
        let (tiles, fresh) = (Tiles::new(g), std::mem::take(&mut self.empty));
        // SAFETY: whole samples on both sides, whole vectors of channels.
        unsafe { isa.run(Share { tiles, x, dy, c_in, c_out, sum: &mut self.planes, fresh }) };
    }

    pub fn merge(&mut self, other: &Self) {
        if other.empty {
            return;
        }
        if std::mem::take(&mut self.empty) {
            return self.planes.copy_from_slice(&other.planes);
        }
        self.planes.iter_mut().zip(other.planes.iter()).for_each(|(a, b)| *a += b);
    }

    /// `[3, 3, c_in, c_out]`.
    pub fn finish(&self, isa: Isa) -> Vec<f32> {
        if self.empty {
            return vec![0.0; 9 * self.pairs];
        }
        transformed_back(isa, &self.planes, self.pairs)
    }
}

/// Consecutive samples, at least one, added to the 36 planes of `sum`, `[c_in, c_out]` each, or written to it where it is `fresh`; as
/// many in x as in dy, all channels whole vectors.
struct Share<'a> {
    tiles: Tiles,
    x: &'a [f32],
    dy: &'a [f32],
    c_in: usize,
    c_out: usize,
    sum: &'a mut [f32],
    fresh: bool,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for Share<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Share { tiles, x, dy, c_in, c_out, sum, fresh } = self;
        let all = x.len() / (tiles.h * tiles.w * c_in) * tiles.in_sample();
        let block = even(all, block::<S>(40));
        let (x_stride, dy_stride) = (plane_stride(block * c_in), plane_stride(block * c_out));
        let mut x_planes = Scratch::new(PLANES * x_stride);
        let mut dy_planes = Scratch::new(PLANES * dy_stride);
        let zeros = Scratch::zeroed(IN * c_in.max(c_out));
        let sum_stride = plane_stride(c_in * c_out);
        let offsets: Vec<usize> = (0..c_in).collect();
        let (mut now, mut next) = (Block::new(block), Block::new(block));
        // SAFETY: the processor has `S`.
        let mut between = unsafe { passes::Between::<S>::new() };
        next.fill(&tiles, 0..block.min(all));
        for start in (0..all).step_by(block) {
            std::mem::swap(&mut now, &mut next);
            next.fill(&tiles, (start + block).min(all)..(start + 2 * block).min(all));
            for (i, &t) in now.tiles.iter().enumerate() {
                // SAFETY: the planes have room for `block` tiles.
                unsafe {
                    let image = Image { pixels: x.as_ptr(), tiles, channels: c_in, zeros: &zeros };
                    let dy_image = Image { pixels: dy.as_ptr(), channels: c_out, ..image };
                    let (to, dy_to) = (x_planes.as_mut_ptr().add(i * c_in), dy_planes.as_mut_ptr().add(i * c_out));
                    if S::FEW_REGISTERS {
                        passes::input_tile::<S>(image, t, to, x_stride, &mut between);
                        passes::gradient_tile::<S>(dy_image, t, dy_to, dy_stride, &mut between);
                    } else {
                        by_size!(input_tile, S, t, image, t, to, x_stride);
                        by_size!(gradient_tile, S, t, dy_image, t, dy_to, dy_stride);
                    }
                }
            }
            for plane in 0..PLANES {
                let ahead = next.tiles.len() * plane / PLANES..next.tiles.len() * (plane + 1) / PLANES;
                for &t in &next.tiles[ahead] {
                    tiles.prefetch::<S>(x, t, c_in);
                    tiles.prefetch::<S>(dy, t, c_out);
                }
                let rows = now.with_plane(plane);
                for column in (0..c_out).step_by(2 * S::LANES) {
                    // SAFETY: both sides have `block` rows; the sum has c_in rows of c_out.
                    unsafe {
                        let a = OuterSum {
                            left: x_planes.as_ptr().add(plane * x_stride + rows.start * c_in),
                            offsets: &offsets,
                            left_row: 0,
                            left_pixel: c_in,
                            right: dy_planes.as_ptr().add(plane * dy_stride + rows.start * c_out + column),
                            right_row: 0,
                            right_pixel: c_out,
                            rows: 1,
                            pixels: rows.len(),
                            out: sum.as_mut_ptr().add(plane * sum_stride + column),
                            out_row: c_out,
                            fresh: fresh && start == 0,
                        };
                        outer_sum::<S>(a, ((c_out - column) / S::LANES).min(2));
                    }
                }
            }
        }
    }
}

/// A dy Aᵀ of one tile, zeros beyond the image.
///
/// # Safety
/// The processor has `S`; the tile lies in the image, and the planes have room for it.
#[inline(always)]
pub(super) unsafe fn gradient_tile<S: Simd, const TALL: bool, const WIDE: bool>(
    image: Image,
    t: Tile,
    to: *mut f32,
    stride: usize,
) {
    let Image { pixels, tiles, channels, zeros } = image;
    let at = |y: usize, x: usize| ((t.sample * tiles.h + y) * tiles.w + x) * channels;
    // SAFETY: pixels inside the image, or the zeros.
    unsafe {
        if tiles.whole(t) {
            let first = pixels.add(at(t.y, t.x));
            let (row, pixel) = (tiles.w * channels, channels);
            for c in (0..channels).step_by(S::LANES) {
                expand::<S, TALL, WIDE>(to.add(c), stride, |i, j| first.add(i * row + j * pixel + c));
            }
        } else {
            let mut places = [[zeros.as_ptr(); OUT]; OUT];
            for (i, places) in places.iter_mut().enumerate() {
                for (j, place) in places.iter_mut().enumerate() {
                    if t.y + i < tiles.h && t.x + j < tiles.w {
                        *place = pixels.add(at(t.y + i, t.x + j));
                    }
                }
            }
            for c in (0..channels).step_by(S::LANES) {
                expand::<S, TALL, WIDE>(to.add(c), stride, |i, j| places[i][j].add(c));
            }
        }
    }
}

/// A dy Aᵀ for one vector of channels.
///
/// # Safety
/// The processor has `S`; `place` gives readable vectors, `to` has room for 36 planes.
#[inline(always)]
unsafe fn expand<S: Simd, const TALL: bool, const WIDE: bool>(
    to: *mut f32,
    stride: usize,
    place: impl Fn(usize, usize) -> *const f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut columns = [[S::splat(0.0); OUT]; IN];
        for j in 0..OUT - usize::from(!WIDE) {
            let mut d = [S::splat(0.0); OUT];
            for (i, d) in d.iter_mut().enumerate().take(OUT - usize::from(!TALL)) {
                *d = S::load(place(i, j));
            }
            for (column, v) in columns.iter_mut().zip(output_transposed::<S, TALL>(d)) {
                column[j] = v;
            }
        }
        for (i, row) in columns.into_iter().enumerate() {
            for (j, v) in output_transposed::<S, WIDE>(row).into_iter().enumerate() {
                if (TALL || i != FOURS_ONLY) && (WIDE || j != FOURS_ONLY) {
                    S::store(to.add((i * IN + j) * stride), v);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Padding;
    use crate::kernels::simd::forced::on_each;

    #[test]
    fn a_sum_of_nothing_is_zero_and_adds_nothing() {
        let g = Geometry::new(&[2, 8, 7, 16], &[3, 3, 16, 16], 1, Padding::Same).unwrap();
        let ramp = |n: usize| (0..n).map(|i| ((i * 31 % 17) as f32 - 8.0) * 0.1).collect::<Vec<f32>>();
        let (x, dy) = (ramp(2 * g.input_len()), ramp(2 * g.output_len()));
        on_each(|isa| {
            // What the memory held before must not show.
            Scratch::new(PLANES * plane_stride(256)).fill(f32::NAN);
            assert_eq!(WeightSum::new(&g).finish(isa), vec![0.0; g.weights_len()]);
            let mut sum = WeightSum::new(&g);
            sum.add(isa, &g, &[], &[]);
            sum.add(isa, &g, &x, &dy);
            sum.merge(&WeightSum::new(&g));
            let mut merged = WeightSum::new(&g);
            merged.merge(&sum);
            let (sum, merged) = (sum.finish(isa), merged.finish(isa));
            assert!(sum.iter().all(|x| x.is_finite()) && sum.iter().any(|&x| x != 0.0));
            assert_eq!(sum, merged);
        });
    }
}
