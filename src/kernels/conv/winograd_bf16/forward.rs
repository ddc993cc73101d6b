//! Forward pass, and the data gradient with turned weights.

use super::transforms::{Image, output, transformed_input};
use super::{IN, OUT, PLANES, Tiles};
use crate::kernels::buffers::{Scratch, filled_shares};
use crate::kernels::conv::geometry::Geometry;
use crate::kernels::conv::panels::Panels;
use crate::kernels::conv::prepared::{Add, Out};
use crate::kernels::conv::tiles::Tile;
use crate::kernels::conv::winograd::plane_stride;
use crate::kernels::simd::{PairIsa, PairKernel, PairSimd, Pairs, Simd};
use crate::kernels::tile::{Product, Tap, product};

/// The output `[N, H, W, width]` from `source` `[N, H, W, depth]`, with transformed weights; `bias`
/// is nothing, one row for all samples, or a row for each.
pub(in crate::kernels::conv) fn forward(
    isa: PairIsa,
    g: &Geometry,
    (depth, width): (usize, usize),
    source: &[f32],
    weights: &Panels,
    bias: &[f32],
) -> Vec<f32> {
    let pixels = g.h * g.w;
    assert_eq!(source.len(), g.n * pixels * depth);
    assert!(bias.is_empty() || bias.len() == width || bias.len() == g.n * width);
    let bias_sample = if bias.len() > width { width } else { 0 };
    // SAFETY: the tiles cover every pixel of every sample, and the panels every channel.
    unsafe {
        filled_shares(g.n, pixels * width, |samples, out| {
            let source = &source[samples.start * pixels * depth..samples.end * pixels * depth];
            let bias = &bias[samples.start * bias_sample..];
            let out = Out::new(out, Add::Nothing);
            isa.run(Share { tiles: Tiles::new(g), depth, width, source, weights, bias, bias_sample, out });
        })
    }
}

/// As [`forward`] on this thread, over as many samples as `source` has.
pub(in crate::kernels::conv) fn forward_into(
    isa: PairIsa,
    g: &Geometry,
    (depth, width): (usize, usize),
    source: &[f32],
    weights: &Panels,
    bias: &[f32],
    out: Out,
) {
    let pixels = g.h * g.w;
    let n = source.len() / (pixels * depth);
    assert_eq!((source.len(), out.numbers.len()), (n * pixels * depth, n * pixels * width));
    assert!(bias.is_empty() || bias.len() == width || bias.len() == n * width);
    let bias_sample = if bias.len() > width { width } else { 0 };
    // SAFETY: the lengths were checked; what is added is as long as the output.
    unsafe { isa.run(Share { tiles: Tiles::new(g), depth, width, source, weights, bias, bias_sample, out }) };
}

/// Consecutive samples.
struct Share<'a> {
    tiles: Tiles,
    depth: usize,
    width: usize,
    source: &'a [f32],
    weights: &'a Panels,
    bias: &'a [f32],
    /// Numbers from one sample's bias to the next's.
    bias_sample: usize,
    out: Out<'a>,
}

impl PairKernel for Share<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Self { tiles, depth, width, .. } = self;
        let all = self.source.len() / (tiles.h * tiles.w * depth) * tiles.in_sample();
        let block = block::<S>();
        let pairs = depth / 2;
        let (in_stride, out_stride) = (plane_stride(block * pairs), plane_stride(block * width));
        let mut planes = Scratch::new(PLANES * in_stride);
        let mut products = Scratch::new(PLANES * out_stride);
        let zeros = Scratch::zeroed(depth);
        let image = Image { pixels: self.source.as_ptr(), tiles, channels: depth, zeros: &zeros };
        let (out, add) = (self.out.numbers.as_mut_ptr().cast::<f32>(), self.out.add);
        let taps = [Tap { source: 0, weights: 0 }];
        for start in (0..all).step_by(block) {
            let count = block.min(all - start);
            for i in 0..count {
                let places = image.pixels::<IN, 1>(tiles.get(start + i));
                for c in (0..depth).step_by(S::LANES) {
                    // SAFETY: the planes have room for `block` tiles of depth / 2 pairs.
                    unsafe {
                        let v = transformed_input::<S>(&places, c);
                        let to = planes.as_mut_ptr().add(i * pairs + c / 2);
                        for (i, row) in v.iter().enumerate() {
                            for (j, &v) in row.iter().enumerate() {
                                S::store_rounded(to.add((i * IN + j) * in_stride), v);
                            }
                        }
                    }
                }
            }
            for plane in 0..PLANES {
                // The next block's pixels come to the second cache while the products run.
                let ahead = |part: usize| start + block + part * block / PLANES;
                for i in ahead(plane)..ahead(plane + 1).min(all) {
                    tiles.prefetch::<S>(self.source, tiles.get(i), depth);
                }
                for panel in self.weights.iter() {
                    // SAFETY: planes and products have `count` rows of depth / 2 pairs and width
                    // numbers; a panel has depth / 2 rows for each plane.
                    unsafe {
                        let a = Product {
                            source: planes.as_ptr().add(plane * in_stride),
                            source_pixel: pairs,
                            taps: &taps,
                            depth: pairs,
                            weights: panel.weights.add(plane * pairs * panel.row),
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
            for i in 0..count {
                let t = tiles.get(start + i);
                let bias = if self.bias.is_empty() { &[][..] } else { &self.bias[t.sample * self.bias_sample..] };
                // SAFETY: the tile lies in this share's samples.
                unsafe {
                    let from = products.as_ptr().add(i * width);
                    output_tile::<S>(from, out_stride, tiles, t, width, bias, (out, add));
                }
            }
        }
    }
}

/// Tiles at a time: their planes stay in the second cache, and there are enough of them to pay for
/// reading the weights. Whole register tiles of rows.
#[inline(always)]
fn block<S: Simd>() -> usize {
    const ABOUT: usize = 56;
    ABOUT / S::ROWS * S::ROWS
}

/// Aᵀ m A plus bias of one tile, written to the pixels that lie in the image.
///
/// # Safety
/// The processor has `S`; `from` points at the tile's first channel in plane 0, planes `stride`
/// apart; `out` holds the tile's sample, as does `add` unless it is null; `width` is whole vectors.
#[inline(always)]
unsafe fn output_tile<S: Simd>(
    from: *const f32,
    stride: usize,
    tiles: Tiles,
    t: Tile,
    width: usize,
    bias: &[f32],
    (out, add): (*mut f32, *const f32),
) {
    let (rows, columns) = (OUT.min(tiles.h - t.y), OUT.min(tiles.w - t.x));
    for c in (0..width).step_by(S::LANES) {
        // SAFETY: the caller's promise; only pixels of the image are written.
        unsafe {
            let mut half = [[S::splat(0.0); IN]; OUT];
            for j in 0..IN {
                let mut m = [S::splat(0.0); IN];
                for (i, m) in m.iter_mut().enumerate() {
                    *m = S::load(from.add((i * IN + j) * stride + c));
                }
                for (half, v) in half.iter_mut().zip(output::<S>(m)) {
                    half[j] = v;
                }
            }
            let bias = if bias.is_empty() { S::splat(0.0) } else { S::load(bias.as_ptr().add(c)) };
            let first = tiles.first_pixel(t) * width + c;
            for (i, row) in half.into_iter().enumerate() {
                let y = output::<S>(row);
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
