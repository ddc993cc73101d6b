//! The unit of work: a row of tiles.

use std::ops::Range;

use super::OUT;
use crate::kernels::conv::geometry::Geometry;
use crate::kernels::simd::Simd;

/// The rows of tiles of all samples, numbered through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    /// The images' size.
    pub h: usize,
    pub w: usize,
    /// Tiles in a row.
    pub across: usize,
    /// Rows of tiles in a sample.
    pub down: usize,
}

impl Rows {
    pub fn new(g: &Geometry) -> Self {
        Self { h: g.h, w: g.w, across: g.w.div_ceil(OUT), down: g.h.div_ceil(OUT) }
    }

    /// Sample of a row of tiles, and its first row of pixels there.
    #[inline(always)]
    pub fn place(&self, row: usize) -> (usize, usize) {
        (row / self.down, row % self.down * OUT)
    }

    /// Number of the first pixel of a row of tiles, counted through all samples.
    #[inline(always)]
    pub fn first_pixel(&self, row: usize) -> usize {
        let (sample, y) = self.place(row);
        (sample * self.h + y) * self.w
    }

    /// Whether the last tile of a row lies in the image with both columns.
    #[inline(always)]
    pub fn even(&self) -> bool {
        self.w.is_multiple_of(OUT)
    }

    /// Rows of tiles at a time: at most `tiles` tiles, but one row in any case.
    #[inline(always)]
    pub fn block(&self, tiles: usize) -> usize {
        (tiles / self.across).max(1)
    }

    /// Asks for part number `part` of `parts` of the pixels in some rows of tiles.
    #[inline(always)]
    pub fn prefetch<S: Simd>(
        &self,
        pixels: *const f32,
        rows: Range<usize>,
        channels: usize,
        (part, parts): (usize, usize),
    ) {
        const LINE: usize = 16;
        let (start, end) = (self.first_pixel(rows.start) * channels, self.first_pixel(rows.end) * channels);
        let at = |part| start + (end - start) * part / parts;
        for i in (at(part)..at(part + 1)).step_by(LINE) {
            S::prefetch(pixels.wrapping_add(i));
        }
    }
}

/// Images, as rows of pixels.
#[derive(Clone, Copy)]
pub(super) struct Image<'a> {
    pub pixels: *const f32,
    pub rows: Rows,
    /// Whole vectors.
    pub channels: usize,
    /// A row of zeros: the pixels beyond the border.
    pub zeros: &'a [f32],
}

impl Image<'_> {
    /// N rows of pixels, of which the one at BEFORE is the first of the row of tiles.
    #[inline(always)]
    pub fn rows<const N: usize, const BEFORE: usize>(&self, row: usize) -> [*const f32; N] {
        let (sample, y) = self.rows.place(row);
        let mut all = [self.zeros.as_ptr(); N];
        for (i, pointer) in all.iter_mut().enumerate() {
            if (BEFORE..self.rows.h + BEFORE).contains(&(y + i)) {
                let row = sample * self.rows.h + y + i - BEFORE;
                *pointer = self.pixels.wrapping_add(row * self.rows.w * self.channels);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Padding;

    fn rows(n: usize, h: usize, w: usize) -> Rows {
        Rows::new(&Geometry::new(&[n, h, w, 16], &[3, 3, 16, 16], 1, Padding::Same).unwrap())
    }

    #[test]
    fn rows_of_tiles_count_through_the_samples() {
        let rows = rows(2, 7, 9);
        assert_eq!((rows.across, rows.down, rows.even()), (5, 4, false));
        assert_eq!([3, 4, 6].map(|row| rows.place(row)), [(0, 6), (1, 0), (1, 4)]);
        assert_eq!([3, 4, 6].map(|row| rows.first_pixel(row)), [6 * 9, 7 * 9, (7 + 4) * 9]);
        assert_eq!((rows.block(28), rows.block(3)), (5, 1));
    }

    #[test]
    fn rows_of_pixels_beyond_the_image_are_zeros() {
        let (pixels, zeros) = ([0f32; 2 * 3 * 2 * 16], [0f32; 2 * 16]);
        let image = Image { pixels: pixels.as_ptr(), rows: rows(2, 3, 2), channels: 16, zeros: &zeros };
        let pixel_row = |pointer: *const f32| match pointer == zeros.as_ptr() {
            true => None,
            false => Some((pointer as usize - pixels.as_ptr() as usize) / (4 * 2 * 16)),
        };
        assert_eq!(image.rows::<4, 1>(0).map(pixel_row), [None, Some(0), Some(1), Some(2)]);
        assert_eq!(image.rows::<4, 1>(3).map(pixel_row), [Some(4), Some(5), None, None]);
        assert_eq!(image.rows::<2, 0>(3).map(pixel_row), [Some(5), None]);
    }
}
