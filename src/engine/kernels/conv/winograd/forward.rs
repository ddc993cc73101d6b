//! Forward pass, and the data gradient with turned weights.

use super::image::Image;
use super::transforms::{input, input_lower, input_upper, input3_lower, input3_upper, output};
use super::{Block, FOURS_ONLY, IN, OUT, PLANES, Tile, Tiles, by_size, passes, plane_stride};
use crate::kernels::buffers::Scratch;
use crate::kernels::conv::samples::Samples;
use crate::kernels::simd::{Isa, Kernel, Simd};
use crate::kernels::tile::{Product, Tap, product};

/// Writes the output of `samples`, whose weights are transformed.
pub(in crate::kernels::conv) fn forward(isa: Isa, samples: Samples) {
    samples.check(isa.lanes(), PLANES, samples.depth);
    // SAFETY: the sizes fit; the tiles cover every pixel of every sample, and the panels every channel.
    unsafe { isa.run(TileForward { tiles: Tiles::new(samples.g), samples }) };
}

/// Consecutive samples that [`Samples::check`] has passed, by tiles.
struct TileForward<'a> {
    tiles: Tiles,
    samples: Samples<'a>,
}

// SAFETY: `run` may be called when the samples were checked for this instruction set.
impl Kernel for TileForward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { tiles, samples } = self;
        let Samples { depth, width, source, weights, bias: all_bias, bias_sample, out, .. } = samples;
        let sample_len = tiles.h * tiles.w * depth;
        let all = source.len() / sample_len * tiles.in_sample();
        // Tiles at a time: their planes stay in the second cache, and there are enough of them to
        // pay for reading the weights.
        let block = even(all, block::<S>(28));
        let (in_stride, out_stride) = (plane_stride(block * depth), plane_stride(block * width));
        let mut planes = Scratch::new(PLANES * in_stride);
        let mut products = Scratch::new(PLANES * out_stride);
        let zeros = Scratch::zeroed(IN * depth);
        let (out, add) = (out.numbers.as_mut_ptr().cast::<f32>(), out.add);
        let (mut now, mut next) = (Block::new(block), Block::new(block));
        // SAFETY: the processor has `S`.
        let mut between = unsafe { passes::Between::<S>::new() };
        next.fill(&tiles, 0..block.min(all));
        for start in (0..all).step_by(block) {
            std::mem::swap(&mut now, &mut next);
            next.fill(&tiles, (start + block).min(all)..(start + 2 * block).min(all));
            for (i, &t) in now.tiles.iter().enumerate() {
                // SAFETY: the planes have room for `block` tiles of `depth` channels.
                unsafe {
                    let to = planes.as_mut_ptr().add(i * depth);
                    let image = Image { pixels: source.as_ptr(), tiles, channels: depth, zeros: &zeros };
                    if S::FEW_REGISTERS {
                        passes::input_tile::<S>(image, t, to, in_stride, &mut between);
                    } else {
                        by_size!(input_tile, S, t, image, t, to, in_stride);
                    }
                }
            }
            for plane in 0..PLANES {
                // The next block's pixels come to the second cache while the products run.
                let ahead = next.tiles.len() * plane / PLANES..next.tiles.len() * (plane + 1) / PLANES;
                next.tiles[ahead].iter().for_each(|&t| tiles.prefetch::<S>(source, t, depth));
                let taps = [Tap { source: 0, weights: 0 }];
                let rows = now.with_plane(plane);
                for panel in weights.iter() {
                    // SAFETY: planes and products have `block` rows of depth and width numbers; a
                    // panel has `depth` rows for each plane.
                    unsafe {
                        let a = Product {
                            source: planes.as_ptr().add(plane * in_stride + rows.start * depth),
                            source_pixel: depth,
                            taps: &taps,
                            depth,
                            weights: panel.weights.add(plane * panel.tap),
                            weights_row: panel.row,
                            bias: std::ptr::null(),
                            out: products.as_mut_ptr().add(plane * out_stride + rows.start * width + panel.start),
                            out_pixel: width,
                            columns: panel.columns,
                        };
                        product::<S>(a, rows.len(), panel.vectors);
                    }
                }
            }
            for (i, &t) in now.tiles.iter().enumerate() {
                let bias = if all_bias.is_empty() { &[][..] } else { &all_bias[t.sample * bias_sample..] };
                // SAFETY: the tile lies in this share's samples.
                unsafe {
                    let from = products.as_ptr().add(i * width);
                    if S::FEW_REGISTERS {
                        passes::output_tile::<S>(from, out_stride, tiles, t, width, bias, (out, add), &mut between);
                    } else {
                        by_size!(output_tile, S, t, from, out_stride, tiles, t, width, bias, (out, add));
                    }
                }
            }
        }
    }
}

/// About `n` tiles: whole register tiles of rows.
#[inline(always)]
pub(super) fn block<S: Simd>(n: usize) -> usize {
    n / S::ROWS * S::ROWS
}

/// `all` tiles in as many blocks as of `most`, but nearly equal ones.
pub(super) fn even(all: usize, most: usize) -> usize {
    all.div_ceil(all.div_ceil(most).max(1)).max(1)
}

/// Bᵀ d B of one tile: channel c of plane p goes to `to[p · stride + c]`.
///
/// # Safety
/// The processor has `S`; the tile lies in the image, and the planes have room for it.
#[inline(always)]
pub(super) unsafe fn input_tile<S: Simd, const TALL: bool, const WIDE: bool>(
    image: Image,
    t: Tile,
    to: *mut f32,
    stride: usize,
) {
    let Image { pixels, tiles, channels, zeros } = image;
    let at = |y: usize, x: usize| ((t.sample * tiles.h + y) * tiles.w + x) * channels;
    // SAFETY: pixels inside the image, or the zeros.
    unsafe {
        if tiles.inside(t) {
            let first = pixels.add(at(t.y - 1, t.x - 1));
            let (row, pixel) = (tiles.w * channels, channels);
            for c in (0..channels).step_by(S::LANES) {
                half_tile::<S, true, TALL, WIDE>(to.add(c), stride, |i, j| first.add(i * row + j * pixel + c));
                half_tile::<S, false, TALL, WIDE>(to.add(c), stride, |i, j| first.add(i * row + j * pixel + c));
            }
        } else {
            let mut places = [[zeros.as_ptr(); IN]; IN];
            for (i, places) in places.iter_mut().enumerate() {
                for (j, place) in places.iter_mut().enumerate() {
                    let (y, x) = (t.y + i, t.x + j);
                    if y >= 1 && x >= 1 && y <= tiles.h && x <= tiles.w {
                        *place = pixels.add(at(y - 1, x - 1));
                    }
                }
            }
            for c in (0..channels).step_by(S::LANES) {
                half_tile::<S, true, TALL, WIDE>(to.add(c), stride, |i, j| places[i][j].add(c));
                half_tile::<S, false, TALL, WIDE>(to.add(c), stride, |i, j| places[i][j].add(c));
            }
        }
    }
}

/// Rows 0 to 2 (`UPPER`) or 3 to 5 of Bᵀ d B for one vector of channels, of a tile with 4 rows (`TALL`)
/// and columns (`WIDE`) or 3: in halves, the 18 values between the two multiplications stay in
/// registers.
///
/// # Safety
/// The processor has `S`; `place` gives readable vectors, `to` has room for six planes a row.
#[inline(always)]
unsafe fn half_tile<S: Simd, const UPPER: bool, const TALL: bool, const WIDE: bool>(
    to: *mut f32,
    stride: usize,
    place: impl Fn(usize, usize) -> *const f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut columns = [[S::splat(0.0); IN]; 3];
        // Indexed: the loop walks three rows of `columns` at once.
        #[allow(clippy::needless_range_loop)]
        for j in 0..IN - usize::from(!WIDE) {
            let mut d = [S::splat(0.0); IN];
            for (i, d) in d.iter_mut().enumerate().take(IN - usize::from(!TALL)) {
                *d = S::load(place(i, j));
            }
            let [a, b, c] = match (UPPER, TALL) {
                (true, true) => input_upper::<S>(d),
                (true, false) => input3_upper::<S>(d),
                (false, true) => input_lower::<S>(d),
                (false, false) => input3_lower::<S>(d),
            };
            columns[0][j] = a;
            columns[1][j] = b;
            columns[2][j] = c;
        }
        let first = if UPPER { 0 } else { 3 };
        for (i, row) in columns.into_iter().enumerate() {
            for (j, v) in input::<S, WIDE>(row).into_iter().enumerate() {
                if (TALL || first + i != FOURS_ONLY) && (WIDE || j != FOURS_ONLY) {
                    S::store(to.add(((first + i) * IN + j) * stride), v);
                }
            }
        }
    }
}

/// Aᵀ m A plus bias of one tile, written to the pixels that lie in the image.
///
/// # Safety
/// The processor has `S`; `from` points at the tile's first channel in plane 0, planes `stride`
/// apart; `out` holds the tile's sample, as does `add` unless it is null; `width` is whole vectors.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(super) unsafe fn output_tile<S: Simd, const TALL: bool, const WIDE: bool>(
    from: *const f32,
    stride: usize,
    tiles: Tiles,
    t: Tile,
    width: usize,
    bias: &[f32],
    (out, add): (*mut f32, *const f32),
) {
    let (rows, columns) = t.size();
    let (rows, columns) = (rows.min(tiles.h - t.y), columns.min(tiles.w - t.x));
    for c in (0..width).step_by(S::LANES) {
        // SAFETY: the caller's promise; only pixels of the image are written.
        unsafe {
            let mut half = [[S::splat(0.0); IN]; OUT];
            for j in (0..IN).filter(|&j| WIDE || j != FOURS_ONLY) {
                let mut m = [S::splat(0.0); IN];
                for (i, m) in m.iter_mut().enumerate().filter(|&(i, _)| TALL || i != FOURS_ONLY) {
                    *m = S::load(from.add((i * IN + j) * stride + c));
                }
                for (half, v) in half.iter_mut().zip(output::<S, TALL>(m)) {
                    half[j] = v;
                }
            }
            let bias = if bias.is_empty() { S::splat(0.0) } else { S::load(bias.as_ptr().add(c)) };
            let first = ((t.sample * tiles.h + t.y) * tiles.w + t.x) * width + c;
            for (i, row) in half.into_iter().enumerate() {
                let y = output::<S, WIDE>(row);
                if i < rows {
                    for (j, y) in y.into_iter().enumerate() {
                        if j < columns {
                            let at = first + (i * tiles.w + j) * width;
                            let y = S::add(y, bias);
                            let y = if add.is_null() { y } else { S::add(y, S::load(add.add(at))) };
                            S::store(out.add(at), y);
                        }
                    }
                }
            }
        }
    }
}
