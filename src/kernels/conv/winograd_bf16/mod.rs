//! 3×3 convolutions of stride 1 in mixed precision: Winograd's F(2×2, 3×3) (Lavin & Gray 2015,
//! arXiv:1509.09308), its products of bf16 numbers, everything else in f32.
//!
//! A 2×2 tile of the output comes from a 4×4 tile of the input with 16 multiplications a channel pair
//! in place of 36. Its transforms only add and halve, so they enlarge the rounding to bf16 (relative
//! 2⁻⁹) hardly at all; those of F(4×4) would three times. The transformed input is rounded to bf16, two
//! neighbouring channels (in the weight gradient: two neighbouring tiles) to a pair, and one
//! instruction multiplies sixteen pairs and adds their products to an f32 sum.

mod forward;
mod transforms;
mod weight_gradient;
mod weights;

pub(super) use forward::{forward, forward_into};
pub(super) use weight_gradient::{WeightSum, weight_gradient};
pub(super) use weights::transformed;

use super::geometry::Geometry;
use super::tiles;
use crate::config::Precision;
use crate::kernels::simd::{Isa, PairIsa};

/// Output pixels of a tile, along one axis.
const OUT: usize = 2;
/// Input pixels of a tile, along one axis.
const IN: usize = 4;
/// Matrix products.
const PLANES: usize = IN * IN;

type Tiles = tiles::Tiles<OUT>;

/// The instruction set for this convolution, if it shall be computed in bf16 and gains by it.
pub(super) fn fits(g: &Geometry, isa: Isa) -> Option<PairIsa> {
    if g.precision != Precision::Bf16 {
        return None;
    }
    let same = (g.k, g.stride, g.before) == (3, 1, 1) && (g.out_h, g.out_w) == (g.h, g.w);
    let whole = |c: usize| c >= 16 && c.is_multiple_of(isa.lanes());
    if same && whole(g.c_in) && whole(g.c_out) { PairIsa::of(isa) } else { None }
}
