//! The small matrices of F(2, 3) at the points 0, ±1, ∞, applied along one axis.

use super::{IN, OUT};
use crate::kernels::simd::Simd;

/// G, 4 × 3: what the weights are multiplied by.
pub(super) const G: [[f32; 3]; IN] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

/// Bᵀ d.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
unsafe fn input<S: Simd>([a, b, c, d]: [S::V; IN]) -> [S::V; IN] {
    // SAFETY: register arithmetic only.
    unsafe { [S::sub(a, c), S::add(b, c), S::sub(c, b), S::sub(b, d)] }
}

/// A y.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
unsafe fn output_transposed<S: Simd>([a, b]: [S::V; OUT]) -> [S::V; IN] {
    // SAFETY: register arithmetic only.
    unsafe { [a, S::add(a, b), S::sub(a, b), S::sub(S::splat(0.0), b)] }
}

/// Aᵀ m.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(super) unsafe fn output<S: Simd>([a, b, c, d]: [S::V; IN]) -> [S::V; OUT] {
    // SAFETY: register arithmetic only.
    unsafe { [S::add(S::add(a, b), c), S::sub(S::sub(b, c), d)] }
}

/// Bᵀ d B of one tile after the other, along a row of tiles, for one vector of channels: neighbours share
/// two columns of the input, whose half of the work is kept. (Everywhere here loops, no closures: vectors
/// that pass through a function that isn't compiled for the instruction set go through memory.)
pub(super) struct Window<S: Simd> {
    kept: [[S::V; IN]; 2],
}

impl<S: Simd> Window<S> {
    /// Before the first tile: zeros to the left, and the first column. `rows` point at the first pixel of
    /// each row of the input.
    ///
    /// # Safety
    /// As for [`Simd`]; `rows` are good for the pixels that are read, a whole vector each.
    #[inline(always)]
    pub unsafe fn new(rows: [*const f32; IN]) -> Self {
        // SAFETY: the rows have a pixel.
        unsafe { Self { kept: [[S::splat(0.0); IN], half::<S>(rows)] } }
    }

    /// The next tile; `rows` point at its third column.
    ///
    /// # Safety
    /// As for [`Simd`]; `rows` are good for the pixels that are read, a whole vector each.
    #[inline(always)]
    pub unsafe fn tile(&mut self, rows: [*const f32; IN], pixel: usize) -> [[S::V; IN]; IN] {
        // SAFETY: the rows have two more pixels.
        unsafe {
            let third = half::<S>(rows);
            let mut next = rows;
            for row in &mut next {
                *row = row.add(pixel);
            }
            self.advance(third, half::<S>(next))
        }
    }

    /// The last tile of a row: its third column lies in the image if `inside`, the fourth never does.
    ///
    /// # Safety
    /// As for [`Simd`]; `rows` are good for the pixels that are read, a whole vector each.
    #[inline(always)]
    pub unsafe fn last_tile(&mut self, rows: [*const f32; IN], inside: bool) -> [[S::V; IN]; IN] {
        // SAFETY: the rows have one more pixel, or it isn't read.
        unsafe {
            let zeros = [S::splat(0.0); IN];
            let third = if inside { half::<S>(rows) } else { zeros };
            self.advance(third, zeros)
        }
    }

    /// # Safety
    /// As for [`Simd`].
    #[inline(always)]
    unsafe fn advance(&mut self, third: [S::V; IN], fourth: [S::V; IN]) -> [[S::V; IN]; IN] {
        let [first, second] = self.kept;
        self.kept = [third, fourth];
        let mut tile = [third; IN];
        for i in 0..IN {
            // SAFETY: register arithmetic only.
            tile[i] = unsafe { input::<S>([first[i], second[i], third[i], fourth[i]]) };
        }
        tile
    }
}

/// Bᵀ d of one column.
///
/// # Safety
/// As for [`Simd`]; `rows` are good for the pixels that are read, a whole vector each.
#[inline(always)]
unsafe fn half<S: Simd>(rows: [*const f32; IN]) -> [S::V; IN] {
    // SAFETY: the rows have a pixel.
    unsafe { input::<S>([S::load(rows[0]), S::load(rows[1]), S::load(rows[2]), S::load(rows[3])]) }
}

/// A dy Aᵀ of one tile; `rows` point at its first column, and its second lies in the image if `inside`.
///
/// # Safety
/// As for [`Simd`]; `rows` are good for the pixels that are read, a whole vector each.
#[inline(always)]
pub(super) unsafe fn gradient<S: Simd>(rows: [*const f32; OUT], pixel: usize, inside: bool) -> [[S::V; IN]; IN] {
    // SAFETY: the rows have a pixel, and a second one, or it isn't read.
    unsafe {
        let zero = S::splat(0.0);
        let left = output_transposed::<S>([S::load(rows[0]), S::load(rows[1])]);
        let right = match inside {
            true => output_transposed::<S>([S::load(rows[0].add(pixel)), S::load(rows[1].add(pixel))]),
            false => [zero; IN],
        };
        let mut tile = [left; IN];
        for i in 0..IN {
            tile[i] = output_transposed::<S>([left[i], right[i]]);
        }
        tile
    }
}
