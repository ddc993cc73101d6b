//! Forward pass, and the data gradient with turned weights.

use std::ops::Range;

use super::positions::Positions;
use super::transposed::turned;
use super::weights::{WORDS, Weights};
use super::{Geometry, fits};
use crate::kernels::buffers::{Scratch, filled_shares};
use crate::kernels::conv::groups::{groups, samples_at_once};
use crate::kernels::conv::out::{Add, Out, bias_sample};
use crate::kernels::normalized::Normalized;
use crate::kernels::sides::{Column, Sides};
use crate::kernels::simd::{COLUMNS, DEPTH, Isa, PairSimd, ROW_BYTES, ROWS, TileIsa, TileKernel, Tiles};

/// A convolution whose weights are packed.
pub(in crate::kernels::conv) struct TileConvolution {
    isa: TileIsa,
    positions: Positions,
    /// Channels of the source and of the result.
    depth: usize,
    width: usize,
    weights: Weights,
}

impl TileConvolution {
    /// Output from input; `w` is `[k, k, c_in, c_out]`. `None` where it isn't for tiles.
    pub fn forward(isa: Isa, g: &Geometry, w: &[f32]) -> Option<Self> {
        Some(Self::on(fits(g, isa)?, g, w))
    }

    /// The input's gradient from the output's.
    pub fn data_gradient(isa: Isa, g: &Geometry, w: &[f32]) -> Option<Self> {
        Some(Self::data_gradient_on(fits(g, isa)?, g, w))
    }

    pub(super) fn on(isa: TileIsa, g: &Geometry, w: &[f32]) -> Self {
        let weights = Weights::new(isa, w, g.k, g.c_in, g.c_out);
        Self { isa, positions: Positions::new(g), depth: g.c_in, width: g.c_out, weights }
    }

    pub(super) fn data_gradient_on(isa: TileIsa, g: &Geometry, w: &[f32]) -> Self {
        let weights = Weights::new(isa, &turned(isa, w, g.c_in, g.c_out), g.k, g.c_out, g.c_in);
        Self { isa, positions: Positions::new(g), depth: g.c_out, width: g.c_in, weights }
    }

    /// The result `[n, H, W, width]` of `source` `[n, H, W, depth]`, on all threads.
    pub fn run_on_all(&self, source: &[f32], bias: &[f32]) -> Vec<f32> {
        let pixels = self.positions.h * self.positions.w;
        let n = source.len() / (pixels * self.depth);
        assert_eq!(source.len(), n * pixels * self.depth);
        let bias_sample = bias_sample(bias, n, self.width);
        // SAFETY: `run` writes all of its output.
        unsafe {
            filled_shares(n, pixels * self.width, |samples, out| {
                let at = |len: usize| samples.start * len..samples.end * len;
                let bias = if bias_sample > 0 { &bias[at(bias_sample)] } else { bias };
                let source = Sides::one(&source[at(pixels * self.depth)], self.depth);
                self.run(Source::Numbers(source), bias, Out::new(out, Add::Nothing));
            })
        }
    }

    /// Runs it over as many whole samples as `source` has, on this thread; `bias` is nothing, one row for all of them, or a
    /// row for each.
    pub fn run(&self, source: Source, bias: &[f32], out: Out) {
        let Self { isa, positions, depth, width, ref weights } = *self;
        let pixels = positions.h * positions.w;
        let n = source.pixels().pixels() / pixels;
        assert_eq!((source.pixels().len(), source.pixels().channels()), (n * pixels * depth, depth));
        assert_eq!(out.numbers.len(), n * pixels * width);
        if let Source::Normalized(normalized) = source {
            assert_eq!(normalized.len(), n);
        }
        assert!(depth.is_multiple_of(COLUMNS) && width.is_multiple_of(COLUMNS));
        weights.check(width);
        let bias_sample = bias_sample(bias, n, width);
        let (numbers, add) = (out.numbers.as_mut_ptr().cast::<f32>(), out.add);
        for group in groups(0..n, samples_at_once(pixels)) {
            let at = group.start * pixels;
            let samples = Samples {
                positions,
                n: group.len(),
                depth,
                width,
                source,
                first: group.start,
                weights,
                bias: &bias[group.start * bias_sample..],
                bias_sample,
                out: numbers.wrapping_add(at * width),
                add: if add.is_null() { add } else { add.wrapping_add(at * width) },
            };
            // SAFETY: the lengths are checked, and every group has its own part of the output.
            unsafe { isa.run(samples) };
        }
    }
}

/// What a convolution reads, `[n, H, W, depth]`.
#[derive(Clone, Copy)]
pub(in crate::kernels::conv) enum Source<'a> {
    Numbers(Sides<'a>),
    /// Normalized on the way.
    Normalized(&'a Normalized<'a>),
}

impl<'a> Source<'a> {
    fn pixels(self) -> Sides<'a> {
        match self {
            Self::Numbers(numbers) => numbers,
            Self::Normalized(normalized) => normalized.x,
        }
    }
}

/// `n` samples of checked lengths: those of `source` from number `first` on, `out` and, unless null, `add` `[n, H, W, width]`, `bias`
/// empty or with `width` numbers from every multiple of `bias_sample` on.
struct Samples<'a> {
    positions: Positions,
    n: usize,
    depth: usize,
    width: usize,
    source: Source<'a>,
    first: usize,
    weights: &'a Weights,
    bias: &'a [f32],
    bias_sample: usize,
    out: *mut f32,
    add: *const f32,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl TileKernel for Samples<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd, T: Tiles>(self) {
        let Self { positions, n, depth, width, weights, .. } = self;
        let span = positions.span(n);
        // The last tile reads this far: its own rows, the last row of the kernel, and whole steps there.
        let last = span.next_multiple_of(ROWS) - 1 + positions.tap(positions.k - 1, 0);
        let mut bordered = Scratch::new((last * depth + weights.steps * DEPTH) / 2);
        // SAFETY: there is room for the pixels of n samples: `last` is at least `first` + `span` - 1.
        unsafe { self.border::<S>(&mut bordered) };
        let mut sums = Scratch::new(MOST_ROWS * LINE);
        let block = Block { left: bordered.as_ptr().cast(), pixel: 2 * depth, row: 2 * depth * positions.row, weights };
        // Four tiles of sums are under way: two by two, or, where there is one tile of columns, four.
        let most = if width == COLUMNS { MOST_ROWS } else { 2 * ROWS };
        for start in (0..span).step_by(most) {
            let rows = (span - start).min(most);
            for column in (0..width).step_by(2 * COLUMNS) {
                let columns = (width - column).min(2 * COLUMNS);
                // SAFETY: the tiles' rows lie in `bordered`, their columns in the weights; the sums have room for all of
                // them.
                unsafe {
                    match (rows.div_ceil(ROWS), columns > COLUMNS) {
                        (1, true) => block.run::<T, 1, 2>(start, column, sums.as_mut_ptr()),
                        (_, true) => block.run::<T, 2, 2>(start, column, sums.as_mut_ptr()),
                        (1, false) => block.run::<T, 1, 1>(start, column, sums.as_mut_ptr()),
                        (2, false) => block.run::<T, 2, 1>(start, column, sums.as_mut_ptr()),
                        (3, false) => block.run::<T, 3, 1>(start, column, sums.as_mut_ptr()),
                        (_, false) => block.run::<T, 4, 1>(start, column, sums.as_mut_ptr()),
                    }
                    self.write::<S>(start..start + rows, column, columns, &sums);
                }
            }
        }
    }
}

/// Positions whose sums are made together, at most.
const MOST_ROWS: usize = 4 * ROWS;
/// Numbers of a row of sums.
const LINE: usize = 2 * COLUMNS;

impl Samples<'_> {
    /// Rounds the pixels to bf16 and puts them in their places, zeros everywhere else.
    ///
    /// # Safety
    /// The processor has `S`; the depth is a multiple of 16, and `out` has room for all samples.
    #[inline(always)]
    unsafe fn border<S: PairSimd>(&self, out: &mut [f32]) {
        let (p, depth) = (self.positions, self.depth);
        // Words: pairs of numbers.
        let (pixel, all) = (depth / 2, out.len());
        let mut place = 0;
        let mut zero = |place: &mut usize, until: usize| {
            out[*place..until].fill(0.0);
            *place = until;
            out.as_mut_ptr()
        };
        // Rows without zeros between them are one.
        let (rows, pixels) = if p.row == p.w { (1, p.h * p.w) } else { (p.h, p.w) };
        for sample in 0..self.n {
            for row in 0..rows {
                let start = (p.first + sample * p.sample + row * p.row) * pixel;
                let to = zero(&mut place, start).wrapping_add(start);
                let first = ((self.first + sample) * rows + row) * pixels;
                // SAFETY: the caller's promise.
                unsafe {
                    match self.source {
                        Source::Normalized(normalized) => {
                            normalized.round::<S>(self.first + sample, first..first + pixels, to);
                        }
                        Source::Numbers(numbers) => round::<S>(numbers, first..first + pixels, to),
                    }
                }
                place = start + pixels * pixel;
            }
        }
        zero(&mut place, all);
    }

    /// Writes the sums of some positions and columns to their pixels.
    ///
    /// # Safety
    /// The processor has `S`; the positions are those of pixels, or zeros; `sums` is what [`Block::run`] left.
    #[inline(always)]
    unsafe fn write<S: PairSimd>(&self, positions: Range<usize>, column: usize, columns: usize, sums: &[f32]) {
        let start = positions.start;
        for run in self.positions.runs(positions) {
            for c in (0..columns).step_by(S::LANES) {
                // SAFETY: columns are whole vectors; the pixels are those of the output.
                unsafe {
                    let mut sum = sums.as_ptr().add((run.position - start) * LINE + c);
                    let mut at = run.pixel * self.width + column + c;
                    let bias = match self.bias.is_empty() {
                        true => S::splat(0.0),
                        false => S::load(self.bias.as_ptr().add(run.sample * self.bias_sample + column + c)),
                    };
                    if self.add.is_null() {
                        for _ in 0..run.length {
                            S::store(self.out.add(at), S::add(S::load(sum), bias));
                            (sum, at) = (sum.add(LINE), at + self.width);
                        }
                    } else {
                        for _ in 0..run.length {
                            let plus = S::add(S::load(self.add.add(at)), bias);
                            S::store(self.out.add(at), S::add(S::load(sum), plus));
                            (sum, at) = (sum.add(LINE), at + self.width);
                        }
                    }
                }
            }
        }
    }
}

/// Some positions times some columns.
struct Block<'a> {
    /// The bordered source, bytes from pixel to pixel and from row to row.
    left: *const u8,
    pixel: usize,
    row: usize,
    weights: &'a Weights,
}

impl Block<'_> {
    /// The sums of 16·M positions from `start` on and 16·N columns from `column` on; M · N is four at most.
    ///
    /// # Safety
    /// Inside a [`TileKernel::run`] of `T`; the positions, their taps and the columns are there, `sums` has 16·M rows.
    #[inline(always)]
    unsafe fn run<T: Tiles, const M: usize, const N: usize>(&self, start: usize, column: usize, sums: *mut f32) {
        const { assert!(M * N <= 4 && (N == 1 || N == 2 && M <= 2)) };
        let Weights { k, steps, .. } = *self.weights;
        let block = k * steps * WORDS;
        let mut right = self.weights.columns(column / COLUMNS);
        let tile = ROWS * self.pixel;
        // SAFETY: the caller's promise.
        unsafe {
            T::zero::<0>();
            T::zero::<1>();
            T::zero::<2>();
            T::zero::<3>();
            for ky in 0..k {
                let mut left = self.left.add(start * self.pixel + ky * self.row);
                for _ in 0..steps {
                    T::load::<4>(left, self.pixel);
                    T::load::<6>(right.cast(), ROW_BYTES);
                    T::multiply::<0, 4, 6>();
                    if N == 2 {
                        T::load::<7>(right.add(block).cast(), ROW_BYTES);
                        T::multiply::<1, 4, 7>();
                    }
                    if M > 1 {
                        T::load::<5>(left.add(tile), self.pixel);
                        T::multiply::<2, 5, 6>();
                        if N == 2 {
                            T::multiply::<3, 5, 7>();
                        }
                    }
                    if M > 2 {
                        T::load::<4>(left.add(2 * tile), self.pixel);
                        T::multiply::<1, 4, 6>();
                    }
                    if M > 3 {
                        T::load::<5>(left.add(3 * tile), self.pixel);
                        T::multiply::<3, 5, 6>();
                    }
                    left = left.add(2 * DEPTH);
                    right = right.add(WORDS);
                }
            }
            const ROW: usize = LINE * size_of::<f32>();
            let rows = |i: usize| sums.add(i * ROWS * LINE);
            T::store::<0>(rows(0), ROW);
            if N == 2 {
                T::store::<1>(rows(0).add(COLUMNS), ROW);
            }
            if M > 1 {
                T::store::<2>(rows(1), ROW);
                if N == 2 {
                    T::store::<3>(rows(1).add(COLUMNS), ROW);
                }
            }
            if M > 2 {
                T::store::<1>(rows(2), ROW);
            }
            if M > 3 {
                T::store::<3>(rows(3), ROW);
            }
        }
    }
}

/// Some pixels, rounded to `to`, `[pixels, channels]`.
///
/// # Safety
/// The processor has `S`, the pixels are there, their channels are whole vectors, and `to` has room.
#[inline(always)]
unsafe fn round<S: PairSimd>(of: Sides, pixels: Range<usize>, to: *mut f32) {
    let channels = of.channels();
    if let Some(numbers) = of.in_one_piece() {
        let from = numbers.as_ptr().wrapping_add(pixels.start * channels);
        for i in (0..pixels.len() * channels).step_by(S::LANES) {
            // SAFETY: the caller's promise.
            unsafe { S::store_rounded(to.add(i / 2), S::load(from.add(i))) };
        }
        return;
    }
    for c in (0..channels).step_by(S::LANES) {
        let Column { first, row, .. } = of.column(c);
        for (i, pixel) in pixels.clone().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { S::store_rounded(to.add((i * channels + c) / 2), S::load(first.add(pixel * row))) };
        }
    }
}
