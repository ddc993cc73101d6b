//! The direct kernel: forward pass and data gradient.
//!
//! Both add, for each output pixel, a few input pixels ("taps") times a matrix each. In the forward
//! pass input pixel `stride · y + k_y` meets weight tap `(k_y, k_x)`. In the data gradient the
//! output's pixels fall into stride² phases, each with its own taps:
//! input row y meets output row (y + before − k_y) / stride, where that is whole.

use super::geometry::{Border, Geometry};
use super::panels::Panels;
use crate::kernels::buffers::{Part, Scratch, filled};
use crate::kernels::simd::{Isa, Kernel, Simd};
use crate::kernels::tile::{Product, Tap, product};

/// A grid of output pixels that share their taps.
#[derive(Debug)]
struct Phase {
    taps: Vec<Tap>,
    rows: usize,
    columns: usize,
    /// Numbers in the bordered source from output row to output row, and from pixel to pixel.
    source_row: usize,
    source_pixel: usize,
    out_start: usize,
    out_row: usize,
    out_pixel: usize,
}

/// A correlation, of any number of samples.
pub(super) struct Correlation {
    source_len: usize,
    out_len: usize,
    /// How the source is bordered; `None` where it is read as it is.
    border: Option<Border>,
    depth: usize,
    width: usize,
    /// Taps of the weights.
    taps: usize,
    phases: Vec<Phase>,
}

impl Correlation {
    /// Output from input; wants the weights packed as `[k², c_in, c_out]`.
    pub fn forward(g: &Geometry) -> Self {
        let border = g.border();
        let row = border.w * g.c_in;
        let taps =
            (0..g.k * g.k).map(|t| Tap { source: t / g.k * row + t % g.k * g.c_in, weights: t * g.c_in }).collect();
        let phase = Phase {
            taps,
            rows: g.out_h,
            columns: g.out_w,
            source_row: g.stride * row,
            source_pixel: g.stride * g.c_in,
            out_start: 0,
            out_row: g.out_w * g.c_out,
            out_pixel: g.c_out,
        };
        Self {
            source_len: g.input_len(),
            out_len: g.output_len(),
            border: (!g.pointwise()).then_some(border),
            depth: g.c_in,
            width: g.c_out,
            taps: g.k * g.k,
            phases: vec![if g.pointwise() { phase.flattened() } else { phase }],
        }
    }

    /// The input's gradient from the output's; wants the weights packed as `[k², c_out, c_in]`.
    pub fn data_gradient(g: &Geometry) -> Self {
        // Along one axis: (k, distance of the output row from the phase's row counter).
        let meets = |phase: usize| -> Vec<(usize, isize)> {
            let at = |k: usize| (phase + g.before) as isize - k as isize;
            let s = g.stride as isize;
            (0..g.k).filter(|&k| at(k).rem_euclid(s) == 0).map(|k| (k, at(k).div_euclid(s))).collect()
        };
        let distances = || (0..g.stride).flat_map(meets).map(|(_, d)| d);
        let before = distances().min().unwrap_or(0).min(0).unsigned_abs();
        let after = distances().max().unwrap_or(0).max(0) as usize;
        let border = Border {
            source_h: g.out_h,
            source_w: g.out_w,
            top: before,
            left: before,
            h: before + (g.h - 1) / g.stride + 1 + after,
            w: before + (g.w - 1) / g.stride + 1 + after,
        };
        let row = border.w * g.c_out;
        let shift = |d: isize| before.wrapping_add_signed(d);
        let mut phases = Vec::new();
        for y in 0..g.stride.min(g.h) {
            for x in 0..g.stride.min(g.w) {
                let mut taps = Vec::new();
                for (ky, dy) in meets(y) {
                    for (kx, dx) in meets(x) {
                        let source = shift(dy) * row + shift(dx) * g.c_out;
                        taps.push(Tap { source, weights: (ky * g.k + kx) * g.c_out });
                    }
                }
                let phase = Phase {
                    taps,
                    rows: (g.h - y).div_ceil(g.stride),
                    columns: (g.w - x).div_ceil(g.stride),
                    source_row: row,
                    source_pixel: g.c_out,
                    out_start: (y * g.w + x) * g.c_in,
                    out_row: g.stride * g.w * g.c_in,
                    out_pixel: g.stride * g.c_in,
                };
                phases.push(if g.pointwise() { phase.flattened() } else { phase });
            }
        }
        Self {
            source_len: g.output_len(),
            out_len: g.input_len(),
            border: (!g.pointwise()).then_some(border),
            depth: g.c_out,
            width: g.c_in,
            taps: g.k * g.k,
            phases,
        }
    }

    /// Runs it over all samples. `bias` is nothing, one row for all samples, or a row for each.
    pub fn run(&self, isa: Isa, source: &[f32], weights: &Panels, bias: &[f32]) -> Vec<f32> {
        let n = source.len() / self.source_len;
        assert_eq!(source.len(), n * self.source_len);
        weights.check(self.taps, self.depth, self.width, isa.lanes());
        assert!(bias.is_empty() || bias.len() == self.width || bias.len() == n * self.width);
        let per_sample = if bias.len() > self.width { self.width } else { 0 };
        // SAFETY: the phases cover every pixel of a sample, and the panels every channel.
        unsafe {
            filled(n, self.out_len, |i, out| {
                let source = &source[i * self.source_len..][..self.source_len];
                let bias = if bias.is_empty() { bias } else { &bias[i * per_sample..][..self.width] };
                isa.run(Correlated { plan: self, source, weights, bias, out });
            })
        }
    }
}

impl Correlation {
    /// As [`Self::run`] over however many samples there are, on this thread, written to `out`.
    pub fn run_into(&self, isa: Isa, source: &[f32], weights: &Panels, bias: &[f32], out: Part) {
        let n = source.len() / self.source_len;
        assert_eq!((source.len(), out.len()), (n * self.source_len, n * self.out_len));
        weights.check(self.taps, self.depth, self.width, isa.lanes());
        assert!(bias.is_empty() || bias.len() == self.width || bias.len() == n * self.width);
        let per_sample = if bias.len() > self.width { self.width } else { 0 };
        let samples = source.chunks_exact(self.source_len).zip(out.chunks_exact_mut(self.out_len));
        for (i, (source, out)) in samples.enumerate() {
            let bias = if bias.is_empty() { bias } else { &bias[i * per_sample..][..self.width] };
            // SAFETY: one sample of checked lengths.
            unsafe { isa.run(Correlated { plan: self, source, weights, bias, out }) };
        }
    }
}

impl Phase {
    /// The same with all rows as one: right where neither side has gaps between rows.
    fn flattened(self) -> Self {
        Self { columns: self.rows * self.columns, rows: 1, ..self }
    }
}

/// One sample of a correlation: `source` of `source_len` numbers, `weights` as [`Panels::check`] wants them, `bias`
/// nothing or `width` numbers, `out` of `out_len`.
struct Correlated<'a> {
    plan: &'a Correlation,
    source: &'a [f32],
    weights: &'a Panels,
    bias: &'a [f32],
    out: Part<'a>,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for Correlated<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let plan = self.plan;
        let mut bordered;
        let source = match &plan.border {
            Some(border) => {
                bordered = Scratch::new(border.h * border.w * plan.depth);
                border.copy(self.source, plan.depth, &mut bordered);
                &bordered[..]
            }
            None => self.source,
        };
        let out = self.out.as_mut_ptr().cast::<f32>();
        let mut taps = Vec::new();
        for phase in &plan.phases {
            for panel in self.weights.iter() {
                taps.clear();
                taps.extend(phase.taps.iter().map(|t| Tap { weights: t.weights * panel.row, ..*t }));
                let bias = if self.bias.is_empty() { std::ptr::null() } else { self.bias[panel.start..].as_ptr() };
                for y in 0..phase.rows {
                    // SAFETY: the plan was made for a source, weights and an output of these
                    // lengths; this sample's output is nobody else's.
                    unsafe {
                        let row = Product {
                            source: source.as_ptr().add(y * phase.source_row),
                            source_pixel: phase.source_pixel,
                            taps: &taps,
                            depth: plan.depth,
                            weights: panel.weights,
                            weights_row: panel.row,
                            bias,
                            out: out.add(phase.out_start + y * phase.out_row + panel.start),
                            out_pixel: phase.out_pixel,
                            columns: panel.columns,
                        };
                        product::<S>(row, phase.columns, panel.vectors);
                    }
                }
            }
        }
    }
}
