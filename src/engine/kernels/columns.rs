//! The order in which kernels walk over a sample: all pixels of a few vectors of channels that are neighbours, then all pixels of
//! the next few. Several at once, because memory comes fastest in the order in which it lies; no more than there are registers for what
//! each of them takes.

use super::sides::{Column, Sides};
use super::simd::Simd;

/// What is done to a few vectors of channels.
pub(crate) trait Columns<S: Simd> {
    /// All pixels of N vectors of channels from number `c` on, where `x` has them.
    ///
    /// # Safety
    /// The processor has `S`; x has N whole vectors there, or N is 1.
    unsafe fn walk<const N: usize>(&mut self, c: usize, x: Column<*const f32>);
}

/// Walks over all channels of x, `most` vectors at once (1, 2 or 4), or one, where there are few registers.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
pub(crate) unsafe fn walk<S: Simd>(x: Sides, most: usize, work: &mut impl Columns<S>) {
    let most = if S::FEW_REGISTERS { 1 } else { most };
    let mut c = 0;
    while c < x.channels() {
        let column = x.column(c);
        let vectors = (column.columns / S::LANES).min(most);
        // SAFETY: the caller's promise; the column has so many vectors.
        unsafe {
            match vectors {
                4.. => {
                    work.walk::<4>(c, column);
                    c += 4 * S::LANES;
                }
                2 | 3 => {
                    work.walk::<2>(c, column);
                    c += 2 * S::LANES;
                }
                0 | 1 => {
                    work.walk::<1>(c, column);
                    c += S::LANES;
                }
            }
        }
    }
}

/// N vectors of `of` from number `c` on.
///
/// # Safety
/// The processor has `S`, and `of` has them.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd, const N: usize>(of: &[f32], c: usize) -> [S::V; N] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut vectors = [S::splat(0.0); N];
        for (v, vector) in vectors.iter_mut().enumerate() {
            *vector = S::load(of.as_ptr().add(c + v * S::LANES));
        }
        vectors
    }
}
