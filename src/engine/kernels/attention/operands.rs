//! What tiles multiply: a sample's numbers rounded to bf16, in words of two, all heads together.
//!
//! A factor lies in one of four ways. *Rows*: a row for each position, words of two neighbouring channels. *Columns*: the
//! same turned, a row for each word. *Pairs*: a row for two neighbouring positions, a word for each channel. *Channels*: the
//! same turned, a row for each channel. Rows and channels are left factors of a product of tiles, columns and pairs right
//! ones. Positions and channels are filled up with zeros.

use super::sample::HeadsSample;
use crate::kernels::buffers::Scratch;
use crate::kernels::simd::{COLUMNS, DEPTH, PairSimd, ROWS};

/// The sizes of a sample.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Positions, and these up to whole steps of 32.
    pub positions: usize,
    pub padded: usize,
    pub channels: usize,
    /// Words of a row, and of a pair: whole tiles.
    pub words: usize,
    pub columns: usize,
}

impl Sizes {
    pub fn of(sample: HeadsSample) -> Self {
        let (positions, channels) = (sample.q.len() / sample.channels, sample.channels);
        Self {
            positions,
            padded: positions.next_multiple_of(DEPTH),
            channels,
            words: channels.next_multiple_of(DEPTH) / 2,
            columns: channels.next_multiple_of(COLUMNS),
        }
    }

    /// A vector of channels from `c` on at position `p`; zeros where there is none.
    ///
    /// # Safety
    /// The processor has `S`; `from` has all positions.
    #[inline(always)]
    unsafe fn load<S: PairSimd>(&self, from: *const f32, p: usize, c: usize) -> S::V {
        let left = self.channels.saturating_sub(c);
        // SAFETY: inside the position's row.
        unsafe {
            if p >= self.positions || left == 0 {
                S::splat(0.0)
            } else if left >= S::LANES {
                S::load(from.add(p * self.channels + c))
            } else {
                S::load_first(from.add(p * self.channels + c), left)
            }
        }
    }

    /// `[padded, words]`.
    ///
    /// # Safety
    /// The processor has `S`.
    #[inline(always)]
    pub unsafe fn rows<S: PairSimd>(&self, from: &[f32]) -> Scratch {
        assert_eq!(from.len(), self.positions * self.channels);
        let mut to = Scratch::new(self.padded * self.words);
        for p in 0..self.padded {
            for c in (0..2 * self.words).step_by(S::LANES) {
                // SAFETY: half a vector of words, inside the row.
                unsafe {
                    let v = self.load::<S>(from.as_ptr(), p, c);
                    S::store_rounded(to.as_mut_ptr().add(p * self.words + c / 2), v);
                }
            }
        }
        to
    }

    /// `[words, padded]`.
    ///
    /// # Safety
    /// The processor has `S`.
    #[inline(always)]
    pub unsafe fn in_columns<S: PairSimd>(&self, from: &[f32]) -> Scratch {
        // SAFETY: the caller's promise; both sides are whole tiles.
        unsafe { turned::<S>(&self.rows::<S>(from), self.padded, self.words) }
    }

    /// `[padded / 2, columns]`.
    ///
    /// # Safety
    /// The processor has `S`.
    #[inline(always)]
    pub unsafe fn pairs<S: PairSimd>(&self, from: &[f32]) -> Scratch {
        assert_eq!(from.len(), self.positions * self.channels);
        let mut to = Scratch::new(self.padded / 2 * self.columns);
        for i in 0..self.padded / 2 {
            for c in (0..self.columns).step_by(S::LANES) {
                // SAFETY: a vector of words, inside the row.
                unsafe {
                    let a = self.load::<S>(from.as_ptr(), 2 * i, c);
                    let b = self.load::<S>(from.as_ptr(), 2 * i + 1, c);
                    S::store(to.as_mut_ptr().add(i * self.columns + c), S::pair(a, b));
                }
            }
        }
        to
    }

    /// `[columns, padded / 2]`.
    ///
    /// # Safety
    /// The processor has `S`.
    #[inline(always)]
    pub unsafe fn by_channels<S: PairSimd>(&self, from: &[f32]) -> Scratch {
        // SAFETY: the caller's promise; both sides are whole tiles.
        unsafe { turned::<S>(&self.pairs::<S>(from), self.padded / 2, self.columns) }
    }
}

/// `[columns, rows]` of `[rows, columns]` words, whole tiles both ways.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn turned<S: PairSimd>(from: &[f32], rows: usize, columns: usize) -> Scratch {
    assert!(from.len() == rows * columns && rows.is_multiple_of(ROWS) && columns.is_multiple_of(COLUMNS));
    let mut to = Scratch::new(from.len());
    for r in (0..rows).step_by(ROWS) {
        for c in (0..columns).step_by(COLUMNS) {
            // SAFETY: 16 rows, 16 columns.
            unsafe { turn::<S>(from.as_ptr().add(r * columns + c), columns, to.as_mut_ptr().add(c * rows + r), rows) };
        }
    }
    to
}

/// Turns 16 rows of 16 words.
///
/// # Safety
/// The processor has `S`; the rows and columns are there.
#[inline(always)]
pub(super) unsafe fn turn<S: PairSimd>(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
    for r in (0..ROWS).step_by(S::LANES) {
        for c in (0..COLUMNS).step_by(S::LANES) {
            // SAFETY: the caller's promise.
            unsafe { S::transpose(from.add(r * from_row + c), from_row, to.add(c * to_row + r), to_row) };
        }
    }
}
