//! Pixels as the two factors of a weight gradient, pairs of positions that are neighbours: by channels, and by positions.

use super::positions::ZERO;
use crate::kernels::factor::{Factor, Rounded};
use crate::kernels::sides::{Column, Sides};
use crate::kernels::simd::{COLUMNS, PairSimd};

/// Pixels by position.
#[derive(Clone, Copy)]
pub(super) struct Pixels<'a> {
    /// Whole pixels of whole vectors.
    pub of: Factor<'a>,
    /// Which pixel is where, from position `before` on; zeros before and behind.
    pub pixels: &'a [u32],
    pub before: usize,
}

impl Pixels<'_> {
    /// The pixel's number, or [`ZERO`].
    #[inline(always)]
    fn at(&self, position: usize) -> u32 {
        self.pixels.get(position.wrapping_sub(self.before)).copied().unwrap_or(ZERO)
    }
}

/// What pixels are made pairs of.
pub(super) trait Paired: Copy {
    /// A vector of neighbouring channels of all pixels.
    type Column: Copy;

    fn channels(self) -> usize;
    /// The channels from number `c` on.
    fn column(self, c: usize) -> Self::Column;
    /// Lane i: channel i of the column of two pixels ([`ZERO`]: zeros), rounded.
    ///
    /// # Safety
    /// The processor has `S`; the column has a vector of channels, and the pixels are there.
    unsafe fn pair<S: PairSimd>(column: Self::Column, pixels: [u32; 2]) -> S::V;
}

/// Zeros in a pixel's place.
static ZEROS: [f32; COLUMNS] = [0.0; COLUMNS];

impl Paired for Sides<'_> {
    type Column = Column<*const f32>;

    fn channels(self) -> usize {
        Sides::channels(&self)
    }

    #[inline(always)]
    fn column(self, c: usize) -> Self::Column {
        Sides::column(&self, c)
    }

    // SAFETY: as the trait says.
    #[inline(always)]
    unsafe fn pair<S: PairSimd>(Column { first, row, .. }: Self::Column, pixels: [u32; 2]) -> S::V {
        let place = |pixel| if pixel == ZERO { ZEROS.as_ptr() } else { first.wrapping_add(pixel as usize * row) };
        let [first, second] = pixels.map(place);
        // SAFETY: the caller's promise.
        unsafe { S::pair(S::load(first), S::load(second)) }
    }
}

impl Paired for Rounded<'_> {
    /// Where the first pixel's are, and the words from pixel to pixel.
    type Column = (*const f32, usize);

    fn channels(self) -> usize {
        Rounded::channels(&self)
    }

    #[inline(always)]
    fn column(self, c: usize) -> Self::Column {
        (self.words().as_ptr().wrapping_add(c / 2), Rounded::channels(&self) / 2)
    }

    // SAFETY: as the trait says.
    #[inline(always)]
    unsafe fn pair<S: PairSimd>((first, row): Self::Column, pixels: [u32; 2]) -> S::V {
        let place = |pixel| if pixel == ZERO { ZEROS.as_ptr() } else { first.wrapping_add(pixel as usize * row) };
        let [first, second] = pixels.map(place);
        // SAFETY: the caller's promise.
        unsafe { S::pair_rounded(first, second) }
    }
}

/// Vectors in a block of the transposition, at most.
const MOST_LANES: usize = 16;

/// The first `span` positions by channels: pairs of neighbours, `channel` words from row to row.
///
/// # Safety
/// The processor has `S`; `span` is whole blocks of two vectors, and `to` has a row of them for each channel.
#[inline(always)]
pub(super) unsafe fn by_channels<S: PairSimd, P: Paired>(of: P, at: Pixels, span: usize, to: *mut f32, channel: usize) {
    let mut block = [0f32; MOST_LANES * MOST_LANES];
    let mut pixels = [ZERO; 2 * MOST_LANES];
    for start in (0..span).step_by(2 * S::LANES) {
        for (i, pixel) in pixels[..2 * S::LANES].iter_mut().enumerate() {
            *pixel = at.at(start + i);
        }
        for v in (0..of.channels()).step_by(S::LANES) {
            let column = of.column(v);
            // SAFETY: the pixels have all channels; the rows have room for the block.
            unsafe {
                for i in 0..S::LANES {
                    let pair = P::pair::<S>(column, [pixels[2 * i], pixels[2 * i + 1]]);
                    S::store(block.as_mut_ptr().add(i * S::LANES), pair);
                }
                S::transpose(block.as_ptr(), S::LANES, to.add(v * channel + start / 2), channel);
            }
        }
    }
}

/// `count` pairs of neighbours from the first position on, and where there are two copies, from the second: `[COPIES, count, 16]` for
/// each 16 channels, `column` pairs apart.
///
/// # Safety
/// As of [`by_channels`]; `to` has room for all copies.
#[inline(always)]
pub(super) unsafe fn pair<S: PairSimd, P: Paired, const COPIES: usize>(
    of: P,
    at: Pixels,
    count: usize,
    to: *mut f32,
    column: usize,
) {
    for i in 0..count {
        let pixels: [u32; 3] = std::array::from_fn(|k| if k <= COPIES { at.at(2 * i + k) } else { ZERO });
        for v in (0..of.channels()).step_by(S::LANES) {
            let (channels, c) = (of.column(v), v / COLUMNS * COLUMNS);
            let to = to.wrapping_add(c * column + i * COLUMNS + v - c);
            // SAFETY: the pixels have all channels.
            unsafe {
                S::store(to, P::pair::<S>(channels, [pixels[0], pixels[1]]));
                if COPIES == 2 {
                    S::store(to.add(count * COLUMNS), P::pair::<S>(channels, [pixels[1], pixels[2]]));
                }
            }
        }
    }
}
