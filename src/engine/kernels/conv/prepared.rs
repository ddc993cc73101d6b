//! A convolution, prepared once and then run: over a few samples at a time on the calling thread, for operations that fuse
//! several steps, or over all samples on all threads.
//!
//! How it is computed is settled by its shape when it is prepared: a few integer operations beside the
//! packing of the weights, which every call needs anyway.

use std::ops::Range;

use super::amx::Source;
use super::correlation::Correlation;
use super::form::Form;
use super::geometry::Geometry;
use super::out::{Add, Out};
use super::panels::Panels;
use super::weight_gradient::{self as direct, summed};
use super::{amx, winograd, winograd_bf16};
use crate::kernels::buffers::{Part, Scratch};
use crate::kernels::group_norm::{Activation, Normalized};
use crate::kernels::sides::{Sides, in_one_piece};
use crate::kernels::simd::{Isa, PairIsa};

/// How a convolution is computed.
enum Way {
    Direct(Correlation, Panels),
    Winograd(Form, Panels),
    Tiles(amx::TileConvolution),
}

/// Output from input, or the input's gradient from the output's.
pub(crate) struct Prepared {
    isa: Isa,
    g: Geometry,
    /// Channels of the source and of the result.
    depth: usize,
    width: usize,
    way: Way,
}

impl Prepared {
    /// Output from input; `w` is `[k, k, c_in, c_out]`.
    pub fn forward(isa: Isa, g: &Geometry, w: &[f32]) -> Self {
        let way = if let Some(tiles) = amx::TileConvolution::forward(isa, g, w) {
            Way::Tiles(tiles)
        } else if let Some(pairs) = winograd_bf16::fits(g, isa) {
            Way::Winograd(Form::Bf16(pairs), winograd_bf16::transformed(pairs, w, g.c_in, g.c_out))
        } else if winograd::fits(g, isa.lanes()) {
            Way::Winograd(Form::F32(isa), winograd::transformed(isa, w, g.c_in, g.c_out))
        } else {
            Way::Direct(Correlation::forward(g), Panels::pack(w, g.k * g.k, g.c_in, g.c_out, isa.lanes()))
        };
        Self { isa, g: *g, depth: g.c_in, width: g.c_out, way }
    }

    /// The input's gradient from the output's.
    pub fn data_gradient(isa: Isa, g: &Geometry, w: &[f32]) -> Self {
        let way = if let Some(tiles) = amx::TileConvolution::data_gradient(isa, g, w) {
            Way::Tiles(tiles)
        } else if let Some(pairs) = winograd_bf16::fits(g, isa) {
            let turned = winograd::turned(w, g.c_in, g.c_out);
            Way::Winograd(Form::Bf16(pairs), winograd_bf16::transformed(pairs, &turned, g.c_out, g.c_in))
        } else if winograd::fits(g, isa.lanes()) {
            Way::Winograd(Form::F32(isa), winograd::transformed_for_data_gradient(isa, w, g.c_in, g.c_out))
        } else {
            let panels = Panels::pack_transposed(w, g.k * g.k, g.c_out, g.c_in, isa.lanes());
            Way::Direct(Correlation::data_gradient(g), panels)
        };
        Self { isa, g: *g, depth: g.c_out, width: g.c_in, way }
    }

    /// Runs it over all samples, on all threads; `bias` as in [`Self::run`].
    pub fn run_on_all(&self, source: &[f32], bias: &[f32]) -> Vec<f32> {
        match &self.way {
            Way::Tiles(tiles) => tiles.run_on_all(source, bias),
            Way::Winograd(form, panels) => form.forward(&self.g, (self.depth, self.width), source, panels, bias),
            Way::Direct(direct, panels) => direct.run(self.isa, source, panels, bias),
        }
    }

    /// Runs it over as many whole samples as `source` has, on this thread; `bias` is nothing, one row for all of them,
    /// or a row for each.
    pub fn run(&self, source: &[f32], bias: &[f32], add: Add, out: Part) {
        let Self { isa, g, .. } = self;
        let channels = (self.depth, self.width);
        match &self.way {
            Way::Tiles(tiles) => tiles.run(Source::Numbers(Sides::one(source, self.depth)), bias, Out::new(out, add)),
            Way::Winograd(form, panels) => form.forward_into(g, channels, source, panels, bias, Out::new(out, add)),
            Way::Direct(direct, panels) => {
                direct.run_into(*isa, source, panels, bias, out);
                let Add::Numbers(numbers) = add else { return };
                assert_eq!(numbers.len(), out.len());
                for (out, number) in out.iter_mut().zip(numbers) {
                    // SAFETY: the correlation has written all of the output.
                    out.write(unsafe { out.assume_init() } + number);
                }
            }
        }
    }

    /// The same of a source that may lie in two pieces.
    pub fn run_on_sides(&self, source: Sides, bias: &[f32], add: Add, out: Part) {
        match &self.way {
            Way::Tiles(tiles) => tiles.run(Source::Numbers(source), bias, Out::new(out, add)),
            _ => self.run(in_one_piece(self.isa, source, &mut Scratch::new(0)), bias, add, out),
        }
    }

    /// Whether it can normalize its source itself, with this function behind.
    pub fn normalizes(&self, activation: Activation) -> bool {
        matches!(self.way, Way::Tiles(_)) && activation == Activation::SiluForBf16
    }

    /// The same of normalized values, where [`Self::normalizes`].
    ///
    /// # Panics
    /// Where it does not.
    pub fn run_normalized(&self, source: &Normalized, bias: &[f32], add: Add, out: Part) {
        let Way::Tiles(tiles) = &self.way else { unreachable!("only convolutions on tiles normalize their source") };
        tiles.run(Source::Normalized(source), bias, Out::new(out, add));
    }
}

/// The weights' gradient, summed over groups of samples.
pub(crate) enum WeightSum {
    Direct(direct::WeightSum),
    Winograd(winograd::WeightSum),
    WinogradBf16(PairIsa, winograd_bf16::WeightSum),
    Tiles(amx::WeightSum),
}

impl WeightSum {
    pub fn new(isa: Isa, g: &Geometry) -> Self {
        Self::by_other_ways(isa, g).unwrap_or_else(|| Self::Direct(direct::WeightSum::new(isa, g)))
    }

    /// `None` where it is summed directly.
    fn by_other_ways(isa: Isa, g: &Geometry) -> Option<Self> {
        if let Some(tiles) = amx::WeightSum::new(isa, g) {
            Some(Self::Tiles(tiles))
        } else if let Some(pairs) = winograd_bf16::fits(g, isa) {
            Some(Self::WinogradBf16(pairs, winograd_bf16::WeightSum::new(g)))
        } else if winograd::fits(g, isa.lanes()) {
            Some(Self::Winograd(winograd::WeightSum::new(g)))
        } else {
            None
        }
    }

    /// Of all samples, each thread's consecutive share added up, the threads' sums in order. `None` where it is summed
    /// directly.
    pub fn of_all(isa: Isa, g: &Geometry, x: &[f32], dy: &[f32]) -> Option<Vec<f32>> {
        assert_eq!((x.len(), dy.len()), (g.n * g.input_len(), g.n * g.output_len()));
        let share = |mine: Range<usize>| {
            let mut sum = Self::by_other_ways(isa, g)?;
            let x = &x[mine.start * g.input_len()..mine.end * g.input_len()];
            sum.add(isa, g, x, &dy[mine.start * g.output_len()..mine.end * g.output_len()]);
            Some(sum)
        };
        let merge = |sum: &mut Option<Self>, more: &Option<Self>| {
            if let (Some(sum), Some(more)) = (sum, more) {
                sum.merge(more);
            }
        };
        Some(summed(g.n, share, merge)??.finish(isa, g))
    }

    /// Adds whole samples of input and output gradient.
    pub fn add(&mut self, isa: Isa, g: &Geometry, x: &[f32], dy: &[f32]) {
        match self {
            Self::Direct(sum) => sum.add(isa, g, x, dy),
            Self::Winograd(sum) => sum.add(isa, g, x, dy),
            Self::WinogradBf16(isa, sum) => sum.add(*isa, g, x, dy),
            Self::Tiles(sum) => sum.add(Sides::one(x, g.c_in), dy),
        }
    }

    /// The same of an input that may lie in two pieces.
    pub fn add_sides(&mut self, isa: Isa, g: &Geometry, x: Sides, dy: &[f32]) {
        match self {
            Self::Tiles(sum) => sum.add(x, dy),
            _ => self.add(isa, g, in_one_piece(isa, x, &mut Scratch::new(0)), dy),
        }
    }

    /// Adds another sum of the same convolution.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Direct(sum), Self::Direct(other)) => sum.merge(other),
            (Self::Winograd(sum), Self::Winograd(other)) => sum.merge(other),
            (Self::WinogradBf16(_, sum), Self::WinogradBf16(_, other)) => sum.merge(other),
            (Self::Tiles(sum), Self::Tiles(other)) => sum.merge(other),
            _ => unreachable!("sums of one convolution go one way"),
        }
    }

    /// `[k, k, c_in, c_out]`.
    pub fn finish(self, isa: Isa, g: &Geometry) -> Vec<f32> {
        match self {
            Self::Direct(sum) => sum.finish(g),
            Self::Winograd(sum) => sum.finish(isa),
            Self::WinogradBf16(_, sum) => sum.finish(),
            Self::Tiles(sum) => sum.finish(),
        }
    }
}

/// Adds the sum over the pixels of each sample of `dy` `[n, pixels, channels]` to a new row of `rows`.
pub(crate) fn push_pixel_sums(isa: Isa, channels: usize, sample_len: usize, dy: &[f32], rows: &mut Vec<f32>) {
    for sample in dy.chunks_exact(sample_len) {
        rows.extend(direct::pixel_sum(isa, channels, sample));
    }
}

/// Rows of `channels` numbers, one for each sample, as they are or summed in order.
pub(crate) fn rows_or_sum(rows: Vec<f32>, channels: usize, per_sample: bool) -> Vec<f32> {
    if per_sample {
        return rows;
    }
    let mut total = vec![0.0; channels];
    for row in rows.chunks_exact(channels) {
        total.iter_mut().zip(row).for_each(|(a, b)| *a += b);
    }
    total
}
