//! An image cut into tiles of 4 × 4 output pixels, and where they would reach beyond the image into
//! tiles with 3 rows or columns: 28 and 14 and 7 pixels are 7 fours, 2 fours and 2 threes, a four and a
//! three.

use std::ops::Range;

use super::{FOURS_ONLY, IN, OUT};
use crate::kernels::conv::geometry::Geometry;
use crate::kernels::simd::Simd;

/// The tiles along one axis of an image: first those of 4, then those of 3.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    fours: usize,
    count: usize,
}

impl Axis {
    pub fn new(len: usize) -> Self {
        let count = len.div_ceil(OUT);
        Self { fours: count - (OUT * count - len).min(count), count }
    }

    /// The first pixel of tile `i`, and whether it is one of 4.
    #[inline(always)]
    pub fn get(&self, i: usize) -> (usize, bool) {
        (OUT * i - i.saturating_sub(self.fours), i < self.fours)
    }

    /// Input pixels of all tiles.
    pub fn points(&self) -> usize {
        IN * self.fours + (IN - 1) * (self.count - self.fours)
    }
}

/// The tiles of an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles {
    pub h: usize,
    pub w: usize,
    pub across: Axis,
    pub down: Axis,
}

/// One tile: its sample, its first output pixel, and whether it has 4 rows and 4 columns of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    pub sample: usize,
    pub y: usize,
    pub x: usize,
    pub tall: bool,
    pub wide: bool,
}

impl Tiles {
    pub fn new(g: &Geometry) -> Self {
        Self { h: g.h, w: g.w, across: Axis::new(g.w), down: Axis::new(g.h) }
    }

    pub fn in_sample(&self) -> usize {
        self.across.count * self.down.count
    }

    /// The tile number `i`, counted through all samples.
    #[cfg(test)]
    pub fn get(&self, i: usize) -> Tile {
        let (sample, rest) = (i / self.in_sample(), i % self.in_sample());
        let ((y, tall), (x, wide)) =
            (self.down.get(rest / self.across.count), self.across.get(rest % self.across.count));
        Tile { sample, y, x, tall, wide }
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

    /// Whether all input pixels of the tile lie inside the image.
    #[inline(always)]
    pub fn inside(&self, t: Tile) -> bool {
        let (rows, columns) = t.size();
        t.y >= 1 && t.x >= 1 && t.y + rows < self.h && t.x + columns < self.w
    }

    /// Whether all output pixels of the tile lie inside the image.
    #[inline(always)]
    pub fn whole(&self, t: Tile) -> bool {
        let (rows, columns) = t.size();
        t.y + rows <= self.h && t.x + columns <= self.w
    }
}

impl Tile {
    /// Its place in the order of [`Block`].
    #[inline(always)]
    fn kind(self) -> usize {
        match (self.tall, self.wide) {
            (false, true) => 0,
            (true, true) => 1,
            (true, false) => 2,
            (false, false) => 3,
        }
    }

    /// Rows and columns of output pixels.
    #[inline(always)]
    pub fn size(self) -> (usize, usize) {
        (OUT - usize::from(!self.tall), OUT - usize::from(!self.wide))
    }
}

/// Some tiles in such an order that each plane's are consecutive: 3 × 4, 4 × 4, 4 × 3, 3 × 3.
pub(super) struct Block {
    pub tiles: Vec<Tile>,
    /// Where the second, the third and the fourth kind begin.
    begins: [usize; 3],
}

impl Block {
    pub fn new(most: usize) -> Self {
        Self { tiles: Vec::with_capacity(most), begins: [0; 3] }
    }

    /// The tiles number `range`.
    pub fn fill(&mut self, tiles: &Tiles, range: Range<usize>) {
        self.tiles.clear();
        self.begins = [0; 3];
        if range.is_empty() {
            return;
        }
        // Counted on rather than divided anew for every tile.
        let (mut sample, rest) = (range.start / tiles.in_sample(), range.start % tiles.in_sample());
        let (mut down, mut across) = (rest / tiles.across.count, rest % tiles.across.count);
        let mut of_kind = [0; 4];
        for _ in range {
            let ((y, tall), (x, wide)) = (tiles.down.get(down), tiles.across.get(across));
            let tile = Tile { sample, y, x, tall, wide };
            of_kind[tile.kind()] += 1;
            self.tiles.push(tile);
            across += 1;
            if across == tiles.across.count {
                (across, down) = (0, down + 1);
                if down == tiles.down.count {
                    (down, sample) = (0, sample + 1);
                }
            }
        }
        self.begins = [of_kind[0], of_kind[0] + of_kind[1], of_kind[0] + of_kind[1] + of_kind[2]];
        if !of_kind.contains(&self.tiles.len()) {
            self.tiles.sort_by_key(|tile| tile.kind());
        }
    }

    /// Those of its tiles that have this plane.
    pub fn with_plane(&self, plane: usize) -> Range<usize> {
        let [tall, narrow, small] = self.begins;
        match (plane / IN == FOURS_ONLY, plane % IN == FOURS_ONLY) {
            (false, false) => 0..self.tiles.len(),
            (true, false) => tall..small,
            (false, true) => 0..narrow,
            (true, true) => tall..narrow,
        }
    }
}

/// `f::<S, tall, wide>(arguments)` for a tile.
macro_rules! by_size {
    ($f:ident, $S:ident, $tile:expr, $($argument:expr),*) => {
        match ($tile.tall, $tile.wide) {
            (true, true) => $f::<$S, true, true>($($argument),*),
            (true, false) => $f::<$S, true, false>($($argument),*),
            (false, true) => $f::<$S, false, true>($($argument),*),
            (false, false) => $f::<$S, false, false>($($argument),*),
        }
    };
}
pub(super) use by_size;

#[cfg(test)]
mod tests {
    use super::super::PLANES;
    use super::*;
    use crate::kernels::Padding;

    #[test]
    fn an_axis_is_covered_by_tiles_of_four_and_three() {
        let sizes = |len| {
            let axis = Axis::new(len);
            (0..axis.count).map(|i| axis.get(i)).collect::<Vec<_>>()
        };
        assert_eq!(sizes(8), [(0, true), (4, true)]);
        assert_eq!(sizes(7), [(0, true), (4, false)]);
        assert_eq!(sizes(14), [(0, true), (4, true), (8, false), (11, false)]);
        assert_eq!(sizes(5), [(0, false), (3, false)]);
        assert_eq!([7, 8, 14].map(|len| Axis::new(len).points()), [11, 12, 22]);
    }

    #[test]
    fn tiles_count_through_the_samples_and_each_plane_has_consecutive_ones() {
        let g = Geometry::new(&[2, 7, 9, 16], &[3, 3, 16, 16], 1, Padding::Same).unwrap();
        let tiles = Tiles::new(&g);
        assert_eq!(tiles.in_sample(), 6);
        assert_eq!(tiles.get(5), Tile { sample: 0, y: 4, x: 6, tall: false, wide: false });
        assert_eq!(tiles.get(6), Tile { sample: 1, y: 0, x: 0, tall: true, wide: false });
        assert!(tiles.whole(tiles.get(0)) && !tiles.inside(tiles.get(0)));
        let g = Geometry { h: 14, w: 14, ..g };
        let tiles = Tiles::new(&g);
        let mut block = Block::new(16);
        block.fill(&tiles, 3..17);
        assert_eq!(block.tiles.len(), 14);
        for plane in 0..PLANES {
            let needs = |t: &Tile| (t.tall || plane / IN != FOURS_ONLY) && (t.wide || plane % IN != FOURS_ONLY);
            let range = block.with_plane(plane);
            for (i, t) in block.tiles.iter().enumerate() {
                assert_eq!(needs(t), range.contains(&i), "plane {plane}, {t:?}");
            }
        }
    }
}
