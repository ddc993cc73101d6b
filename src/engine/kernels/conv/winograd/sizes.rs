//! The sizes of tiles and of what is made of them.

/// Output pixels of a tile, along one axis: 4, or 3 where that leaves less beyond the image.
pub(super) const OUT: usize = 4;
/// Input pixels of a tile of 4, along one axis.
pub(super) const IN: usize = 6;
/// The row (and the column) of planes that tiles of 3 do without.
pub(super) const FOURS_ONLY: usize = 4;
/// Matrix products.
pub(super) const PLANES: usize = IN * IN;

/// Numbers from plane to plane: an odd number of cache lines, so that the 36 planes of a tile don't
/// all fall into the same sets of the cache.
pub(in crate::kernels::conv) fn plane_stride(numbers: usize) -> usize {
    const LINE: usize = 16;
    (numbers.div_ceil(LINE) | 1) * LINE
}
