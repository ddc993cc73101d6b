//! The small matrices of F(2, 3) at the points 0, ±1, ∞, applied along one axis.

use super::{IN, OUT};
use crate::kernels::conv::tiles::Tile;
use crate::kernels::simd::Simd;

/// G, 4 × 3: what the weights are multiplied by.
pub(super) const G: [[f32; 3]; IN] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

/// Bᵀ d.
///
/// # Safety
/// As for [`Simd`]; the same for all functions here.
#[inline(always)]
unsafe fn input<S: Simd>([a, b, c, d]: [S::V; IN]) -> [S::V; IN] {
    // SAFETY: register arithmetic only.
    unsafe { [S::sub(a, c), S::add(b, c), S::sub(c, b), S::sub(b, d)] }
}

/// A y.
#[inline(always)]
unsafe fn output_transposed<S: Simd>([a, b]: [S::V; OUT]) -> [S::V; IN] {
    // SAFETY: register arithmetic only.
    unsafe { [a, S::add(a, b), S::sub(a, b), S::sub(S::splat(0.0), b)] }
}

/// Aᵀ m.
#[inline(always)]
pub(super) unsafe fn output<S: Simd>([a, b, c, d]: [S::V; IN]) -> [S::V; OUT] {
    // SAFETY: register arithmetic only.
    unsafe { [S::add(S::add(a, b), c), S::sub(S::sub(b, c), d)] }
}

/// Where pixels are read from.
#[derive(Clone, Copy)]
pub(super) struct Image<'a> {
    pub pixels: *const f32,
    pub tiles: super::Tiles,
    /// Whole vectors.
    pub channels: usize,
    /// As many zeros as channels: the pixels beyond the border.
    pub zeros: &'a [f32],
}

impl Image<'_> {
    /// N × N pixels, of which the one at (BEFORE, BEFORE) is the tile's first of the output.
    #[inline(always)]
    pub fn pixels<const N: usize, const BEFORE: usize>(&self, t: Tile) -> [[*const f32; N]; N] {
        let Self { pixels, tiles, channels, zeros } = *self;
        let pixel = |y: usize, x: usize| {
            pixels.wrapping_add(((t.sample * tiles.h + y).wrapping_sub(BEFORE) * tiles.w + x - BEFORE) * channels)
        };
        let inside = t.y >= BEFORE && t.x >= BEFORE && t.y + N - BEFORE <= tiles.h && t.x + N - BEFORE <= tiles.w;
        std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                let (y, x) = (t.y + i, t.x + j);
                let there = inside || (y >= BEFORE && x >= BEFORE && y - BEFORE < tiles.h && x - BEFORE < tiles.w);
                if there { pixel(y, x) } else { zeros.as_ptr() }
            })
        })
    }
}

/// Bᵀ d B for one vector of channels, `c` numbers behind the places. (Loops, no closures: vectors that
/// pass through a function that isn't compiled for the instruction set go through memory.)
#[inline(always)]
pub(super) unsafe fn transformed_input<S: Simd>(places: &[[*const f32; IN]; IN], c: usize) -> [[S::V; IN]; IN] {
    // SAFETY: the places are pixels of the image or zeros, `c` one of their vectors.
    unsafe {
        let mut v = [[S::splat(0.0); IN]; IN];
        for j in 0..IN {
            let mut column = [S::splat(0.0); IN];
            for i in 0..IN {
                column[i] = S::load(places[i][j].add(c));
            }
            let column = input::<S>(column);
            for i in 0..IN {
                v[i][j] = column[i];
            }
        }
        for row in &mut v {
            *row = input::<S>(*row);
        }
        v
    }
}

/// A dy Aᵀ for one vector of channels, `c` numbers behind the places.
#[inline(always)]
pub(super) unsafe fn transformed_gradient<S: Simd>(places: &[[*const f32; OUT]; OUT], c: usize) -> [[S::V; IN]; IN] {
    // SAFETY: the places are pixels of the image or zeros, `c` one of their vectors.
    unsafe {
        let mut v = [[S::splat(0.0); IN]; IN];
        let mut half = [[S::splat(0.0); OUT]; IN];
        for j in 0..OUT {
            let column = output_transposed::<S>([S::load(places[0][j].add(c)), S::load(places[1][j].add(c))]);
            for i in 0..IN {
                half[i][j] = column[i];
            }
        }
        for i in 0..IN {
            v[i] = output_transposed::<S>(half[i]);
        }
        v
    }
}
