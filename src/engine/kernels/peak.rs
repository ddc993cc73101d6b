//! The most arithmetic that a core does: products and sums from registers to registers, nothing else.

use std::hint::black_box;

use super::simd::{
    COLUMNS, DEPTH, Isa, Kernel, PairIsa, PairKernel, PairSimd, ROW_BYTES, ROWS, Simd, TileIsa, TileKernel, Tiles,
};
use crate::config::Precision;

/// Sums under way at once: more than an instruction's latency times those that start together, and few enough for
/// sixteen registers.
const SUMS: usize = 12;

/// Does `rounds` times as many multiplications and additions as registers hold, on the calling thread, and returns how
/// many operations they were (a multiplication and an addition are two). `None` where the processor has no instructions
/// for products in this precision, or those for f32 do more.
pub fn multiply_add(precision: Precision, rounds: usize) -> Option<u64> {
    let isa = Isa::current();
    match precision {
        // SAFETY: registers only.
        Precision::F32 => Some(unsafe { isa.run(Rounds(rounds)) }),
        Precision::Bf16 => {
            if let Some(tiles) = TileIsa::of(isa) {
                // SAFETY: tiles and memory of its own.
                return Some(unsafe { tiles.run(Rounds(rounds)) });
            }
            let pairs = PairIsa::of(isa).filter(|pairs| pairs.fast())?;
            // SAFETY: registers only.
            Some(unsafe { pairs.run(Rounds(rounds)) })
        }
    }
}

struct Rounds(usize);

// SAFETY: `run` may always be called.
impl Kernel for Rounds {
    type Output = u64;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> u64 {
        // SAFETY: registers only.
        unsafe {
            let (a, b) = (S::splat(black_box(0.999)), S::splat(black_box(1e-3)));
            let mut sums = [S::splat(black_box(1.0)); SUMS];
            for _ in 0..self.0 {
                for sum in &mut sums {
                    *sum = S::mul_add(*sum, a, b);
                }
            }
            sums.into_iter().for_each(|sum| _ = black_box(S::sum(sum)));
        }
        (2 * self.0 * SUMS * S::LANES) as u64
    }
}

// SAFETY: `run` may always be called.
impl PairKernel for Rounds {
    type Output = u64;

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) -> u64 {
        // SAFETY: registers only.
        unsafe {
            let a = S::pair(S::splat(black_box(0.5)), S::splat(black_box(0.25)));
            let b = S::pair(S::splat(black_box(1.0)), S::splat(black_box(-2.0)));
            let mut sums = [S::splat(black_box(1.0)); SUMS];
            for _ in 0..self.0 {
                for sum in &mut sums {
                    *sum = S::dot(a, b, *sum);
                }
            }
            sums.into_iter().for_each(|sum| _ = black_box(S::sum(sum)));
        }
        (4 * self.0 * SUMS * S::LANES) as u64
    }
}

/// Tiles of sums under way at once.
const SUM_TILES: usize = 4;

// SAFETY: `run` may always be called.
impl TileKernel for Rounds {
    type Output = u64;

    #[inline(always)]
    unsafe fn run<S: PairSimd, T: Tiles>(self) -> u64 {
        // Numbers of both signs around 1: a processor may multiply zeros faster, because they take less power.
        let numbers: [u16; ROWS * DEPTH] =
            std::array::from_fn(|i| 0x3f00 | (i * 37 % 256) as u16 | ((i * 7 % 2) as u16) << 15);
        let from = black_box(&numbers).as_ptr().cast();
        // SAFETY: a tile is as large as the numbers.
        unsafe {
            T::zero::<0>();
            T::zero::<1>();
            T::zero::<2>();
            T::zero::<3>();
            T::load::<4>(from, ROW_BYTES);
            T::load::<5>(from, ROW_BYTES);
            for _ in 0..self.0 {
                T::multiply::<0, 4, 5>();
                T::multiply::<1, 5, 4>();
                T::multiply::<2, 4, 5>();
                T::multiply::<3, 5, 4>();
            }
        }
        (2 * self.0 * SUM_TILES * ROWS * COLUMNS * DEPTH) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::forced::on_each;

    #[test]
    fn operations_are_counted_by_the_width_of_the_registers() {
        on_each(|isa| {
            assert_eq!(multiply_add(Precision::F32, 10), Some(10 * 2 * 12 * isa.lanes() as u64));
            let bf16 = multiply_add(Precision::Bf16, 10);
            let fast = PairIsa::of(isa).is_some_and(PairIsa::fast);
            let want = match TileIsa::of(isa) {
                Some(_) => Some(10 * 4 * 2 * 16 * 16 * 32),
                None => fast.then_some(10 * 4 * 12 * isa.lanes() as u64),
            };
            assert_eq!(bf16, want);
        });
    }
}
