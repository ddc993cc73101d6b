//! The weights' gradient: for each tap the product of the output's gradient, transposed, and the input moved by the tap.
//!
//! Both factors run over positions. The left one has its channels as rows; the right one has pairs of neighbouring positions,
//! sixteen channels apart from the next sixteen, and for 3×3 is there twice, from the first and from the second position on,
//! so that a pair begins at every tap.
//!
//! A tile of the right factor and one of the sum are a kilobyte in one piece: rows that lie a power of two apart would meet in a few sets of
//! the cache. Two tiles of the right factor stay in the first cache while all rows of the left one go by.

use super::layout::Layout;
use super::paired::{Pixels, by_channels, pair};
use super::positions::Positions;
use super::{Geometry, fits};
use crate::kernels::buffers::Scratch;
use crate::kernels::conv::groups::{groups, samples_at_once};
use crate::kernels::factor::Factor;
use crate::kernels::simd::{COLUMNS, DEPTH, Isa, PairKernel, PairSimd, ROW_BYTES, ROWS, TileIsa, TileKernel, Tiles};

/// A weight gradient that is being summed, in tiles of 16 output channels by 16 input channels: `[c_in / 16, c_out / 16, k, k]`
/// of them.
pub(crate) struct WeightSum {
    isa: TileIsa,
    /// Pixels of a sample of the input.
    pixels: usize,
    layout: Layout,
    /// Where each tap lies: its plane and how far behind a result's position.
    taps: Vec<(usize, usize)>,
    /// The pixel at each position of a group of samples: of the output, and of the input on each plane.
    output: Vec<u32>,
    input: Vec<Vec<u32>>,
    c_in: usize,
    c_out: usize,
    sum: Vec<f32>,
}

impl WeightSum {
    /// `None` where it isn't for tiles.
    pub fn new(isa: Isa, g: &Geometry) -> Option<Self> {
        Some(Self::on(fits(g, isa)?, g))
    }

    pub(super) fn on(isa: TileIsa, g: &Geometry) -> Self {
        let (layout, pixels) = (Layout::forward(g), g.h * g.w);
        let results = &layout.results[0];
        let mut taps = vec![(0, 0); g.k * g.k];
        for reach in &results.reaches {
            reach.taps.iter().enumerate().for_each(|(i, &tap)| taps[tap] = (reach.plane, reach.offset + i));
        }
        let most = samples_at_once(pixels).min(g.n);
        let places = |positions: &Positions| positions.pixels(positions.span(most));
        let (output, input) = (places(&results.positions), layout.planes.iter().map(places).collect());
        let sum = vec![0.0; g.weights_len()];
        Self { isa, pixels, layout, taps, output, input, c_in: g.c_in, c_out: g.c_out, sum }
    }

    /// Adds whole samples `x` `[n, H, W, c_in]`, `dy` `[n, H', W', c_out]`.
    pub fn add(&mut self, x: Factor, dy: Factor) {
        let Self { isa, pixels, c_in, c_out, ref layout, ref taps, .. } = *self;
        let positions = &layout.results[0].positions;
        let out_pixels = positions.h * positions.w;
        let n = x.pixels() / pixels;
        assert_eq!((x.pixels(), x.channels()), (n * pixels, c_in));
        assert_eq!((dy.pixels(), dy.channels()), (n * out_pixels, c_out));
        assert!(c_in.is_multiple_of(COLUMNS) && c_out.is_multiple_of(ROWS));
        assert_eq!(self.sum.len(), taps.len() * c_in * c_out);
        for group in groups(0..n, samples_at_once(pixels)) {
            let (n, at) = (group.len(), |len: usize| group.start * len..group.end * len);
            let left = Pixels { of: dy.narrow(at(out_pixels)), pixels: &self.output[..positions.span(n)], before: 0 };
            let plane = |(positions, pixels): (&Positions, &'_ Vec<u32>)| positions.span(n).min(pixels.len());
            let spans: Vec<usize> = layout.planes.iter().zip(&self.input).map(plane).collect();
            let x = x.narrow(at(pixels));
            let right: Vec<Pixels> = (self.input.iter().zip(spans))
                .map(|(pixels, span)| Pixels { of: x, pixels: &pixels[..span], before: layout.first })
                .collect();
            // SAFETY: whole samples on both sides, whole tiles of channels.
            unsafe { isa.run(Share { left, right: &right, taps, sum: &mut self.sum }) };
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.sum.iter_mut().zip(&other.sum).for_each(|(a, b)| *a += b);
    }

    /// `[k, k, c_in, c_out]`.
    pub fn finish(self) -> Vec<f32> {
        let Self { isa, taps, c_in, c_out, sum, .. } = self;
        let mut out = vec![0.0; sum.len()];
        assert_eq!(sum.len(), taps.len() * c_in * c_out);
        // SAFETY: the lengths are what `Untile` wants.
        unsafe { isa.run_pairs(Untile { tiles: &sum, taps: taps.len(), c_in, c_out, out: &mut out }) };
        out
    }
}

/// Tiles `[c_in / 16, c_out / 16, taps]` of 16 output channels by 16 input channels to `[taps, c_in, c_out]`.
struct Untile<'a> {
    tiles: &'a [f32],
    taps: usize,
    c_in: usize,
    c_out: usize,
    out: &'a mut [f32],
}

// SAFETY: `run` may be called when the lengths are those that the fields tell, the channels multiples of 16.
impl PairKernel for Untile<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Self { tiles, taps, c_in, c_out, out } = self;
        let (mut tile, out) = (tiles.as_ptr(), out.as_mut_ptr());
        for c in (0..c_in).step_by(COLUMNS) {
            for row in (0..c_out).step_by(ROWS) {
                for tap in 0..taps {
                    let to = out.wrapping_add((tap * c_in + c) * c_out + row);
                    for i in (0..ROWS).step_by(S::LANES) {
                        for j in (0..COLUMNS).step_by(S::LANES) {
                            // SAFETY: a tile and its place in the matrix have all of these.
                            unsafe { S::transpose(tile.add(i * COLUMNS + j), COLUMNS, to.add(j * c_out + i), c_out) };
                        }
                    }
                    tile = tile.wrapping_add(TILE);
                }
            }
        }
    }
}

/// Some samples, added to `sum`, which lies as that of a [`WeightSum`]; channels are multiples of 16.
struct Share<'a> {
    /// The output's gradient.
    left: Pixels<'a>,
    /// The input, on each plane, and where the taps lie.
    right: &'a [Pixels<'a>],
    taps: &'a [(usize, usize)],
    sum: &'a mut [f32],
}

/// Steps of 32 positions for which two tiles of the right factor stay in the first cache.
const STEPS: usize = 16;
/// Numbers of a tile.
const TILE: usize = ROWS * COLUMNS;

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl TileKernel for Share<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd, T: Tiles>(self) {
        let Self { left: dy, right: planes, taps, sum } = self;
        let (c_in, c_out) = (planes[0].of.channels(), dy.of.channels());
        // Whole steps, which are whole blocks of a transposition.
        let span = dy.pixels.len().next_multiple_of(DEPTH);
        // Channels an odd number of cache lines apart, so that sixteen of them don't meet in one set of the cache.
        let channel = (span / 2) | COLUMNS;
        let mut left = Scratch::new(c_out * channel);
        // The last tap reads this far.
        let farthest = taps.iter().map(|(_, offset)| *offset).max().unwrap_or(0);
        let count = (span + farthest) / 2 + 1;
        let copies = if farthest == 0 { 1 } else { 2 };
        let mut pairs = Scratch::new(planes.len() * copies * count * c_in);
        // SAFETY: there is room for `span` positions of each channel, and for `count` pairs of each copy of each plane.
        unsafe {
            match dy.of {
                Factor::Numbers(numbers) => by_channels::<S, _>(numbers, dy, span, left.as_mut_ptr(), channel),
                Factor::Rounded(rounded) => by_channels::<S, _>(rounded, dy, span, left.as_mut_ptr(), channel),
            }
            for (i, &plane) in planes.iter().enumerate() {
                let to = pairs.as_mut_ptr().add(i * copies * count * COLUMNS);
                let column = planes.len() * copies * count;
                match (plane.of, copies) {
                    (Factor::Numbers(numbers), 1) => pair::<S, _, 1>(numbers, plane, count, to, column),
                    (Factor::Numbers(numbers), _) => pair::<S, _, 2>(numbers, plane, count, to, column),
                    (Factor::Rounded(rounded), 1) => pair::<S, _, 1>(rounded, plane, count, to, column),
                    (Factor::Rounded(rounded), _) => pair::<S, _, 2>(rounded, plane, count, to, column),
                }
            }
        }
        // Sixteen channels of the input at one tap: where their pairs begin, and their columns of the sum.
        let (blocks, places) = (c_in / COLUMNS, taps);
        let taps = places.len();
        let tile = |c: usize, tap: usize| {
            let (plane, moved) = places[tap];
            let pair = ((c * planes.len() + plane) * copies + moved % 2) * count + moved / 2;
            (pair * COLUMNS, (c * (c_out / ROWS) * taps + tap) * TILE)
        };
        // Two of them at a time: 32 channels at one tap, or two taps where sixteen channels are left.
        let products = (0..blocks).step_by(2).flat_map(|c| {
            let alone = c + 1 == blocks;
            (0..taps).step_by(if alone { 2 } else { 1 }).map(move |tap| {
                let second = if alone { (c, tap + 1) } else { (c + 1, tap) };
                ((c, tap), (second.1 < taps).then_some(second))
            })
        });
        for from in (0..span / DEPTH).step_by(STEPS) {
            let steps = (span / DEPTH - from).min(STEPS);
            let rows = |row: usize| left.as_ptr().wrapping_add(row * channel + from * DEPTH / 2).cast();
            let right = |at: usize| pairs.as_ptr().wrapping_add(at + from * DEPTH / 2 * COLUMNS).cast();
            for (first, second) in products.clone() {
                let both = [first, second.unwrap_or(first)].map(|(c, tap)| tile(c, tap));
                for row in (0..c_out).step_by(2 * ROWS) {
                    let block = Block {
                        left: rows(row),
                        left_row: 4 * channel,
                        right: both.map(|(at, _)| right(at)),
                        out: both.map(|(_, at)| sum.as_mut_ptr().wrapping_add(at + row / ROWS * taps * TILE)),
                        below: taps * TILE,
                        steps,
                    };
                    // SAFETY: the rows lie in `left`, the pairs in `pairs`, the sums in `sum`.
                    unsafe {
                        match (c_out - row > ROWS, second.is_some()) {
                            (true, true) => block.run::<T, 2, 2>(),
                            (true, false) => block.run::<T, 2, 1>(),
                            (false, true) => block.run::<T, 1, 2>(),
                            (false, false) => block.run::<T, 1, 1>(),
                        }
                    }
                }
            }
        }
    }
}

/// Sums over some positions.
struct Block {
    /// The output's gradient by channels, and the bytes from channel to channel.
    left: *const u8,
    left_row: usize,
    /// The input by pairs of positions, at two taps or from two channels on.
    right: [*const u8; 2],
    /// The tiles of both sums, and the numbers from each to that of the next sixteen rows.
    out: [*mut f32; 2],
    below: usize,
    steps: usize,
}

impl Block {
    /// Adds the products of 16·M rows and N tiles of columns.
    ///
    /// # Safety
    /// Inside a [`TileKernel::run`] of `T`; the rows and columns are there.
    #[inline(always)]
    unsafe fn run<T: Tiles, const M: usize, const N: usize>(self) {
        let Self { mut left, left_row, mut right, out, below, steps } = self;
        // SAFETY: the caller's promise.
        unsafe {
            T::load::<0>(out[0].cast(), ROW_BYTES);
            if N == 2 {
                T::load::<1>(out[1].cast(), ROW_BYTES);
            }
            if M == 2 {
                T::load::<2>(out[0].add(below).cast(), ROW_BYTES);
                if N == 2 {
                    T::load::<3>(out[1].add(below).cast(), ROW_BYTES);
                }
            }
            for _ in 0..steps {
                T::load::<4>(left, left_row);
                T::load::<6>(right[0], ROW_BYTES);
                T::multiply::<0, 4, 6>();
                if N == 2 {
                    T::load::<7>(right[1], ROW_BYTES);
                    T::multiply::<1, 4, 7>();
                }
                if M == 2 {
                    T::load::<5>(left.add(ROWS * left_row), left_row);
                    T::multiply::<2, 5, 6>();
                    if N == 2 {
                        T::multiply::<3, 5, 7>();
                    }
                }
                left = left.add(2 * DEPTH);
                right = right.map(|right| right.add(ROWS * ROW_BYTES));
            }
            T::store::<0>(out[0], ROW_BYTES);
            if N == 2 {
                T::store::<1>(out[1], ROW_BYTES);
            }
            if M == 2 {
                T::store::<2>(out[0].add(below), ROW_BYTES);
                if N == 2 {
                    T::store::<3>(out[1].add(below), ROW_BYTES);
                }
            }
        }
    }
}
