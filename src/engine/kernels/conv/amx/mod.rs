//! Convolutions that keep the size, 3×3 and 1×1, and 3×3 ones that halve it, in mixed precision on tiles of bf16 ([`Tiles`]). A processor does sixteen times
//! as many of these products in a cycle as of f32, so no transform is needed: the sums are taken as they are defined, of
//! factors rounded to bf16, in f32.
//!
//! The pixels of a few samples lie one behind the other as *positions*, with zeros between them ([`layout`]). A tap is a constant
//! distance, taps of a row of the kernel are neighbours in memory, and sixteen positions with all their channels are a tile as they lie
//! there. What is computed at the zeros' positions is thrown away.
//!
//! Where the channels are an odd multiple of 16, the last step of a row of the kernel reaches into the next pixel, times
//! zeros: a NaN or an infinity there makes this pixel NaN too, be it one of the next sample.
//!
//! [`Tiles`]: crate::kernels::simd::Tiles

mod block;
mod convolution;
mod layout;
mod paired;
mod positions;
#[cfg(test)]
mod tests;
mod transposed;
mod weight_gradient;
mod weights;

pub(super) use convolution::TileConvolution;
pub(crate) use weight_gradient::WeightSum;

use super::geometry::Geometry;
use crate::config::Precision;
use crate::kernels::simd::{COLUMNS, Isa, TileIsa};

/// What multiplies tiles for this convolution, if it shall be computed in bf16 and the processor has tiles.
pub(super) fn fits(g: &Geometry, isa: Isa) -> Option<TileIsa> {
    let bf16 = g.precision == Precision::Bf16;
    let shape = match g.stride {
        1 => (g.out_h, g.out_w) == (g.h, g.w) && matches!((g.k, g.before), (3, 1) | (1, 0)),
        stride => (stride, g.k) == (2, 3) && g.before <= 1,
    };
    let whole = |c: usize| c > 0 && c.is_multiple_of(COLUMNS);
    if bf16 && shape && whole(g.c_in) && whole(g.c_out) { TileIsa::of(isa) } else { None }
}
