//! The transforms of a tile for instruction sets with few registers: in two passes, down the columns and
//! along the rows, with what is between in memory. Held in registers, the 18 values of half a tile and the
//! addresses of 36 planes don't fit into sixteen, and the unrolled code doesn't fit into the first cache.

use super::forward::Image;
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
