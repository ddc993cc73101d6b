//! Where a convolution finds what it multiplies.
//!
//! The source's pixels lie on one or more *planes*, one behind the other, the results' positions are counted as those of a plane are, and a
//! tap is a plane and a constant distance on it. With stride 1 there is one plane, with a column of zeros between two rows and a row
//! of zeros between two samples. With stride 2 the even and the odd rows and columns of the source, zeros around it, are four planes; on the way
//! back the results fall apart so, and each quarter has taps of its own.

use super::Geometry;
use super::positions::Positions;

pub(super) struct Layout {
    /// The planes that the source lies on, and the place of a plane's first pixel: zeros come before it.
    pub planes: Vec<Positions>,
    pub first: usize,
    pub results: Vec<Results>,
}

/// Results that have the same taps.
pub(super) struct Results {
    pub positions: Positions,
    pub reaches: Vec<Reach>,
}

/// Taps whose pixels are neighbours.
pub(super) struct Reach {
    pub plane: usize,
    /// How far behind a result's own position the first of them lies.
    pub offset: usize,
    /// Their numbers, k · k_y + k_x.
    pub taps: Vec<usize>,
}

impl Layout {
    /// Output from input.
    pub fn forward(g: &Geometry) -> Self {
        match g.stride {
            1 => Self::of_stride_1(g, |tap| tap),
            _ => Self::forward_by_planes(g),
        }
    }

    /// The input's gradient from the output's.
    pub fn data_gradient(g: &Geometry) -> Self {
        match g.stride {
            1 => Self::of_stride_1(g, |tap| g.k * g.k - 1 - tap),
            _ => Self::data_gradient_by_planes(g),
        }
    }

    /// Positions of one sample's planes and results, from row to row and in all: the pixels of the smaller image, with zeros.
    fn sizes(g: &Geometry) -> (usize, usize) {
        let border = usize::from(g.k > 1);
        let row = g.out_w + border;
        (row, (g.out_h + border) * row)
    }

    fn of_stride_1(g: &Geometry, turned: impl Fn(usize) -> usize) -> Self {
        let (row, sample) = Self::sizes(g);
        let positions = Positions { h: g.h, w: g.w, row, sample, image: [g.h, g.w], start: [0, 0], stride: 1 };
        let reach = |ky: usize| {
            let taps = (0..g.k).map(|kx| turned(ky * g.k + kx)).collect();
            Reach { plane: 0, offset: ky * row, taps }
        };
        let results = Results { positions, reaches: (0..g.k).map(reach).collect() };
        Self { planes: vec![positions], first: (g.k / 2) * (row + 1), results: vec![results] }
    }

    /// Output (y, x) meets row 2y + k_y and column 2x + k_x of the input with its zeros.
    fn forward_by_planes(g: &Geometry) -> Self {
        let (row, sample) = Self::sizes(g);
        let plane = |odd: [usize; 2]| Positions {
            h: g.out_h + 1 - odd[0],
            w: g.out_w + 1 - odd[1],
            row,
            sample,
            image: [g.h, g.w],
            start: odd.map(|odd| odd as isize - g.before as isize),
            stride: 2,
        };
        let reach = |ky: usize, odd: usize| Reach {
            plane: ky % 2 * 2 + odd,
            offset: ky / 2 * row,
            taps: (odd..g.k).step_by(2).map(|kx| ky * g.k + kx).collect(),
        };
        let image = [g.out_h, g.out_w];
        let positions = Positions { h: g.out_h, w: g.out_w, row, sample, image, start: [0, 0], stride: 1 };
        let reaches = (0..g.k).flat_map(|ky| [reach(ky, 0), reach(ky, 1)]).collect();
        let planes = [[0, 0], [0, 1], [1, 0], [1, 1]].map(plane).to_vec();
        Self { planes, first: 0, results: vec![Results { positions, reaches }] }
    }

    /// Row 2j + r of the input with its zeros meets output j − k_y / 2 for each k_y that is as odd as r, and columns likewise.
    fn data_gradient_by_planes(g: &Geometry) -> Self {
        let (row, sample) = Self::sizes(g);
        let image = [g.out_h, g.out_w];
        let plane = Positions { h: g.out_h, w: g.out_w, row, sample, image, start: [0, 0], stride: 1 };
        // The first j that is inside the input, where that is, and how many there are.
        let axis = |odd: usize, length: usize| {
            let skipped = usize::from(g.before > odd);
            let start = 2 * skipped + odd - g.before;
            (skipped, start, length.saturating_sub(start).div_ceil(2))
        };
        // Falling, as the output's numbers do not: (k, distance).
        let along = |odd: usize| (odd..g.k).step_by(2).rev().map(|k| (k, 1 - k / 2));
        let results = |[r, c]: [usize; 2]| {
            let ((skipped_rows, y, h), (skipped_columns, x, w)) = (axis(r, g.h), axis(c, g.w));
            let start = [y as isize, x as isize];
            let positions = Positions { h, w, row, sample, image: [g.h, g.w], start, stride: 2 };
            let columns: Vec<_> = along(c).collect();
            let reach = |(ky, below): (usize, usize)| Reach {
                plane: 0,
                offset: (below + skipped_rows) * row + columns[0].1 + skipped_columns,
                taps: columns.iter().map(|(kx, _)| ky * g.k + kx).collect(),
            };
            (h > 0 && w > 0).then(|| Results { positions, reaches: along(r).map(reach).collect() })
        };
        let results = [[0, 0], [0, 1], [1, 0], [1, 1]].into_iter().filter_map(results).collect();
        Self { planes: vec![plane], first: row + 1, results }
    }

    /// Places of each plane, for `n` samples.
    pub fn plane(&self, n: usize) -> usize {
        let Positions { row, sample, .. } = self.planes[0];
        self.first + n * sample + row + 1
    }

    /// How far from a result's position on the first plane a reach lies, for `n` samples.
    pub fn distance(&self, reach: &Reach, n: usize) -> usize {
        reach.plane * self.plane(n) + reach.offset
    }
}
