//! The transforms of a tile for instruction sets with few registers: in two passes, down the columns and
//! along the rows, with what is between in memory. Held in registers, the 18 values of half a tile and the
//! addresses of 36 planes don't fit into sixteen, and the unrolled code doesn't fit into the first cache.

use super::image::Image;
use super::transforms::{input, output, output_transposed};
use super::{FOURS_ONLY, IN, OUT, Tile, Tiles};
use crate::kernels::simd::Simd;

/// `f::<S, side>(arguments)`, whether a tile's side is one of 4.
macro_rules! by_side {
    ($f:ident, $S:ident, $four:expr, $($argument:expr),*) => {
        if $four { $f::<$S, true>($($argument),*) } else { $f::<$S, false>($($argument),*) }
    };
}

/// What is between two passes, of any transform: at most 6 × 6 vectors.
pub(super) struct Between<S: Simd>([[S::V; IN]; IN]);

impl<S: Simd> Between<S> {
    /// # Safety
    /// The processor has `S`.
    #[inline(always)]
    pub unsafe fn new() -> Self {
        // SAFETY: the caller's promise.
        Self([[unsafe { S::splat(0.0) }; IN]; IN])
    }
}

/// As [`super::forward::input_tile`], of any size of tile.
///
/// # Safety
/// The processor has `S`; the tile lies in the image, and the planes have room for it; there are `IN` times as
/// many zeros as channels.
#[inline(always)]
pub(super) unsafe fn input_tile<S: Simd>(
    image: Image,
    t: Tile,
    to: *mut f32,
    stride: usize,
    Between(between): &mut Between<S>,
) {
    let Image { pixels, tiles, channels, zeros } = image;
    debug_assert!(zeros.len() >= IN * channels);
    let columns = IN - usize::from(!t.wide);
    // Columns inside the image; the others are zeros.
    let (first, end) = (usize::from(t.x == 0), columns.min(tiles.w + 1 - t.x));
    // Each line starts at the pixel before the tile, which is not read where there is none.
    let mut lines = [zeros.as_ptr(); IN];
    for (i, line) in lines.iter_mut().enumerate().take(IN - usize::from(!t.tall)) {
        let y = t.y + i;
        if y >= 1 && y <= tiles.h {
            let at = ((t.sample * tiles.h + y - 1) * tiles.w + t.x) * channels;
            *line = pixels.wrapping_add(at).wrapping_sub(channels);
        }
    }
    // SAFETY: lines and columns inside the image, or zeros; the rest is the caller's promise.
    unsafe {
        for j in (0..first).chain(end..columns) {
            between.iter_mut().for_each(|row| row[j] = S::splat(0.0));
        }
        for c in (0..channels).step_by(S::LANES) {
            by_side!(down, S, t.tall, &lines, channels, (first, end), c, between);
            by_side!(along, S, t.wide, between, t.tall, to.add(c), stride);
        }
    }
}

/// Bᵀ d of columns `first..end`.
///
/// # Safety
/// The processor has `S`; the lines have readable vectors there.
#[inline(always)]
unsafe fn down<S: Simd, const TALL: bool>(
    lines: &[*const f32; IN],
    channels: usize,
    (first, end): (usize, usize),
    c: usize,
    between: &mut [[S::V; IN]; IN],
) {
    for j in first..end {
        // SAFETY: the caller's promise.
        unsafe {
            let mut d = [S::splat(0.0); IN];
            for (d, line) in d.iter_mut().zip(lines).take(IN - usize::from(!TALL)) {
                *d = S::load(line.add(j * channels + c));
            }
            for (row, v) in between.iter_mut().zip(input::<S, TALL>(d)) {
                row[j] = v;
            }
        }
    }
}

/// The rows times B, to their planes.
///
/// # Safety
/// The processor has `S`; `to` has room for 36 planes.
#[inline(always)]
unsafe fn along<S: Simd, const WIDE: bool>(between: &[[S::V; IN]; IN], tall: bool, to: *mut f32, stride: usize) {
    for (i, row) in between.iter().enumerate() {
        if tall || i != FOURS_ONLY {
            // SAFETY: the caller's promise.
            unsafe { store_row::<S, WIDE>(input::<S, WIDE>(*row), to.add(i * IN * stride), stride) };
        }
    }
}

/// One row of planes.
///
/// # Safety
/// The processor has `S`; `to` has room for six planes.
#[inline(always)]
unsafe fn store_row<S: Simd, const WIDE: bool>(row: [S::V; IN], to: *mut f32, stride: usize) {
    for (j, v) in row.into_iter().enumerate() {
        if WIDE || j != FOURS_ONLY {
            // SAFETY: the caller's promise.
            unsafe { S::store(to.add(j * stride), v) };
        }
    }
}

/// As [`super::weight_gradient::gradient_tile`], of any size of tile.
///
/// # Safety
/// As for [`input_tile`].
#[inline(always)]
pub(super) unsafe fn gradient_tile<S: Simd>(
    image: Image,
    t: Tile,
    to: *mut f32,
    stride: usize,
    Between(between): &mut Between<S>,
) {
    let Image { pixels, tiles, channels, zeros } = image;
    debug_assert!(zeros.len() >= OUT * channels);
    let (rows, columns) = t.size();
    let end = columns.min(tiles.w - t.x);
    let mut lines = [zeros.as_ptr(); OUT];
    for (i, line) in lines.iter_mut().enumerate().take(rows.min(tiles.h - t.y)) {
        *line = pixels.wrapping_add(((t.sample * tiles.h + t.y + i) * tiles.w + t.x) * channels);
    }
    // SAFETY: lines and columns inside the image, or zeros; the rest is the caller's promise.
    unsafe {
        for j in end..columns {
            between.iter_mut().for_each(|row| row[j] = S::splat(0.0));
        }
        for c in (0..channels).step_by(S::LANES) {
            by_side!(expand_down, S, t.tall, &lines, channels, end, c, between);
            by_side!(expand_along, S, t.wide, between, t.tall, to.add(c), stride);
        }
    }
}

/// A dy of the columns before `end`.
///
/// # Safety
/// As for [`down`].
#[inline(always)]
unsafe fn expand_down<S: Simd, const TALL: bool>(
    lines: &[*const f32; OUT],
    channels: usize,
    end: usize,
    c: usize,
    between: &mut [[S::V; IN]; IN],
) {
    for j in 0..end {
        // SAFETY: the caller's promise.
        unsafe {
            let mut d = [S::splat(0.0); OUT];
            for (d, line) in d.iter_mut().zip(lines).take(OUT - usize::from(!TALL)) {
                *d = S::load(line.add(j * channels + c));
            }
            for (row, v) in between.iter_mut().zip(output_transposed::<S, TALL>(d)) {
                row[j] = v;
            }
        }
    }
}

/// The rows times Aᵀ, to their planes.
///
/// # Safety
/// As for [`along`].
#[inline(always)]
unsafe fn expand_along<S: Simd, const WIDE: bool>(between: &[[S::V; IN]; IN], tall: bool, to: *mut f32, stride: usize) {
    for (i, row) in between.iter().enumerate() {
        if tall || i != FOURS_ONLY {
            // SAFETY: the caller's promise.
            unsafe {
                store_row::<S, WIDE>(
                    output_transposed::<S, WIDE>([row[0], row[1], row[2], row[3]]),
                    to.add(i * IN * stride),
                    stride,
                )
            };
        }
    }
}

/// As [`super::forward::output_tile`], of any size of tile.
///
/// # Safety
/// As there.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(super) unsafe fn output_tile<S: Simd>(
    from: *const f32,
    stride: usize,
    tiles: Tiles,
    t: Tile,
    width: usize,
    bias: &[f32],
    (out, add): (*mut f32, *const f32),
    Between(between): &mut Between<S>,
) {
    let (rows, columns) = t.size();
    let (rows, columns) = (rows.min(tiles.h - t.y), columns.min(tiles.w - t.x));
    let first = ((t.sample * tiles.h + t.y) * tiles.w + t.x) * width;
    // SAFETY: the caller's promise; only pixels of the image are written.
    unsafe {
        for c in (0..width).step_by(S::LANES) {
            by_side!(gather, S, t.tall, from.add(c), stride, t.wide, between);
            let bias = if bias.is_empty() { S::splat(0.0) } else { S::load(bias.as_ptr().add(c)) };
            for (i, row) in between.iter().enumerate().take(rows) {
                let y = by_side!(output, S, t.wide, *row);
                let at = first + i * tiles.w * width + c;
                if add.is_null() {
                    for (j, y) in y.into_iter().enumerate().take(columns) {
                        S::store(out.add(at + j * width), S::add(y, bias));
                    }
                } else {
                    for (j, y) in y.into_iter().enumerate().take(columns) {
                        let at = at + j * width;
                        S::store(out.add(at), S::add(S::add(y, bias), S::load(add.add(at))));
                    }
                }
            }
        }
    }
}

/// Aᵀ m, column by column.
///
/// # Safety
/// The processor has `S`; `from` points at 36 planes.
#[inline(always)]
unsafe fn gather<S: Simd, const TALL: bool>(
    from: *const f32,
    stride: usize,
    wide: bool,
    between: &mut [[S::V; IN]; IN],
) {
    for j in 0..IN {
        if wide || j != FOURS_ONLY {
            // SAFETY: the caller's promise.
            unsafe {
                let mut m = [S::splat(0.0); IN];
                for (i, m) in m.iter_mut().enumerate().filter(|&(i, _)| TALL || i != FOURS_ONLY) {
                    *m = S::load(from.add((i * IN + j) * stride));
                }
                for (row, v) in between.iter_mut().zip(output::<S, TALL>(m)) {
                    row[j] = v;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::PLANES;
    use super::super::forward::{input_tile as input_at_once, output_tile as output_at_once};
    use super::super::tiles::by_size;
    use super::super::weight_gradient::gradient_tile as gradient_at_once;
    use super::*;
    use crate::kernels::Padding;
    use crate::kernels::conv::geometry::Geometry;
    use crate::kernels::simd::{Kernel, forced::on_each};

    /// Every tile of two images by both forms, all results one after the other.
    struct Both {
        tiles: Tiles,
        pixels: Vec<f32>,
    }

    const CHANNELS: usize = 16;

    // SAFETY: `run` may be called when there are two samples of pixels.
    impl Kernel for Both {
        type Output = [Vec<f32>; 2];

        unsafe fn run<S: Simd>(self) -> [Vec<f32>; 2] {
            let zeros = vec![0.0; IN * CHANNELS];
            let (tiles, pixels) = (self.tiles, &self.pixels);
            let image = Image { pixels: pixels.as_ptr(), tiles, channels: CHANNELS, zeros: &zeros };
            let bias: Vec<f32> = (0..CHANNELS).map(|c| c as f32).collect();
            let mut all = [Vec::new(), Vec::new()];
            // SAFETY: planes, pixels and output have room for all tiles of CHANNELS channels.
            unsafe {
                let mut between = Between::<S>::new();
                for t in (0..2 * tiles.in_sample()).map(|i| tiles.get(i)) {
                    for (i, all) in all.iter_mut().enumerate() {
                        let mut planes = [vec![0.0; PLANES * CHANNELS], vec![0.0; PLANES * CHANNELS]];
                        let mut out = vec![0.0; pixels.len()];
                        let [a, b] = planes.each_mut().map(|p| p.as_mut_ptr());
                        let to = (out.as_mut_ptr(), if t.wide { pixels.as_ptr() } else { std::ptr::null() });
                        if i == 0 {
                            input_tile::<S>(image, t, a, CHANNELS, &mut between);
                            gradient_tile::<S>(image, t, b, CHANNELS, &mut between);
                            output_tile::<S>(a, CHANNELS, tiles, t, CHANNELS, &bias, to, &mut between);
                        } else {
                            by_size!(input_at_once, S, t, image, t, a, CHANNELS);
                            by_size!(gradient_at_once, S, t, image, t, b, CHANNELS);
                            by_size!(output_at_once, S, t, a, CHANNELS, tiles, t, CHANNELS, &bias, to);
                        }
                        all.extend(planes.concat());
                        all.extend(out);
                    }
                }
            }
            all
        }
    }

    #[test]
    fn both_forms_of_the_transforms_give_the_same_numbers() {
        for (h, w) in [(28, 8), (7, 9), (5, 14), (4, 3), (1, 2)] {
            let g = Geometry::new(&[2, h, w, CHANNELS], &[3, 3, CHANNELS, CHANNELS], 1, Padding::Same).unwrap();
            let pixels: Vec<f32> = (0..2 * g.input_len()).map(|i| ((i * 37 % 101) as f32 - 50.0) * 0.02).collect();
            on_each(|isa| {
                // SAFETY: two samples of pixels.
                let [a, b] = unsafe { isa.run(Both { tiles: Tiles::new(&g), pixels: pixels.clone() }) };
                assert!(a.iter().any(|&x| x != 0.0) && a == b, "{h} × {w} on {}", isa.name());
            });
        }
    }
}
