//! How the pixels of a few samples lie in a row.

use std::ops::Range;

/// A grid of places for pixels, and which pixels of an image they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Positions {
    /// Rows and columns of pixels; what else there is are zeros.
    pub h: usize,
    pub w: usize,
    /// Positions from one row of pixels to the next, and from sample to sample.
    pub row: usize,
    pub sample: usize,
    /// Rows and columns of the image, the row and column in it of the first pixel here, and the distance between neighbours. Where
    /// that is outside there is a zero.
    pub image: [usize; 2],
    pub start: [isize; 2],
    pub stride: usize,
}

impl Positions {
    /// From the first pixel of the first sample to the last of the n-th.
    pub fn span(&self, n: usize) -> usize {
        n * self.sample - (self.sample - (self.h - 1) * self.row - self.w)
    }

    /// Which row (0) or column (1) of the image number `i` here is.
    pub fn in_image(&self, axis: usize, i: usize) -> Option<usize> {
        let at = self.start[axis] + (self.stride * i) as isize;
        usize::try_from(at).ok().filter(|at| *at < self.image[axis])
    }

    /// The number of the pixel at each of the first `length` positions, counted through all samples; [`ZERO`] at zeros.
    pub fn pixels(&self, length: usize) -> Vec<u32> {
        let columns: Vec<_> = (0..self.row).map(|x| (x < self.w).then(|| self.in_image(1, x)).flatten()).collect();
        let [height, width] = self.image;
        let mut pixels = Vec::with_capacity(length);
        'all: for sample in 0.. {
            for y in 0..self.sample / self.row {
                let row = (y < self.h).then(|| self.in_image(0, y)).flatten();
                for x in &columns {
                    if pixels.len() == length {
                        break 'all;
                    }
                    let pixel = row.zip(*x).map(|(y, x)| ((sample * height + y) * width + x) as u32);
                    pixels.push(pixel.unwrap_or(ZERO));
                }
            }
        }
        pixels
    }

    /// The pixels among `positions`, in rows; all of the grid must lie inside the image.
    #[inline(always)]
    pub fn runs(&self, positions: Range<usize>) -> Runs {
        let (sample, y) = (positions.start / self.sample, positions.start % self.sample / self.row);
        Runs { all: *self, positions, sample, y }
    }
}

/// No pixel.
pub(super) const ZERO: u32 = u32::MAX;

/// Pixels whose positions lie next to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub sample: usize,
    /// The first one's number in the image, counted through all samples, and its position. The next are a stride further.
    pub pixel: usize,
    pub position: usize,
    pub length: usize,
}

/// One row of pixels after the other.
pub(super) struct Runs {
    all: Positions,
    positions: Range<usize>,
    /// Of the row that comes next.
    sample: usize,
    y: usize,
}

impl Iterator for Runs {
    type Item = Run;

    #[inline(always)]
    fn next(&mut self) -> Option<Run> {
        let Positions { h, w, row, sample: each, image: [height, width], start, stride } = self.all;
        loop {
            let (sample, y) = (self.sample, self.y);
            let first = sample * each + y * row;
            if first >= self.positions.end {
                return None;
            }
            // Behind the last row of pixels comes one of zeros, if there are any.
            (self.sample, self.y) = if (y + 1) * row >= each { (sample + 1, 0) } else { (sample, y + 1) };
            let position = first.max(self.positions.start);
            let end = (first + w).min(self.positions.end);
            if y < h && position < end {
                let (y, x) = (start[0] as usize + stride * y, start[1] as usize + stride * (position - first));
                let pixel = (sample * height + y) * width + x;
                return Some(Run { sample, pixel, position, length: end - position });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2 × 3 pixels, with or without zeros around them.
    fn positions(border: usize) -> Positions {
        let row = 3 + border;
        Positions { h: 2, w: 3, row, sample: (2 + border) * row, image: [2, 3], start: [0, 0], stride: 1 }
    }

    #[test]
    fn zeros_lie_between_rows_and_between_samples() {
        let p = positions(1);
        assert_eq!((p.span(1), p.span(2)), (7, 19));
        let z = ZERO;
        assert_eq!(p.pixels(19), [0, 1, 2, z, 3, 4, 5, z, z, z, z, z, 6, 7, 8, z, 9, 10, 11]);
        assert!(positions(0).pixels(12).into_iter().eq(0..12));
    }

    #[test]
    fn every_other_pixel_and_zeros_where_the_image_ends() {
        let p = Positions { h: 2, w: 3, row: 3, sample: 6, image: [3, 4], start: [-1, 1], stride: 2 };
        let z = ZERO;
        assert_eq!(p.pixels(12), [z, z, z, 5, 7, z, z, z, z, 17, 19, z]);
    }

    #[test]
    fn runs_are_the_pixels_of_some_positions() {
        let every_other = Positions { image: [5, 7], start: [1, 0], stride: 2, ..positions(1) };
        for p in [positions(0), positions(1), every_other] {
            let (span, pixels) = (p.span(2), p.pixels(p.span(2)));
            for start in 0..span {
                for end in start..=span {
                    let runs: Vec<_> = p.runs(start..end).collect();
                    let all = runs
                        .iter()
                        .flat_map(|run| (0..run.length).map(|i| (run.position + i, run.pixel + p.stride * i)));
                    let want = (start..end).filter(|&i| pixels[i] != ZERO).map(|i| (i, pixels[i] as usize));
                    assert!(all.eq(want), "{runs:?}");
                    assert!(runs.iter().all(|run| run.length > 0 && run.sample == run.position / p.sample));
                }
            }
        }
    }
}
