//! The products of a few tiles of positions and of columns, over all taps.

use super::weights::{WORDS, Weights};
use crate::kernels::simd::{COLUMNS, DEPTH, ROW_BYTES, ROWS, Tiles};

/// Positions whose sums are made together, at most.
pub(super) const MOST_ROWS: usize = 4 * ROWS;
/// Numbers of a row of sums.
pub(super) const LINE: usize = 2 * COLUMNS;

/// Some positions times some columns.
pub(super) struct Block<'a> {
    /// The planes of the source, bytes from pixel to pixel and from a result's position to each reach.
    pub left: *const u8,
    pub pixel: usize,
    pub reaches: &'a [usize],
    pub weights: &'a Weights,
}

impl Block<'_> {
    /// The sums of 16·M positions from `start` on and 16·N columns from `column` on; M · N is four at most.
    ///
    /// # Safety
    /// Inside a [`TileKernel::run`] of `T`; the positions, their taps and the columns are there, `sums` has 16·M rows.
    #[inline(always)]
    pub unsafe fn run<T: Tiles, const M: usize, const N: usize>(&self, start: usize, column: usize, sums: *mut f32) {
        const { assert!(M * N <= 4 && (N == 1 || N == 2 && M <= 2)) };
        let block = self.weights.column();
        let mut right = self.weights.columns(column / COLUMNS);
        let tile = ROWS * self.pixel;
        // SAFETY: the caller's promise.
        unsafe {
            T::zero::<0>();
            T::zero::<1>();
            T::zero::<2>();
            T::zero::<3>();
            for (reach, &steps) in self.reaches.iter().zip(&self.weights.steps) {
                let mut left = self.left.add(start * self.pixel + reach);
                for _ in 0..steps {
                    T::load::<4>(left, self.pixel);
                    T::load::<6>(right.cast(), ROW_BYTES);
                    T::multiply::<0, 4, 6>();
                    if N == 2 {
                        T::load::<7>(right.add(block).cast(), ROW_BYTES);
                        T::multiply::<1, 4, 7>();
                    }
                    if M > 1 {
                        T::load::<5>(left.add(tile), self.pixel);
                        T::multiply::<2, 5, 6>();
                        if N == 2 {
                            T::multiply::<3, 5, 7>();
                        }
                    }
                    if M > 2 {
                        T::load::<4>(left.add(2 * tile), self.pixel);
                        T::multiply::<1, 4, 6>();
                    }
                    if M > 3 {
                        T::load::<5>(left.add(3 * tile), self.pixel);
                        T::multiply::<3, 5, 6>();
                    }
                    left = left.add(2 * DEPTH);
                    right = right.add(WORDS);
                }
            }
            const ROW: usize = LINE * size_of::<f32>();
            let rows = |i: usize| sums.add(i * ROWS * LINE);
            T::store::<0>(rows(0), ROW);
            if N == 2 {
                T::store::<1>(rows(0).add(COLUMNS), ROW);
            }
            if M > 1 {
                T::store::<2>(rows(1), ROW);
                if N == 2 {
                    T::store::<3>(rows(1).add(COLUMNS), ROW);
                }
            }
            if M > 2 {
                T::store::<1>(rows(2), ROW);
            }
            if M > 3 {
                T::store::<3>(rows(3), ROW);
            }
        }
    }
}
