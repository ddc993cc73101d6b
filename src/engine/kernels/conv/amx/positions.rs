//! How the pixels of a few samples lie in a row.

use std::ops::Range;

use super::Geometry;

/// Places of pixels, and how far apart neighbours are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Positions {
    pub h: usize,
    pub w: usize,
    /// The kernel is k × k.
    pub k: usize,
    /// Positions from one row of pixels to the next, and from sample to sample.
    pub row: usize,
    pub sample: usize,
    /// The place of the first pixel among the convolution's inputs: zeros come before it.
    pub first: usize,
}

impl Positions {
    pub fn new(g: &Geometry) -> Self {
        let border = usize::from(g.k > 1);
        let row = g.w + border;
        Self { h: g.h, w: g.w, k: g.k, row, sample: (g.h + border) * row, first: border * (row + 1) }
    }

    /// From the first pixel of the first sample to the last of the n-th.
    pub fn span(&self, n: usize) -> usize {
        n * self.sample - (self.sample - (self.h - 1) * self.row - self.w)
    }

    /// How far behind a pixel's own position its tap (`ky`, `kx`) lies.
    pub fn tap(&self, ky: usize, kx: usize) -> usize {
        ky * self.row + kx
    }

    /// The number of the pixel at each of the first `length` positions, counted through all samples; [`ZERO`] at zeros.
    pub fn pixels(&self, length: usize) -> Vec<u32> {
        let here = |i: usize| {
            let (sample, y, x) = (i / self.sample, i % self.sample / self.row, i % self.row);
            let pixel = (sample * self.h + y) * self.w + x;
            if y < self.h && x < self.w { pixel as u32 } else { ZERO }
        };
        (0..length).map(here).collect()
    }

    /// The pixels among `positions`, in rows.
    #[inline(always)]
    pub fn runs(&self, positions: Range<usize>) -> Runs {
        let (sample, y) = (positions.start / self.sample, positions.start % self.sample / self.row);
        Runs { all: *self, positions, sample, y }
    }
}

/// No pixel.
pub(super) const ZERO: u32 = u32::MAX;

/// Pixels that lie next to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub sample: usize,
    /// The first one's number, counted through all samples, and its position.
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
        let Positions { h, w, row, sample: each, .. } = self.all;
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
                let pixel = (sample * h + y) * w + position - first;
                return Some(Run { sample, pixel, position, length: end - position });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Padding;

    fn positions(k: usize) -> Positions {
        Positions::new(&Geometry::new(&[2, 2, 3, 16], &[k, k, 16, 16], 1, Padding::Same).unwrap())
    }

    #[test]
    fn zeros_lie_between_rows_and_between_samples() {
        let p = positions(3);
        assert_eq!((p.row, p.sample, p.first, p.span(1), p.span(2)), (4, 12, 5, 7, 19));
        let z = ZERO;
        assert_eq!(p.pixels(19), [0, 1, 2, z, 3, 4, 5, z, z, z, z, z, 6, 7, 8, z, 9, 10, 11]);
    }

    #[test]
    fn a_kernel_of_one_pixel_needs_no_zeros() {
        let p = positions(1);
        assert_eq!((p.row, p.sample, p.first, p.span(2)), (3, 6, 0, 12));
        assert!(p.pixels(12).into_iter().eq(0..12));
    }

    #[test]
    fn runs_are_the_pixels_of_some_positions() {
        for k in [1, 3] {
            let p = positions(k);
            let (span, pixels) = (p.span(2), p.pixels(p.span(2)));
            for start in 0..span {
                for end in start..=span {
                    let runs: Vec<_> = p.runs(start..end).collect();
                    let all = runs.iter().flat_map(|run| (0..run.length).map(|i| (run.position + i, run.pixel + i)));
                    let want = (start..end).filter(|&i| pixels[i] != ZERO).map(|i| (i, pixels[i] as usize));
                    assert!(all.eq(want), "{runs:?}");
                    assert!(runs.iter().all(|run| run.length > 0 && run.sample == run.pixel / 6));
                }
            }
        }
    }
}
