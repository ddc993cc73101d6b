//! Forward pass, and the data gradient with turned weights.

use super::rows::{Image, Rows};
use super::transforms::{Window, output};
use super::{IN, OUT, PLANES};
use crate::kernels::buffers::Scratch;
use crate::kernels::conv::samples::Samples;
use crate::kernels::conv::winograd::plane_stride;
use crate::kernels::simd::{PairIsa, PairKernel, PairSimd, Pairs, Simd};
use crate::kernels::tile::{Product, Tap, product};

/// Writes the output of `samples`, whose weights are transformed.
pub(in crate::kernels::conv) fn forward(isa: PairIsa, samples: Samples) {
    samples.check(isa.lanes(), PLANES, samples.depth / 2);
    // SAFETY: the sizes fit; the tiles cover every pixel of every sample, and the panels every channel.
    unsafe { isa.run(RowForward { rows: Rows::new(samples.g), samples }) };
}

/// Consecutive samples that [`Samples::check`] has passed, by rows of tiles.
struct RowForward<'a> {
    rows: Rows,
    samples: Samples<'a>,
}

// SAFETY: `run` may be called when the samples were checked for this instruction set.
impl PairKernel for RowForward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Self { rows, samples } = self;
        let Samples { depth, width, source, weights, bias: all_bias, bias_sample, out, .. } = samples;
        let all = source.len() / (rows.h * rows.w * depth) * rows.down;
        let block = rows.block(TILES);
        let (most, pairs) = (block * rows.across, depth / 2);
        let (in_stride, out_stride) = (plane_stride(most * pairs), plane_stride(most * width));
        let mut planes = Scratch::new(PLANES * in_stride);
        let mut products = Scratch::new(PLANES * out_stride);
        let zeros = Scratch::zeroed(rows.w * depth);
        let image = Image { pixels: source.as_ptr(), rows, channels: depth, zeros: &zeros };
        let (out, add) = (out.numbers.as_mut_ptr().cast::<f32>(), out.add);
        let taps = [Tap { source: 0, weights: 0 }];
        for start in (0..all).step_by(block) {
            let end = (start + block).min(all);
            let count = (end - start) * rows.across;
            for row in start..end {
                // SAFETY: the planes have room for `block` rows of tiles of depth / 2 pairs.
                unsafe {
                    let to = planes.as_mut_ptr().add((row - start) * rows.across * pairs);
                    S::run_pairs(InputRow { from: image.rows::<IN, 1>(row), image, to, stride: in_stride });
                }
            }
            for plane in 0..PLANES {
                // The next block's pixels, and the places of this one's, come to the second cache while
                // the products run.
                rows.prefetch::<S>(image.pixels, end..(end + block).min(all), depth, (plane, PLANES));
                rows.prefetch::<S>(out, start..end, width, (plane, PLANES));
                for panel in weights.iter() {
                    // SAFETY: planes and products have `count` rows of depth / 2 pairs and width
                    // numbers; a panel has depth / 2 rows for each plane.
                    unsafe {
                        let a = Product {
                            source: planes.as_ptr().add(plane * in_stride),
                            source_pixel: pairs,
                            taps: &taps,
                            depth: pairs,
                            weights: panel.weights.add(plane * panel.tap),
                            weights_row: panel.row,
                            bias: std::ptr::null(),
                            out: products.as_mut_ptr().add(plane * out_stride + panel.start),
                            out_pixel: width,
                            columns: panel.columns,
                        };
                        product::<Pairs<S>>(a, count, panel.vectors);
                    }
                }
            }
            for row in start..end {
                let (sample, y) = rows.place(row);
                let bias = if all_bias.is_empty() { &zeros[..0] } else { &all_bias[sample * bias_sample..] };
                // SAFETY: the row lies in this share's samples.
                unsafe {
                    S::run_pairs(OutputRow {
                        from: products.as_ptr().add((row - start) * rows.across * width),
                        stride: out_stride,
                        rows,
                        second: y + 1 < rows.h,
                        width,
                        bias,
                        out: out.add(rows.first_pixel(row) * width),
                        // Null stays null.
                        add: if add.is_null() { add } else { add.add(rows.first_pixel(row) * width) },
                    });
                }
            }
        }
    }
}

/// Tiles at a time, about: enough to pay for reading the weights, few enough for their planes to stay in
/// the second cache. (Measured: 28 to 56 are equally good, 112 a tenth slower.)
const TILES: usize = 28;

/// Bᵀ d B of a row of tiles, rounded: pair c of plane p goes to `to[p · stride + c]`, one tile's pairs
/// behind the other's.
struct InputRow<'a> {
    from: [*const f32; IN],
    image: Image<'a>,
    to: *mut f32,
    stride: usize,
}

// SAFETY: `run` may be called when `from` are rows of the image or of zeros, and the planes have room for the tiles.
impl PairKernel for InputRow<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Self { from, image, to, stride } = self;
        let (rows, channels) = (image.rows, image.channels);
        for c in (0..channels).step_by(S::LANES) {
            // SAFETY: the rows have w pixels, whole vectors of channels; the planes have room for a row
            // of tiles.
            unsafe {
                let mut at = from;
                for at in &mut at {
                    *at = at.add(c);
                }
                let mut to = [0, 1, 2, 3].map(|i| to.add(i * IN * stride + c / 2));
                let mut window = Window::<S>::new(at);
                for at in &mut at {
                    *at = at.add(channels);
                }
                for _ in 1..rows.across {
                    let tile = window.tile(at, channels);
                    store::<S>(tile, to, stride);
                    for at in &mut at {
                        *at = at.add(OUT * channels);
                    }
                    for to in &mut to {
                        *to = to.add(channels / 2);
                    }
                }
                store::<S>(window.last_tile(at, rows.even()), to, stride);
            }
        }
    }
}

/// Writes a tile, rounded, to the 16 planes.
///
/// # Safety
/// The processor has `S`; `to` are places in planes 0, 4, 8 and 12, `stride` apart.
#[inline(always)]
unsafe fn store<S: PairSimd>(tile: [[S::V; IN]; IN], to: [*mut f32; IN], stride: usize) {
    for i in 0..IN {
        #[allow(clippy::needless_range_loop, reason = "i and j number the plane")]
        for j in 0..IN {
            // SAFETY: the caller's promise.
            unsafe { S::store_rounded(to[i].add(j * stride), tile[i][j]) };
        }
    }
}

/// Aᵀ m A plus bias of a row of tiles, written to the pixels that lie in the image.
struct OutputRow<'a> {
    /// The row's first channel in plane 0; the planes are `stride` apart.
    from: *const f32,
    stride: usize,
    rows: Rows,
    /// Whether the second row of pixels lies in the image.
    second: bool,
    /// Whole vectors.
    width: usize,
    /// Nothing, or a number for each channel.
    bias: &'a [f32],
    out: *mut f32,
    /// What is added: null, or laid out as the output.
    add: *const f32,
}

// SAFETY: `run` may be called when `from` is a row of tiles in the 16 planes, and `out`, and `add` unless null, have its
// rows of pixels.
impl PairKernel for OutputRow<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Self { from, stride, rows, second, width, bias, out, add } = self;
        for c in (0..width).step_by(S::LANES) {
            // SAFETY: the planes have a row of tiles, the output its pixels.
            unsafe {
                let bias = if bias.is_empty() { S::splat(0.0) } else { S::load(bias.as_ptr().add(c)) };
                let mut from = [0, 1, 2, 3].map(|i| from.add(i * IN * stride + c));
                let mut out = out.add(c);
                let mut add = add.wrapping_add(if add.is_null() { 0 } else { c });
                // Where the second row does not exist, the first is written in its place, and then again.
                let below = if second { rows.w * width } else { 0 };
                for tile in 0..rows.across {
                    let mut half = [[S::splat(0.0); IN]; OUT];
                    #[allow(clippy::needless_range_loop, reason = "j numbers the plane")]
                    for j in 0..IN {
                        let m = [
                            S::load(from[0].add(j * stride)),
                            S::load(from[1].add(j * stride)),
                            S::load(from[2].add(j * stride)),
                            S::load(from[3].add(j * stride)),
                        ];
                        let [a, b] = output::<S>(m);
                        half[0][j] = a;
                        half[1][j] = b;
                    }
                    let (upper, lower) = (output::<S>(half[0]), output::<S>(half[1]));
                    let right = tile + 1 < rows.across || rows.even();
                    put::<S>(out, add, below, S::add(lower[0], bias));
                    if right {
                        put::<S>(out, add, below + width, S::add(lower[1], bias));
                    }
                    put::<S>(out, add, 0, S::add(upper[0], bias));
                    if right {
                        put::<S>(out, add, width, S::add(upper[1], bias));
                    }
                    if !add.is_null() {
                        add = add.wrapping_add(OUT * width);
                    }
                    out = out.wrapping_add(OUT * width);
                    for from in &mut from {
                        *from = from.add(width);
                    }
                }
            }
        }
    }
}

/// Writes x, plus what is to be added unless that is null, `at` numbers behind both.
///
/// # Safety
/// The processor has `S`; both pointers have a vector there.
#[inline(always)]
unsafe fn put<S: Simd>(out: *mut f32, add: *const f32, at: usize, x: S::V) {
    // SAFETY: the caller's promise.
    unsafe { S::store(out.add(at), if add.is_null() { x } else { S::add(x, S::load(add.add(at))) }) }
}
