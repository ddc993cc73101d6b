//! The sizes of tiles.

/// Output pixels of a tile, along one axis.
pub(super) const OUT: usize = 2;
/// Input pixels of a tile, along one axis.
pub(super) const IN: usize = 4;
/// Matrix products.
pub(super) const PLANES: usize = IN * IN;
