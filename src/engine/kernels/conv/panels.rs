//! Weights in the order in which the register tile reads them.

use crate::kernels::buffers::Scratch;

/// A matrix of `depth` rows and `width` columns for each tap, cut into panels of two vectors of
/// columns (the last may have one); zeros fill the last panel. Within a panel all rows of all taps
/// follow each other.
pub(crate) struct Panels {
    data: Scratch,
    lanes: usize,
    depth: usize,
    width: usize,
    taps: usize,
    /// Numbers between the matrices of two taps that belong to neither.
    gap: usize,
}

/// One panel: columns `start..start + columns` of the matrix.
#[derive(Clone, Copy)]
pub(crate) struct Panel {
    pub weights: *const f32,
    pub start: usize,
    pub columns: usize,
    /// Vectors of columns: 1 or 2.
    pub vectors: usize,
    /// Numbers from row to row.
    pub row: usize,
    /// Numbers from tap to tap.
    pub tap: usize,
}

impl Panels {
    /// From `[taps, depth, width]`.
    pub fn pack(matrix: &[f32], taps: usize, depth: usize, width: usize, lanes: usize) -> Self {
        let mut panels = Self::empty(taps, depth, width, lanes);
        panels.fill(|_, row, start, out| {
            let from = &matrix[row * width + start..];
            let columns = out.len().min(width - start);
            out[..columns].copy_from_slice(&from[..columns]);
            out[columns..].fill(0.0);
        });
        panels
    }

    /// From `[taps, width, depth]`: each tap's matrix transposed.
    pub fn pack_transposed(matrix: &[f32], taps: usize, depth: usize, width: usize, lanes: usize) -> Self {
        let mut panels = Self::empty(taps, depth, width, lanes);
        panels.fill(|tap, row, start, out| {
            let from = &matrix[tap * width * depth + row - tap * depth..];
            let columns = out.len().min(width - start);
            for (c, out) in out[..columns].iter_mut().enumerate() {
                *out = from[(start + c) * depth];
            }
            out[columns..].fill(0.0);
        });
        panels
    }

    /// To be kept, in memory of its own; returns how many words that is.
    pub fn set_apart(&mut self) -> usize {
        self.data.set_apart();
        self.data.len()
    }

    /// With whatever the memory held.
    pub fn empty(taps: usize, depth: usize, width: usize, lanes: usize) -> Self {
        Self::with_gap(taps, depth, width, lanes, 0)
    }

    /// As [`Self::empty`], for what writes a row of every tap before the next row: a cache line between the
    /// matrices, whose sizes are powers of two, keeps them from falling into the same sets of the cache.
    pub fn spread(taps: usize, depth: usize, width: usize, lanes: usize) -> Self {
        const LINE: usize = 16;
        Self::with_gap(taps, depth, width, lanes, LINE)
    }

    fn with_gap(taps: usize, depth: usize, width: usize, lanes: usize, gap: usize) -> Self {
        let gaps = width.div_ceil(2 * lanes) * gap;
        let data = Scratch::new(taps * (depth * width.next_multiple_of(lanes) + gaps));
        Self { data, lanes, depth, width, taps, gap }
    }

    /// Are these the panels of `taps` matrices `[depth, width]`, for vectors of `lanes` numbers? Kernels read them
    /// without looking again.
    ///
    /// # Panics
    /// When they are not.
    pub fn check(&self, taps: usize, depth: usize, width: usize, lanes: usize) {
        assert_eq!((self.taps, self.depth, self.width, self.lanes), (taps, depth, width, lanes));
    }

    /// Calls `write(tap, row, first column, its place)` for every row of every panel; rows are
    /// counted through all taps.
    fn fill(&mut self, write: impl Fn(usize, usize, usize, &mut [f32])) {
        let depth = self.depth;
        debug_assert_eq!(self.gap, 0);
        for (start, row, panel) in self.iter_mut() {
            for (r, out) in panel.chunks_exact_mut(row).enumerate() {
                write(r / depth, r, start, out);
            }
        }
    }

    /// For each panel: its first column, its numbers in a row, and its memory, `[taps, depth, row]` with gaps
    /// behind the taps.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (usize, usize, &mut [f32])> {
        let (taps, depth, gap, lanes, width) = (self.taps, self.depth, self.gap, self.lanes, self.width);
        let mut rest = &mut self.data[..];
        (0..width).step_by(2 * lanes).map(move |start| {
            let row = vectors(width - start, lanes) * lanes;
            let (panel, after) = std::mem::take(&mut rest).split_at_mut(taps * (depth * row + gap));
            rest = after;
            (start, row, panel)
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = Panel> + '_ {
        let widest = self.depth * 2 * self.lanes + self.gap;
        (0..self.width).step_by(2 * self.lanes).enumerate().map(move |(i, start)| {
            let columns = (self.width - start).min(2 * self.lanes);
            let vectors = vectors(columns, self.lanes);
            let row = vectors * self.lanes;
            // All panels before this one are whole.
            let weights = self.data[i * self.taps * widest..].as_ptr();
            Panel { weights, start, columns, vectors, row, tap: self.depth * row + self.gap }
        })
    }
}

fn vectors(columns: usize, lanes: usize) -> usize {
    columns.div_ceil(lanes).min(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_hold_the_matrix_and_its_transpose_padded_with_zeros() {
        // Two taps, three rows, five columns, vectors of two numbers.
        let matrix: Vec<f32> = (1..=30).map(|i| i as f32).collect();
        let mut transposed = vec![0.0; 30];
        for (i, &value) in matrix.iter().enumerate() {
            let (tap, row, column) = (i / 15, i / 5 % 3, i % 5);
            transposed[tap * 15 + column * 3 + row] = value;
        }
        for panels in [Panels::pack(&matrix, 2, 3, 5, 2), Panels::pack_transposed(&transposed, 2, 3, 5, 2)] {
            let shapes: Vec<_> = panels.iter().map(|p| (p.start, p.columns, p.vectors, p.row)).collect();
            assert_eq!(shapes, [(0, 4, 2, 4), (4, 1, 1, 2)]);
            assert_eq!(panels.data[..8], [1., 2., 3., 4., 6., 7., 8., 9.]);
            assert_eq!(panels.data[24..], [5., 0., 10., 0., 15., 0., 20., 0., 25., 0., 30., 0.]);
        }
    }
}
