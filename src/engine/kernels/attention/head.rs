//! One head's products on tiles, 16 queries in the columns.

use std::ops::Range;

use super::operands::{Sizes, turn};
use crate::kernels::buffers::Scratch;
use crate::kernels::simd::{COLUMNS, DEPTH, PairSimd, ROW_BYTES, ROWS, Tiles};

/// Words of a tile.
pub(super) const TILE: usize = ROWS * COLUMNS;

/// Which channels are the head's. Its tiles may have channels of other heads too: as left factors of scores they meet zeros,
/// and of results they are left out.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub sizes: Sizes,
    /// The first channel, and how many, an even number.
    from: usize,
    pub d: usize,
}

impl Head {
    pub fn new(sizes: Sizes, d: usize, i: usize) -> Self {
        assert!(d > 0 && d.is_multiple_of(2) && (i + 1) * d <= sizes.channels);
        Self { sizes, from: i * d, d }
    }

    /// The tiles of 16 words that hold the head.
    fn word_tiles(&self) -> Range<usize> {
        self.from / 2 / ROWS..((self.from + self.d) / 2).div_ceil(ROWS)
    }

    /// The tiles of 16 channels that hold the head.
    pub fn channel_tiles(&self) -> Range<usize> {
        self.from / COLUMNS..(self.from + self.d).div_ceil(COLUMNS)
    }

    /// Words of what [`Self::alone`] makes.
    pub fn alone_words(&self) -> usize {
        self.word_tiles().len() * TILE
    }

    /// The head's tiles of 16 queries from `query` on, from columns; `to` has zeros wherever other heads are.
    ///
    /// # Safety
    /// The processor has `S`; the queries are there.
    #[inline(always)]
    pub unsafe fn alone<S: PairSimd>(&self, columns: &[f32], query: usize, to: &mut [f32]) {
        let padded = self.sizes.padded;
        assert!(
            columns.len() == self.sizes.words * padded && query + COLUMNS <= padded && to.len() == self.alone_words()
        );
        let start = self.word_tiles().start * ROWS;
        for word in self.from / 2..(self.from + self.d) / 2 {
            for l in (0..COLUMNS).step_by(S::LANES) {
                // SAFETY: a row of the tile, and of the columns.
                unsafe {
                    let v = S::load(columns.as_ptr().add(word * padded + query + l));
                    S::store(to.as_mut_ptr().add((word - start) * COLUMNS + l), v);
                }
            }
        }
    }

    /// out[k][q] = Σ_c rows[k][c] · alone[c][q]: `[padded, 16]`.
    ///
    /// # Safety
    /// Inside a [`crate::kernels::simd::TileKernel::run`] of `T`.
    #[inline(always)]
    pub unsafe fn scores<T: Tiles>(&self, rows: &[f32], alone: &[f32], out: &mut [f32]) {
        let Sizes { padded, words, .. } = self.sizes;
        assert!(rows.len() == padded * words && alone.len() == self.alone_words() && out.len() == padded * COLUMNS);
        for key in (0..padded).step_by(DEPTH) {
            // SAFETY: 32 keys, whole tiles of words.
            unsafe {
                T::zero::<0>();
                T::zero::<1>();
                for (i, tile) in self.word_tiles().enumerate() {
                    let left = rows.as_ptr().add(key * words + tile * ROWS);
                    T::load::<6>(alone.as_ptr().add(i * TILE).cast(), ROW_BYTES);
                    T::load::<4>(left.cast(), 4 * words);
                    T::multiply::<0, 4, 6>();
                    T::load::<5>(left.add(ROWS * words).cast(), 4 * words);
                    T::multiply::<1, 5, 6>();
                }
                T::store::<0>(out.as_mut_ptr().add(key * COLUMNS), ROW_BYTES);
                T::store::<1>(out.as_mut_ptr().add((key + ROWS) * COLUMNS), ROW_BYTES);
            }
        }
    }

    /// For 16 queries from `query` on: out[q][c] = share[q] · Σ_k channels[c][k] · weights[k][q], `weights` in pairs of keys,
    /// `[padded / 2, 16]`, and `out` a sample.
    ///
    /// # Safety
    /// Inside a [`crate::kernels::simd::TileKernel::run`] of `S` and `T`; `out` has all positions.
    #[inline(always)]
    pub unsafe fn over_keys<S: PairSimd, T: Tiles>(
        &self,
        channels: &[f32],
        weights: &[f32],
        share: &[f32; COLUMNS],
        query: usize,
        out: *mut f32,
    ) {
        let pairs = self.sizes.padded / 2;
        assert!(channels.len() == self.sizes.columns * pairs && weights.len() == pairs * COLUMNS);
        let (mut sums, mut turned) = ([0.0; TILE], [0.0; TILE]);
        for tile in self.channel_tiles() {
            // SAFETY: 16 channels, whole tiles of keys; the tile of sums has as many rows and columns.
            unsafe {
                T::zero::<2>();
                for pair in (0..pairs).step_by(ROWS) {
                    T::load::<4>(channels.as_ptr().add(tile * ROWS * pairs + pair).cast(), 4 * pairs);
                    T::load::<6>(weights.as_ptr().add(pair * COLUMNS).cast(), ROW_BYTES);
                    T::multiply::<2, 4, 6>();
                }
                T::store::<2>(sums.as_mut_ptr(), ROW_BYTES);
                for row in (0..TILE).step_by(COLUMNS) {
                    for l in (0..COLUMNS).step_by(S::LANES) {
                        let at = sums.as_mut_ptr().add(row + l);
                        S::store(at, S::mul(S::load(at), S::load(share.as_ptr().add(l))));
                    }
                }
                turn::<S>(sums.as_ptr(), COLUMNS, turned.as_mut_ptr(), COLUMNS);
                self.write::<S>(&turned, COLUMNS, tile, query, out);
            }
        }
    }

    /// sums[k][c] += Σ_q rows[k][q] · pairs[q][c] over 32 queries from `query` on, `rows` `[padded, 16]` words, `sums`
    /// `[padded, 16 · tiles]`; without `more`, the sums begin here.
    ///
    /// # Safety
    /// Inside a [`crate::kernels::simd::TileKernel::run`] of `T`; the queries are there.
    #[inline(always)]
    pub unsafe fn over_queries<T: Tiles>(
        &self,
        rows: &[f32],
        pairs: &[f32],
        query: usize,
        more: bool,
        sums: &mut [f32],
    ) {
        let Sizes { padded, columns, .. } = self.sizes;
        let tiles = self.channel_tiles();
        let row = tiles.len() * COLUMNS;
        assert!(rows.len() == padded * COLUMNS && pairs.len() == padded / 2 * columns && query + DEPTH <= padded);
        assert_eq!(sums.len(), padded * row);
        for (i, tile) in tiles.enumerate() {
            // SAFETY: 32 queries, 16 channels, 32 keys at a time.
            unsafe {
                T::load::<6>(pairs.as_ptr().add(query / 2 * columns + tile * COLUMNS).cast(), 4 * columns);
                for key in (0..padded).step_by(2 * ROWS) {
                    let to = sums.as_mut_ptr().add(key * row + i * COLUMNS);
                    let below = to.add(ROWS * row);
                    if more {
                        T::load::<0>(to.cast(), 4 * row);
                        T::load::<1>(below.cast(), 4 * row);
                    } else {
                        T::zero::<0>();
                        T::zero::<1>();
                    }
                    T::load::<4>(rows.as_ptr().add(key * COLUMNS).cast(), ROW_BYTES);
                    T::multiply::<0, 4, 6>();
                    T::load::<5>(rows.as_ptr().add((key + ROWS) * COLUMNS).cast(), ROW_BYTES);
                    T::multiply::<1, 5, 6>();
                    T::store::<0>(to, 4 * row);
                    T::store::<1>(below, 4 * row);
                }
            }
        }
    }

    /// Writes the sums of [`Self::over_queries`] to a sample.
    ///
    /// # Safety
    /// The processor has `S`; `out` has all positions.
    #[inline(always)]
    pub unsafe fn write_all<S: PairSimd>(&self, sums: &Scratch, out: *mut f32) {
        let tiles = self.channel_tiles();
        let row = tiles.len() * COLUMNS;
        assert_eq!(sums.len(), self.sizes.padded * row);
        for (i, tile) in tiles.enumerate() {
            for p in (0..self.sizes.positions).step_by(ROWS) {
                // SAFETY: 16 rows from p on.
                unsafe { self.write::<S>(&sums[p * row + i * COLUMNS..], row, tile, p, out) };
            }
        }
    }

    /// Writes the head's channels of a tile of channels to 16 positions from `start` on, as far as they are there.
    ///
    /// # Safety
    /// The processor has `S`; `out` has all positions; `from` has 16 numbers in each row.
    #[inline(always)]
    unsafe fn write<S: PairSimd>(&self, from: &[f32], row: usize, tile: usize, start: usize, out: *mut f32) {
        let first = tile * COLUMNS;
        let mine = self.from.max(first)..(self.from + self.d).min(first + COLUMNS);
        for p in 0..ROWS.min(self.sizes.positions - start) {
            let mut c = mine.start;
            while c < mine.end {
                // SAFETY: the head's channels, inside the tile and the position.
                unsafe {
                    let at = from.as_ptr().add(p * row + c - first);
                    let to = out.add((start + p) * self.sizes.channels + c);
                    match mine.end - c {
                        left if left >= S::LANES => S::store(to, S::load(at)),
                        left => S::store_first(to, S::load_first(at, left), left),
                    }
                }
                c += S::LANES;
            }
        }
    }
}
