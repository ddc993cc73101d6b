//! 3×3 convolutions of stride 1 in mixed precision: Winograd's F(2×2, 3×3) (Lavin & Gray 2015,
//! arXiv:1509.09308), its products of bf16 numbers, everything else in f32.
//!
//! A 2×2 tile of the output comes from a 4×4 tile of the input with 16 multiplications a channel pair
//! in place of 36. Its transforms only add and halve, so they enlarge the rounding to bf16 (relative
//! 2⁻⁹) hardly at all; those of F(4×4) would three times. The transformed input is rounded to bf16, two
//! neighbouring channels (in the weight gradient: two neighbouring tiles) to a pair, and one
//! instruction multiplies sixteen pairs and adds their products to an f32 sum.

mod forward;
mod rows;
mod sizes;
mod transforms;
mod weight_gradient;
mod weights;

pub(super) use forward::forward;
pub(super) use weight_gradient::WeightSum;
pub(super) use weights::transformed;

use self::rows::Rows;
use self::sizes::{IN, OUT, PLANES};
use super::geometry::Geometry;
use crate::config::Precision;
use crate::kernels::simd::{Isa, PairIsa};

/// The instruction set for this convolution, if it shall be computed in bf16 and its size suits. (Measured
/// on Zen 4 against the fastest f32 kernel, forward and both gradients together: 0.6 to 0.95 of its time at all
/// shapes of the shipped networks.)
pub(super) fn fits(g: &Geometry, isa: Isa) -> Option<PairIsa> {
    if g.precision != Precision::Bf16 {
        return None;
    }
    let same = (g.k, g.stride, g.before) == (3, 1, 1) && (g.out_h, g.out_w) == (g.h, g.w);
    let whole = |c: usize| c >= 16 && c.is_multiple_of(isa.lanes());
    // One instruction takes two products. Of a direct convolution's, at most six tenths: a single pixel
    // wastes most of its tile.
    let tiles = Rows::new(g);
    let gains = 10 * tiles.across * tiles.down * PLANES <= 6 * 2 * 9 * g.h * g.w;
    if same && whole(g.c_in) && whole(g.c_out) && gains { PairIsa::of(isa) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Padding;

    #[test]
    fn it_takes_what_gains_where_it_is_asked_for_and_leaves_the_rest() {
        let isa = Isa::available().into_iter().find(|isa| isa.name() == "scalar").unwrap();
        let fits = |h, c_in, c_out, stride, precision| {
            let g = Geometry::new(&[2, h, h, c_in], &[3, 3, c_in, c_out], stride, Padding::Same).unwrap();
            super::fits(&g.with_precision(precision), isa).is_some()
        };
        assert!(fits(28, 32, 32, 1, Precision::Bf16) && !fits(28, 32, 32, 1, Precision::F32));
        assert!(fits(7, 16, 64, 1, Precision::Bf16) && fits(2, 16, 16, 1, Precision::Bf16));
        assert!(!fits(1, 64, 64, 1, Precision::Bf16) && !fits(28, 32, 32, 2, Precision::Bf16));
        assert!(!fits(28, 1, 32, 1, Precision::Bf16) && !fits(28, 32, 3, 1, Precision::Bf16));
    }
}
