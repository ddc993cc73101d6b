//! The pixels that tiles are cut from.

use super::Tiles;

/// Where input tiles are read from.
#[derive(Clone, Copy)]
pub(super) struct Image<'a> {
    pub pixels: *const f32,
    pub tiles: Tiles,
    /// Whole vectors.
    pub channels: usize,
    /// `IN` times as many zeros as channels: the pixels beyond the border.
    pub zeros: &'a [f32],
}
