//! Weights as tiles.

use crate::kernels::buffers::Scratch;
use crate::kernels::simd::{COLUMNS, DEPTH, PairKernel, PairSimd, ROWS, TileIsa};

/// f32 words of a tile.
pub(super) const WORDS: usize = ROWS * COLUMNS;

/// The weights of a k × k kernel in the order in which they are read: for every 16 columns, every row of the kernel and
/// every 32 of its k · depth rows of the matrix one tile; zeros fill the last of a row.
pub(super) struct Weights {
    tiles: Scratch,
    /// Rows of the kernel.
    pub k: usize,
    /// Tiles of one row of the kernel.
    pub steps: usize,
}

impl Weights {
    /// From `w` `[k, k, depth, width]`; `depth` and `width` are multiples of 16.
    pub fn new(isa: TileIsa, w: &[f32], k: usize, depth: usize, width: usize) -> Self {
        assert_eq!(w.len(), k * k * depth * width);
        assert!(depth.is_multiple_of(COLUMNS) && width.is_multiple_of(COLUMNS));
        let steps = (k * depth).div_ceil(DEPTH);
        let mut tiles = Scratch::new(width / COLUMNS * k * steps * WORDS);
        // SAFETY: the lengths are what `Pack` wants.
        unsafe { isa.run_pairs(Pack { w, k, depth, width, steps, tiles: &mut tiles }) };
        Self { tiles, k, steps }
    }

    /// The tiles of 16 columns: `[k, steps]` of them.
    pub fn columns(&self, block: usize) -> *const f32 {
        self.tiles[block * self.k * self.steps * WORDS..].as_ptr()
    }

    /// Whether these are the weights for `width` columns.
    pub fn check(&self, width: usize) {
        assert_eq!(self.tiles.len(), width / COLUMNS * self.k * self.steps * WORDS);
    }
}

/// `w` is `[k, k, depth, width]`, `tiles` `[width / 16, k, steps]` tiles.
struct Pack<'a> {
    w: &'a [f32],
    k: usize,
    depth: usize,
    width: usize,
    steps: usize,
    tiles: &'a mut [f32],
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl PairKernel for Pack<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Self { w, k, depth, width, steps, tiles } = self;
        let rows = k * depth;
        let mut to = tiles.as_mut_ptr();
        for column in (0..width).step_by(COLUMNS) {
            for ky in 0..k {
                for row in (0..steps * DEPTH).step_by(2) {
                    for c in (0..COLUMNS).step_by(S::LANES) {
                        // SAFETY: a pair of rows below k · depth, which is even, lies in the matrix; a tile takes 16
                        // pairs.
                        unsafe {
                            let pair = if row < rows {
                                let from = w.as_ptr().add((ky * rows + row) * width + column + c);
                                S::pair(S::load(from), S::load(from.add(width)))
                            } else {
                                S::splat(0.0)
                            };
                            S::store(to.add(c), pair);
                        }
                    }
                    // SAFETY: as above; at the end it stands one behind the last.
                    to = unsafe { to.add(COLUMNS) };
                }
            }
        }
    }
}
