//! Forward pass, and the data gradient with turned weights.

use std::ops::Range;

use super::block::{Block, LINE, MOST_ROWS};
use super::layout::{Layout, Results};
use super::positions::{Positions, Run};
use super::transposed::transposed;
use super::weights::Weights;
use super::{Geometry, fits};
use crate::kernels::buffers::{Scratch, filled_shares};
use crate::kernels::columns::{Columns, load, walk};
use crate::kernels::conv::groups::{groups, samples_at_once};
use crate::kernels::conv::out::{Add, Out, bias_sample};
use crate::kernels::conv::source::Source;
use crate::kernels::factor::Factor;
use crate::kernels::sides::{Column, Sides};
use crate::kernels::simd::{COLUMNS, DEPTH, Isa, PairSimd, ROWS, TileIsa, TileKernel, Tiles};

/// A convolution whose weights are packed.
pub(in crate::kernels::conv) struct TileConvolution {
    isa: TileIsa,
    layout: Layout,
    /// Of each of the layout's results.
    weights: Vec<Weights>,
    /// Pixels and channels of the source and of the result.
    source: Image,
    result: Image,
}

/// The size of a sample.
#[derive(Clone, Copy)]
struct Image {
    pixels: usize,
    channels: usize,
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
        let (input, output) = Self::images(g);
        Self::new(isa, Layout::forward(g), w, input, output)
    }

    pub(super) fn data_gradient_on(isa: TileIsa, g: &Geometry, w: &[f32]) -> Self {
        let (input, output) = Self::images(g);
        Self::new(isa, Layout::data_gradient(g), &transposed(isa, w, g.c_in, g.c_out), output, input)
    }

    fn images(g: &Geometry) -> (Image, Image) {
        let input = Image { pixels: g.h * g.w, channels: g.c_in };
        (input, Image { pixels: g.out_h * g.out_w, channels: g.c_out })
    }

    /// `w` is `[taps, depth, width]`.
    fn new(isa: TileIsa, layout: Layout, w: &[f32], source: Image, result: Image) -> Self {
        let weights = layout.results.iter();
        let weights = weights.map(|results| Weights::new(isa, w, &results.reaches, source.channels, result.channels));
        Self { isa, weights: weights.collect(), layout, source, result }
    }

    /// To be kept, in memory of its own; returns how many words that is.
    pub fn set_apart(&mut self) -> usize {
        self.weights.iter_mut().map(Weights::set_apart).sum()
    }

    pub fn isa(&self) -> TileIsa {
        self.isa
    }

    /// The result `[n, H', W', width]` of `source` `[n, H, W, depth]`, on all threads.
    pub fn run_on_all(&self, source: &[f32], bias: &[f32]) -> Vec<f32> {
        let Image { pixels, channels } = self.source;
        let n = source.len() / (pixels * channels);
        assert_eq!(source.len(), n * pixels * channels);
        let bias_sample = bias_sample(bias, n, self.result.channels);
        // SAFETY: `run` writes all of its output.
        unsafe {
            filled_shares(n, self.result.pixels * self.result.channels, |samples, out| {
                let at = |len: usize| samples.start * len..samples.end * len;
                let bias = if bias_sample > 0 { &bias[at(bias_sample)] } else { bias };
                let source = Sides::one(&source[at(pixels * channels)], channels);
                self.run(source.into(), bias, Out::new(out, Add::Nothing));
            })
        }
    }

    /// Runs it over as many whole samples as `source` has, on this thread; `bias` is nothing, one row for all of them, or a
    /// row for each.
    pub fn run(&self, source: Source, bias: &[f32], out: Out) {
        let Self { isa, source: Image { pixels, channels: depth }, result, .. } = *self;
        let n = source.pixels() / pixels;
        assert_eq!((source.pixels(), source.channels()), (n * pixels, depth));
        assert_eq!(out.numbers.len(), n * result.pixels * result.channels);
        if let Source::Normalized(normalized) = source {
            assert_eq!(normalized.len(), n);
        }
        assert!(depth.is_multiple_of(COLUMNS) && result.channels.is_multiple_of(COLUMNS));
        self.weights.iter().for_each(|weights| weights.check(result.channels));
        let bias_sample = bias_sample(bias, n, result.channels);
        let (numbers, add) = (out.numbers.as_mut_ptr().cast::<f32>(), out.add);
        for group in groups(0..n, samples_at_once(pixels)) {
            let at = group.start * result.pixels * result.channels;
            let samples = Samples {
                convolution: self,
                n: group.len(),
                source,
                first: group.start,
                bias: &bias[group.start * bias_sample..],
                bias_sample,
                out: numbers.wrapping_add(at),
                add: if add.is_null() { add } else { add.wrapping_add(at) },
            };
            // SAFETY: the lengths are checked, and every group has its own part of the output.
            unsafe { isa.run(samples) };
        }
    }
}

/// `n` samples of checked lengths: those of `source` from number `first` on, `out` and, unless null, `add` `[n, H', W', width]`, `bias`
/// empty or with `width` numbers from every multiple of `bias_sample` on.
struct Samples<'a> {
    convolution: &'a TileConvolution,
    n: usize,
    source: Source<'a>,
    first: usize,
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
        let TileConvolution { layout, weights, source: Image { channels: depth, .. }, result, .. } = self.convolution;
        let (n, width) = (self.n, result.channels);
        // The last tile reads this far: its own rows, the reach that is farthest, and whole steps there.
        let read = |results: &Results, weights: &Weights| {
            let rows = results.positions.span(n).next_multiple_of(ROWS) - 1;
            let reaches = results.reaches.iter().zip(&weights.steps);
            let ends = reaches.map(|(reach, steps)| (rows + layout.distance(reach, n)) * depth + steps * DEPTH);
            ends.max().unwrap_or(0)
        };
        let reads = layout.results.iter().zip(weights).map(|(results, weights)| read(results, weights));
        let planes = layout.planes.len() * layout.plane(n) * depth;
        let mut bordered = Scratch::new(reads.max().unwrap_or(0).max(planes) / 2);
        // SAFETY: there is room for all planes.
        unsafe { self.border::<S>(&mut bordered) };
        let mut sums = Scratch::new(MOST_ROWS * LINE);
        for (results, weights) in layout.results.iter().zip(weights) {
            let span = results.positions.span(n);
            let reaches: Vec<usize> =
                results.reaches.iter().map(|reach| 2 * depth * layout.distance(reach, n)).collect();
            let block = Block { left: bordered.as_ptr().cast(), pixel: 2 * depth, reaches: &reaches, weights };
            // Four tiles of sums are under way: two by two, or, where there is one tile of columns, four.
            let most = if width == COLUMNS { MOST_ROWS } else { 2 * ROWS };
            for start in (0..span).step_by(most) {
                let rows = (span - start).min(most);
                for column in (0..width).step_by(2 * COLUMNS) {
                    let columns = (width - column).min(2 * COLUMNS);
                    // SAFETY: the tiles' rows lie in `bordered`, their columns in the weights; the sums have room for all
                    // of them.
                    unsafe {
                        match (rows.div_ceil(ROWS), columns > COLUMNS) {
                            (1, true) => block.run::<T, 1, 2>(start, column, sums.as_mut_ptr()),
                            (_, true) => block.run::<T, 2, 2>(start, column, sums.as_mut_ptr()),
                            (1, false) => block.run::<T, 1, 1>(start, column, sums.as_mut_ptr()),
                            (2, false) => block.run::<T, 2, 1>(start, column, sums.as_mut_ptr()),
                            (3, false) => block.run::<T, 3, 1>(start, column, sums.as_mut_ptr()),
                            (_, false) => block.run::<T, 4, 1>(start, column, sums.as_mut_ptr()),
                        }
                        self.write::<S>(&results.positions, start..start + rows, column, columns, &sums);
                    }
                }
            }
        }
    }
}

impl Samples<'_> {
    /// Rounds the pixels to bf16 and puts them in their places, zeros everywhere else.
    ///
    /// # Safety
    /// The processor has `S`; the depth is a multiple of 16, and `out` has room for all planes.
    #[inline(always)]
    unsafe fn border<S: PairSimd>(&self, out: &mut [f32]) {
        let TileConvolution { layout, source: image, .. } = self.convolution;
        // Words: pairs of numbers.
        let (pixel, all) = (image.channels / 2, out.len());
        let mut place = 0;
        let mut zero = |place: &mut usize, until: usize| {
            out[*place..until].fill(0.0);
            *place = until;
            out.as_mut_ptr()
        };
        for (number, p) in layout.planes.iter().enumerate() {
            // Rows without zeros between them are one.
            let whole = p.stride == 1;
            let (rows, columns) = if whole && p.row == p.w { (1, p.h * p.w) } else { (p.h, p.w) };
            let inside = (0..columns).filter(|&x| whole || p.in_image(1, x).is_some());
            let (before, count) = (inside.clone().next().unwrap_or(0), inside.count());
            for sample in 0..self.n {
                for row in 0..rows {
                    let Some(y) = p.in_image(0, row) else { continue };
                    let start = number * layout.plane(self.n) + layout.first + sample * p.sample + row * p.row + before;
                    let first = (self.first + sample) * image.pixels + y * p.image[1];
                    let to = zero(&mut place, start * pixel).wrapping_add(start * pixel);
                    // SAFETY: the caller's promise.
                    unsafe {
                        if whole {
                            self.round::<S>(sample, first..first + count, to);
                        } else {
                            let first = first + p.in_image(1, before).unwrap_or(0);
                            for i in 0..count {
                                let pixels = first + p.stride * i..first + p.stride * i + 1;
                                self.round::<S>(sample, pixels, to.wrapping_add(i * pixel));
                            }
                        }
                    }
                    place = (start + count) * pixel;
                }
            }
        }
        zero(&mut place, all);
    }

    /// Some pixels of a sample, rounded to `to`.
    ///
    /// # Safety
    /// As of [`Self::border`]; the pixels are there, and there is room for them.
    #[inline(always)]
    unsafe fn round<S: PairSimd>(&self, sample: usize, pixels: Range<usize>, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.source {
                Source::Normalized(normalized) => normalized.round::<S>(self.first + sample, pixels, to),
                Source::Factor(Factor::Numbers(numbers)) => round::<S>(numbers, pixels, to),
                Source::Factor(Factor::Rounded(rounded)) => {
                    let words = rounded.channels() / 2;
                    let from = rounded.words().as_ptr().wrapping_add(pixels.start * words);
                    from.copy_to_nonoverlapping(to, pixels.len() * words);
                }
            }
        }
    }

    /// Writes the sums of some positions and columns to their pixels.
    ///
    /// # Safety
    /// The processor has `S`; the positions are those of pixels, or zeros; `sums` is what [`Block::run`] left.
    #[inline(always)]
    unsafe fn write<S: PairSimd>(
        &self,
        results: &Positions,
        positions: Range<usize>,
        column: usize,
        columns: usize,
        sums: &[f32],
    ) {
        for run in results.runs(positions.clone()) {
            let from = sums.as_ptr().wrapping_add((run.position - positions.start) * LINE);
            let mut c = 0;
            while c < columns {
                // SAFETY: columns are whole vectors; the pixels are those of the output.
                c += S::LANES
                    * unsafe {
                        match (columns - c) / S::LANES {
                            2.. if !S::FEW_REGISTERS => {
                                self.write_run::<S, 2>(&run, results.stride, column + c, from.add(c))
                            }
                            _ => self.write_run::<S, 1>(&run, results.stride, column + c, from.add(c)),
                        }
                    };
            }
        }
    }

    /// The same of the pixels of one row and N vectors of columns; returns N.
    ///
    /// # Safety
    /// As of [`Self::write`].
    #[inline(always)]
    unsafe fn write_run<S: PairSimd, const N: usize>(
        &self,
        run: &Run,
        stride: usize,
        column: usize,
        mut sum: *const f32,
    ) -> usize {
        let width = self.convolution.result.channels;
        let (mut at, next) = (run.pixel * width + column, stride * width);
        // SAFETY: the caller's promise.
        unsafe {
            let bias = match self.bias.is_empty() {
                true => [S::splat(0.0); N],
                false => load::<S, N>(self.bias, run.sample * self.bias_sample + column),
            };
            if self.add.is_null() {
                for _ in 0..run.length {
                    for (v, &bias) in bias.iter().enumerate() {
                        let v = v * S::LANES;
                        S::store(self.out.add(at + v), S::add(S::load(sum.add(v)), bias));
                    }
                    (sum, at) = (sum.add(LINE), at + next);
                }
            } else {
                for _ in 0..run.length {
                    for (v, &bias) in bias.iter().enumerate() {
                        let v = v * S::LANES;
                        let plus = S::add(S::load(self.add.add(at + v)), bias);
                        S::store(self.out.add(at + v), S::add(S::load(sum.add(v)), plus));
                    }
                    (sum, at) = (sum.add(LINE), at + next);
                }
            }
        }
        N
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
    // SAFETY: the caller's promise.
    unsafe { walk::<S>(of, 4, &mut Rounding { pixels, to, row: channels / 2 }) };
}

/// [`round`] on its way: `row` words from pixel to pixel of `to`.
struct Rounding {
    pixels: Range<usize>,
    to: *mut f32,
    row: usize,
}

impl<S: PairSimd> Columns<S> for Rounding {
    // SAFETY: as the trait says.
    #[inline(always)]
    unsafe fn walk<const N: usize>(&mut self, c: usize, x: Column<*const f32>) {
        let mut from = x.first.wrapping_add(self.pixels.start * x.row);
        let mut to = self.to.wrapping_add(c / 2);
        for _ in self.pixels.clone() {
            for v in 0..N {
                // SAFETY: the caller's promise.
                unsafe { S::store_rounded(to.add(v * S::LANES / 2), S::load(from.add(v * S::LANES))) };
            }
            (from, to) = (from.wrapping_add(x.row), to.wrapping_add(self.row));
        }
    }
}
