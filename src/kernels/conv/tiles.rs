//! An image cut into the square tiles that Winograd's algorithms work on.

use super::geometry::Geometry;
use crate::kernels::simd::Simd;

/// The tiles of an image: OUT × OUT pixels of the output each, from (OUT + 2) × (OUT + 2) of the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles<const OUT: usize> {
    pub h: usize,
    pub w: usize,
    /// Tiles in a row and in a column.
    pub across: usize,
    pub down: usize,
}

/// One tile: its sample and its first output pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    pub sample: usize,
    pub y: usize,
    pub x: usize,
}

impl<const OUT: usize> Tiles<OUT> {
    pub fn new(g: &Geometry) -> Self {
        Self { h: g.h, w: g.w, across: g.w.div_ceil(OUT), down: g.h.div_ceil(OUT) }
    }

    pub fn in_sample(&self) -> usize {
        self.across * self.down
    }

    /// The tile number `i`, counted through all samples.
    #[inline(always)]
    pub fn get(&self, i: usize) -> Tile {
        let (sample, rest) = (i / self.in_sample(), i % self.in_sample());
        Tile { sample, y: rest / self.across * OUT, x: rest % self.across * OUT }
    }

    /// The number of a tile's first output pixel, counted through all samples.
    #[inline(always)]
    pub fn first_pixel(&self, t: Tile) -> usize {
        (t.sample * self.h + t.y) * self.w + t.x
    }

    /// Asks for the pixels of a tile.
    #[inline(always)]
    pub fn prefetch<S: Simd>(&self, source: &[f32], t: Tile, channels: usize) {
        const LINE: usize = 16;
        let len = OUT.min(self.w - t.x) * channels;
        for y in t.y..(t.y + OUT).min(self.h) {
            let row = &source[((t.sample * self.h + y) * self.w + t.x) * channels..][..len];
            row.iter().step_by(LINE).for_each(|x| S::prefetch(x));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Padding;

    #[test]
    fn tiles_count_through_the_samples() {
        let g = Geometry::new(&[2, 7, 9, 16], &[3, 3, 16, 16], 1, Padding::Same).unwrap();
        let tiles = Tiles::<4>::new(&g);
        assert_eq!(tiles.in_sample(), 6);
        assert_eq!(tiles.get(5), Tile { sample: 0, y: 4, x: 8 });
        assert_eq!(tiles.get(7), Tile { sample: 1, y: 0, x: 4 });
        assert_eq!(tiles.first_pixel(tiles.get(7)), 7 * 9 + 4);
    }
}
