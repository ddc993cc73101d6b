//! The weights' gradient: for each tap the product of the output's gradient, transposed, and the input moved by the tap.
//!
//! Both factors run over positions. The left one has its channels as rows; the right one has pairs of neighbouring positions,
//! and for 3×3 is there twice, from the first and from the second position on, so that a pair begins at every tap.

use super::positions::{Positions, ZERO};
use super::transposed::transpose;
use super::{Geometry, fits};
use crate::kernels::buffers::Scratch;
use crate::kernels::conv::groups::{groups, samples_at_once};
use crate::kernels::simd::{COLUMNS, DEPTH, Isa, PairSimd, ROWS, TileIsa, TileKernel, Tiles};

/// A weight gradient that is being summed: `[k, k, c_out, c_in]`.
pub(crate) struct WeightSum {
    isa: TileIsa,
    positions: Positions,
    /// The pixel at each position of a group of samples.
    pixels: Vec<u32>,
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
        let positions = Positions::new(g);
        let pixels = positions.pixels(positions.span(samples_at_once(g.h * g.w).min(g.n)));
        Self { isa, positions, pixels, c_in: g.c_in, c_out: g.c_out, sum: vec![0.0; g.weights_len()] }
    }

    /// Adds whole samples `x` `[n, H, W, c_in]`, `dy` `[n, H, W, c_out]`.
    pub fn add(&mut self, x: &[f32], dy: &[f32]) {
        let Self { isa, positions, c_in, c_out, .. } = *self;
        let pixels = positions.h * positions.w;
        let n = x.len() / (pixels * c_in);
        assert_eq!((x.len(), dy.len()), (n * pixels * c_in, n * pixels * c_out));
        assert!(c_in.is_multiple_of(COLUMNS) && c_out.is_multiple_of(ROWS));
        assert_eq!(self.sum.len(), positions.k * positions.k * c_in * c_out);
        for group in groups(0..n, samples_at_once(pixels)) {
            let at = |c: usize| group.start * pixels * c..group.end * pixels * c;
            let (x, dy, pixels) = (&x[at(c_in)], &dy[at(c_out)], &self.pixels[..positions.span(group.len())]);
            // SAFETY: whole samples on both sides, whole tiles of channels.
            unsafe { isa.run(Share { positions, pixels, x, dy, c_in, c_out, sum: &mut self.sum }) };
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.sum.iter_mut().zip(&other.sum).for_each(|(a, b)| *a += b);
    }

    /// `[k, k, c_in, c_out]`.
    pub fn finish(self) -> Vec<f32> {
        let Self { isa, c_in, c_out, sum, .. } = self;
        let mut out = vec![0.0; sum.len()];
        for (from, to) in sum.chunks_exact(c_in * c_out).zip(out.chunks_exact_mut(c_in * c_out)) {
            transpose(isa, from, c_out, c_in, to);
        }
        out
    }
}

/// Some samples, added to `sum` `[k, k, c_out, c_in]`; channels are multiples of 16.
struct Share<'a> {
    positions: Positions,
    /// The pixel at each position from the first to the last.
    pixels: &'a [u32],
    x: &'a [f32],
    dy: &'a [f32],
    c_in: usize,
    c_out: usize,
    sum: &'a mut [f32],
}

/// Steps of 32 positions for which both factors stay in the first cache.
const STEPS: usize = 8;

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl TileKernel for Share<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd, T: Tiles>(self) {
        let Self { positions, pixels, x, dy, c_in, c_out, sum } = self;
        let k = positions.k;
        // Whole steps, which are whole blocks of a transposition.
        let span = pixels.len().next_multiple_of(DEPTH);
        // Channels an odd number of cache lines apart, so that sixteen of them don't meet in one set of the cache.
        let channel = (span / 2) | COLUMNS;
        let mut left = Scratch::new(c_out * channel);
        // The last tap reads this far.
        let count = (span + positions.tap(k - 1, k - 1)) / 2 + 1;
        let copies = if k == 1 { 1 } else { 2 };
        let mut pairs = Scratch::new(copies * count * c_in);
        let zeros = Scratch::zeroed(c_in.max(c_out));
        let zeros = zeros.as_ptr();
        // SAFETY: there is room for `span` positions of each channel, and for `count` pairs of each copy.
        unsafe {
            let dy = Pixels { numbers: dy.as_ptr(), channels: c_out, pixels, zeros, before: 0 };
            by_channels::<S>(dy, span, left.as_mut_ptr(), channel);
            let x = Pixels { numbers: x.as_ptr(), channels: c_in, pixels, zeros, before: positions.first };
            for copy in 0..copies {
                pair::<S>(x, copy, count, pairs.as_mut_ptr().add(copy * count * c_in));
            }
        }
        // Sixteen channels of the input at one tap: where their pairs begin, and their columns of the sum.
        let blocks = c_in / COLUMNS;
        let tile = |i: usize| {
            let (tap, c) = (i / blocks, i % blocks * COLUMNS);
            let moved = positions.tap(tap / k, tap % k);
            ((moved % 2 * count + moved / 2) * c_in + c, tap * c_out * c_in + c)
        };
        let tiles = k * k * blocks;
        for from in (0..span / DEPTH).step_by(STEPS) {
            let steps = (span / DEPTH - from).min(STEPS);
            for row in (0..c_out).step_by(2 * ROWS) {
                let two = c_out - row > ROWS;
                let rows = left.as_ptr().wrapping_add(row * channel + from * DEPTH / 2).cast();
                for i in (0..tiles).step_by(2) {
                    let pair = [tile(i), tile((i + 1).min(tiles - 1))];
                    let block = Block {
                        left: rows,
                        left_row: 4 * channel,
                        right: pair.map(|(at, _)| pairs.as_ptr().wrapping_add(at + from * DEPTH / 2 * c_in).cast()),
                        right_row: 4 * c_in,
                        out: pair.map(|(_, at)| sum.as_mut_ptr().wrapping_add(at + row * c_in)),
                        steps,
                    };
                    // SAFETY: the rows lie in `left`, the pairs in `pairs`, the sums in `sum`.
                    unsafe {
                        match (two, i + 1 < tiles) {
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
    /// The input by pairs of positions, at two taps or from two channels on, and the bytes from pair to pair.
    right: [*const u8; 2],
    right_row: usize,
    /// The sums of both, whose rows lie as the pairs do.
    out: [*mut f32; 2],
    steps: usize,
}

impl Block {
    /// Adds the products of 16·M rows and N tiles of columns.
    ///
    /// # Safety
    /// Inside a [`TileKernel::run`] of `T`; the rows and columns are there.
    #[inline(always)]
    unsafe fn run<T: Tiles, const M: usize, const N: usize>(self) {
        let Self { mut left, left_row, mut right, right_row, out, steps } = self;
        // SAFETY: the caller's promise.
        unsafe {
            let below = |out: *mut f32| out.cast::<u8>().add(ROWS * right_row).cast::<f32>();
            T::load::<0>(out[0].cast(), right_row);
            if N == 2 {
                T::load::<1>(out[1].cast(), right_row);
            }
            if M == 2 {
                T::load::<2>(below(out[0]).cast(), right_row);
                if N == 2 {
                    T::load::<3>(below(out[1]).cast(), right_row);
                }
            }
            for _ in 0..steps {
                T::load::<4>(left, left_row);
                T::load::<6>(right[0], right_row);
                T::multiply::<0, 4, 6>();
                if N == 2 {
                    T::load::<7>(right[1], right_row);
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
                right = right.map(|right| right.add(DEPTH / 2 * right_row));
            }
            T::store::<0>(out[0], right_row);
            if N == 2 {
                T::store::<1>(out[1], right_row);
            }
            if M == 2 {
                T::store::<2>(below(out[0]), right_row);
                if N == 2 {
                    T::store::<3>(below(out[1]), right_row);
                }
            }
        }
    }
}

/// Pixels by position.
#[derive(Clone, Copy)]
struct Pixels<'a> {
    /// Whole pixels of `channels` numbers, whole vectors.
    numbers: *const f32,
    channels: usize,
    /// Which pixel is where, from position `before` on; zeros before and behind.
    pixels: &'a [u32],
    before: usize,
    /// As many as there are channels.
    zeros: *const f32,
}

impl Pixels<'_> {
    #[inline(always)]
    fn at(&self, position: usize) -> *const f32 {
        match self.pixels.get(position.wrapping_sub(self.before)) {
            Some(&pixel) if pixel != ZERO => self.numbers.wrapping_add(pixel as usize * self.channels),
            _ => self.zeros,
        }
    }
}

/// Vectors in a block of the transposition, at most.
const MOST_LANES: usize = 16;

/// The first `span` positions by channels: pairs of neighbours, `channel` words from row to row.
///
/// # Safety
/// The processor has `S`; `span` is whole blocks of two vectors, and `to` has a row of them for each channel.
#[inline(always)]
unsafe fn by_channels<S: PairSimd>(of: Pixels, span: usize, to: *mut f32, channel: usize) {
    let mut block = [0f32; MOST_LANES * MOST_LANES];
    let mut places = [of.zeros; 2 * MOST_LANES];
    for start in (0..span).step_by(2 * S::LANES) {
        for (i, place) in places[..2 * S::LANES].iter_mut().enumerate() {
            *place = of.at(start + i);
        }
        for v in (0..of.channels).step_by(S::LANES) {
            // SAFETY: the pixels have all channels; the rows have room for the block.
            unsafe {
                for i in 0..S::LANES {
                    let (even, odd) = (places[2 * i].add(v), places[2 * i + 1].add(v));
                    S::store(block.as_mut_ptr().add(i * S::LANES), S::pair(S::load(even), S::load(odd)));
                }
                S::transpose(block.as_ptr(), S::LANES, to.add(v * channel + start / 2), channel);
            }
        }
    }
}

/// `count` pairs of neighbours from position `first` on: `[count, channels]`.
///
/// # Safety
/// As of [`by_channels`].
#[inline(always)]
unsafe fn pair<S: PairSimd>(of: Pixels, first: usize, count: usize, to: *mut f32) {
    for pair in 0..count {
        let (even, odd) = (of.at(first + 2 * pair), of.at(first + 2 * pair + 1));
        for v in (0..of.channels).step_by(S::LANES) {
            // SAFETY: the pixels have all channels.
            unsafe { S::store(to.add(pair * of.channels + v), S::pair(S::load(even.add(v)), S::load(odd.add(v)))) };
        }
    }
}
