//! Weights as tiles.

use super::layout::Reach;
use crate::kernels::buffers::Scratch;
use crate::kernels::simd::{COLUMNS, DEPTH, PairKernel, PairSimd, ROWS, TileIsa};

/// f32 words of a tile.
pub(super) const WORDS: usize = ROWS * COLUMNS;

/// The weights of some taps in the order in which they are read: for every 16 columns, every reach and every 32 rows of the matrix
/// of its taps, one below the other, one tile; zeros fill the last of a reach.
pub(super) struct Weights {
    tiles: Scratch,
    /// Tiles of each reach.
    pub steps: Vec<usize>,
}

impl Weights {
    /// From `w` `[taps, depth, width]`; `depth` and `width` are multiples of 16.
    pub fn new(isa: TileIsa, w: &[f32], reaches: &[Reach], depth: usize, width: usize) -> Self {
        assert!(depth.is_multiple_of(COLUMNS) && width.is_multiple_of(COLUMNS));
        let taps = reaches.iter().flat_map(|reach| &reach.taps);
        assert!(taps.max().is_none_or(|tap| (tap + 1) * depth * width <= w.len()));
        let steps: Vec<_> = reaches.iter().map(|reach| (reach.taps.len() * depth).div_ceil(DEPTH)).collect();
        let mut tiles = Scratch::new(width / COLUMNS * steps.iter().sum::<usize>() * WORDS);
        // SAFETY: the lengths are what `Pack` wants.
        unsafe { isa.run_pairs(Pack { w, reaches, steps: &steps, depth, width, tiles: &mut tiles }) };
        Self { tiles, steps }
    }

    /// To be kept, in memory of its own; returns how many words that is.
    pub fn set_apart(&mut self) -> usize {
        self.tiles.set_apart();
        self.tiles.len()
    }

    /// Words of the tiles of 16 columns.
    pub fn column(&self) -> usize {
        self.steps.iter().sum::<usize>() * WORDS
    }

    /// The tiles of 16 columns.
    pub fn columns(&self, block: usize) -> *const f32 {
        self.tiles[block * self.column()..].as_ptr()
    }

    /// Whether these are the weights for `width` columns.
    pub fn check(&self, width: usize) {
        assert_eq!(self.tiles.len(), width / COLUMNS * self.column());
    }
}

/// `w` is `[taps, depth, width]`, `tiles` `[width / 16, Σ steps]` tiles.
struct Pack<'a> {
    w: &'a [f32],
    reaches: &'a [Reach],
    steps: &'a [usize],
    depth: usize,
    width: usize,
    tiles: &'a mut [f32],
}

// SAFETY: `run` may be called when the lengths are those that the fields tell, the depth even.
impl PairKernel for Pack<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Self { w, reaches, steps, depth, width, tiles } = self;
        let mut to = tiles.as_mut_ptr();
        for column in (0..width).step_by(COLUMNS) {
            for (reach, steps) in reaches.iter().zip(steps) {
                for tap in &reach.taps {
                    for row in (tap * depth..(tap + 1) * depth).step_by(2) {
                        for c in (0..COLUMNS).step_by(S::LANES) {
                            // SAFETY: the pair of rows lies in the matrix; a tile takes 16 pairs.
                            unsafe {
                                let from = w.as_ptr().add(row * width + column + c);
                                S::store(to.add(c), S::pair(S::load(from), S::load(from.add(width))));
                            }
                        }
                        to = to.wrapping_add(COLUMNS);
                    }
                }
                for _ in reach.taps.len() * depth / 2..steps * DEPTH / 2 {
                    for c in (0..COLUMNS).step_by(S::LANES) {
                        // SAFETY: as above.
                        unsafe { S::store(to.add(c), S::splat(0.0)) };
                    }
                    to = to.wrapping_add(COLUMNS);
                }
            }
        }
    }
}
