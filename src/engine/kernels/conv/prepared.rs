//! A convolution, prepared once and then run: over a few samples at a time on the calling thread, for operations that fuse
//! several steps, or over all samples on all threads.
//!
//! How it is computed is settled by its shape when it is prepared: a few integer operations beside the
//! packing of the weights, which every call needs anyway.

use std::ops::Range;

use super::correlation::Correlation;
use super::form::Form;
use super::geometry::Geometry;
use super::out::{Add, Out};
use super::panels::Panels;
use super::source::Source;
use super::weight_gradient::{self as direct, summed};
use super::{amx, winograd, winograd_bf16};
use crate::kernels::buffers::{Part, Scratch};
use crate::kernels::factor::Factor;
use crate::kernels::group_norm::Activation;
use crate::kernels::sides::Sides;
use crate::kernels::simd::{Isa, PairIsa, TileIsa};

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

    /// Puts the weights into memory of their own, to be kept; returns how many words that is.
    pub fn set_apart(&mut self) -> usize {
        match &mut self.way {
            Way::Direct(_, panels) | Way::Winograd(_, panels) => panels.set_apart(),
            Way::Tiles(tiles) => tiles.set_apart(),
        }
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
    ///
    /// # Panics
    /// When the source is more than numbers, and this is not for it.
    pub fn run<'a>(&self, source: impl Into<Source<'a>>, bias: &[f32], add: Add, out: Part) {
        let Self { isa, g, .. } = self;
        let (source, channels, mut room) = (source.into(), (self.depth, self.width), Scratch::new(0));
        match &self.way {
            Way::Tiles(tiles) => tiles.run(source, bias, Out::new(out, add)),
            Way::Winograd(form, panels) => {
                form.forward_into(g, channels, source.numbers(*isa, &mut room), panels, bias, Out::new(out, add));
            }
            Way::Direct(direct, panels) => {
                direct.run_into(*isa, source.numbers(*isa, &mut room), panels, bias, out);
                let Add::Numbers(numbers) = add else { return };
                assert_eq!(numbers.len(), out.len());
                for (out, number) in out.iter_mut().zip(numbers) {
                    // SAFETY: the correlation has written all of the output.
                    out.write(unsafe { out.assume_init() } + number);
                }
            }
        }
    }

    /// Whether it can normalize its source itself, with this function behind.
    pub fn normalizes(&self, activation: Activation) -> bool {
        self.on_tiles().is_some() && activation == Activation::SiluForBf16
    }

    /// What multiplies its tiles: then its source may be rounded already.
    pub fn on_tiles(&self) -> Option<TileIsa> {
        match &self.way {
            Way::Tiles(tiles) => Some(tiles.isa()),
            _ => None,
        }
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
            let x = Sides::one(&x[mine.start * g.input_len()..mine.end * g.input_len()], g.c_in);
            sum.add(isa, g, x, Sides::one(&dy[mine.start * g.output_len()..mine.end * g.output_len()], g.c_out));
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
    ///
    /// # Panics
    /// When one of them is rounded and this is not on tiles.
    pub fn add<'a>(&mut self, isa: Isa, g: &Geometry, x: impl Into<Factor<'a>>, dy: impl Into<Factor<'a>>) {
        let (x, dy) = (x.into(), dy.into());
        let (mut joined, mut room) = (Scratch::new(0), Scratch::new(0));
        match self {
            Self::Tiles(sum) => sum.add(x, dy),
            Self::Direct(sum) => sum.add(isa, g, x.numbers(isa, &mut joined), dy.numbers(isa, &mut room)),
            Self::Winograd(sum) => sum.add(isa, g, x.numbers(isa, &mut joined), dy.numbers(isa, &mut room)),
            Self::WinogradBf16(pairs, sum) => {
                sum.add(*pairs, g, x.numbers(isa, &mut joined), dy.numbers(isa, &mut room))
            }
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
