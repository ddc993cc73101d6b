//! Fewer multiplications for 3×3 convolutions of stride 1: Winograd's F(4×4, 3×3) (Lavin & Gray
//! 2015, arXiv:1509.09308).
//!
//! A 4×4 tile of the output comes from a 6×6 tile of the input with 36 multiplications a channel
//! pair in place of 144: Y = Aᵀ[(G g Gᵀ) ∘ (Bᵀ d B)]A, where the elementwise products become 36
//! matrix products over all tiles. The weight gradient is Gᵀ[Σ_tiles (Bᵀ d B) ∘ (A dy Aᵀ)]G.
//!
//! The interpolation points are 0, ±√½, ±√2, ∞: with the textbook's 0, ±1, ±2, ∞ the rounding
//! errors are two to four times as large (measured; with ours they are those of the direct sum).

mod forward;
mod image;
mod passes;
mod sizes;
mod tiles;
mod transforms;
mod weight_gradient;
mod weights;

pub(super) use forward::forward;
pub(super) use sizes::plane_stride;
pub(super) use weight_gradient::WeightSum;
pub(super) use weights::{combine, transformed, transformed_for_data_gradient, turned};

use super::geometry::Geometry;
use sizes::{FOURS_ONLY, IN, OUT, PLANES};
use tiles::{Block, Tile, Tiles, by_size};

/// Whether this convolution is one for Winograd, and gains by it.
pub(super) fn fits(g: &Geometry, lanes: usize) -> bool {
    let same = (g.k, g.stride, g.before) == (3, 1, 1) && (g.out_h, g.out_w) == (g.h, g.w);
    let whole = |c: usize| c >= 16 && c.is_multiple_of(lanes);
    // Of the multiplications of a direct convolution, at most six tenths: small images waste tiles.
    let tiles = Tiles::new(g);
    let gains = 10 * tiles.down.points() * tiles.across.points() <= 6 * 9 * g.h * g.w;
    same && whole(g.c_in) && whole(g.c_out) && gains
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Padding;

    #[test]
    fn it_takes_what_gains_and_leaves_the_rest() {
        let fits = |h, c_in, c_out, stride, lanes| {
            let g = Geometry::new(&[2, h, h, c_in], &[3, 3, c_in, c_out], stride, Padding::Same).unwrap();
            fits(&g, lanes)
        };
        assert!(fits(28, 32, 32, 1, 16) && fits(7, 64, 64, 1, 16) && fits(4, 128, 64, 1, 16));
        assert!(fits(14, 24, 48, 1, 8) && !fits(14, 24, 48, 1, 16));
        assert!(!fits(28, 32, 32, 2, 16) && !fits(28, 1, 32, 1, 16) && !fits(28, 32, 1, 1, 16));
        assert!(!fits(2, 64, 64, 1, 16) && fits(5, 64, 64, 1, 16));
    }
}
