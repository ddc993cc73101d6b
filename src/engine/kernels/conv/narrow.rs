//! Convolutions to one or a few channels, as the network's last: there the vectors run along the
//! input's channels, where the other kernels would leave most lanes of an output vector empty.

use super::geometry::Geometry;
use crate::kernels::buffers::{Part, Scratch, each, filled, share};
use crate::kernels::simd::{Isa, Kernel, Simd};
use crate::kernels::tile::{OuterSum, outer_sum};

/// Whether so few outputs come from so many inputs.
pub(super) fn fits(g: &Geometry, lanes: usize) -> bool {
    4 * g.c_out <= lanes && g.c_in >= lanes && g.c_in.is_multiple_of(lanes)
}

/// Where each tap's channels start, counted from an output pixel's first input pixel.
fn taps(g: &Geometry) -> Vec<usize> {
    let row = g.border().w * g.c_in;
    (0..g.k * g.k).map(|t| t / g.k * row + t % g.k * g.c_in).collect()
}

/// Output from input; `bias` is one row for all samples or a row for each.
pub(super) fn forward(isa: Isa, g: &Geometry, x: &[f32], w: &[f32], bias: &[f32]) -> Vec<f32> {
    assert_eq!((x.len(), w.len()), (g.n * g.input_len(), g.weights_len()));
    assert!(bias.len() == g.c_out || bias.len() == g.n * g.c_out);
    assert!(g.c_in.is_multiple_of(isa.lanes()));
    let bias_sample = if bias.len() > g.c_out { g.c_out } else { 0 };
    // [k, k, c_in, c_out] to [c_out, k, k, c_in].
    let rows = w.len() / g.c_out;
    let mut turned = vec![0.0; w.len()];
    for (i, row) in w.chunks_exact(g.c_out).enumerate() {
        row.iter().enumerate().for_each(|(o, &w)| turned[o * rows + i] = w);
    }
    let taps = taps(g);
    // SAFETY: the kernel writes the whole sample; the lengths were checked.
    unsafe {
        filled(g.n, g.output_len(), |i, out| {
            let x = &x[i * g.input_len()..][..g.input_len()];
            let bias = &bias[i * bias_sample..][..g.c_out];
            isa.run(NarrowSample { g, x, weights: &turned, taps: &taps, bias, out });
        })
    }
}

/// One sample forward; weights `[c_out, k², c_in]`, `bias` `[c_out]`, c_in whole vectors.
struct NarrowSample<'a> {
    g: &'a Geometry,
    x: &'a [f32],
    weights: &'a [f32],
    taps: &'a [usize],
    bias: &'a [f32],
    out: Part<'a>,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for NarrowSample<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // Pixels at a time: they share the weights, and their sums don't wait for each other.
        const PIXELS: usize = 4;
        let g = self.g;
        let border = g.border();
        let mut bordered = Scratch::new(border.h * border.w * g.c_in);
        border.copy(self.x, g.c_in, &mut bordered);
        let (row, pixel) = (g.stride * border.w * g.c_in, g.stride * g.c_in);
        for (y, out) in self.out.chunks_exact_mut(g.out_w * g.c_out).enumerate() {
            for (start, out) in (0..g.out_w).step_by(PIXELS).zip(out.chunks_mut(PIXELS * g.c_out)) {
                // The last pixels of a row are done twice where the row has no multiple of four.
                let pixels = out.len() / g.c_out;
                let offsets: [usize; PIXELS] = std::array::from_fn(|p| (start + p.min(pixels - 1)) * pixel);
                for (o, &bias) in self.bias.iter().enumerate() {
                    let weights = &self.weights[o * self.taps.len() * g.c_in..];
                    // SAFETY: the border has room for every tap of every output pixel; there are
                    // c_in weights for each tap.
                    unsafe {
                        let mut sums = [S::splat(0.0); PIXELS];
                        for (t, tap) in self.taps.iter().enumerate() {
                            let x = bordered.as_ptr().add(y * row + tap);
                            for c in (0..g.c_in).step_by(S::LANES) {
                                let w = S::load(weights.as_ptr().add(t * g.c_in + c));
                                for (sum, offset) in sums.iter_mut().zip(&offsets) {
                                    *sum = S::mul_add(S::load(x.add(offset + c)), w, *sum);
                                }
                            }
                        }
                        for (p, &sum) in sums.iter().enumerate().take(pixels) {
                            out[p * g.c_out + o].write(S::sum(sum) + bias);
                        }
                    }
                }
            }
        }
    }
}

/// The weight gradient `[k, k, c_in, c_out]`; the threads' sums are added in order.
pub(super) fn weight_gradient(isa: Isa, g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    assert_eq!((x.len(), dy.len()), (g.n * g.input_len(), g.n * g.output_len()));
    assert!(g.c_in.is_multiple_of(isa.lanes()));
    let threads = rayon::current_num_threads().min(g.n);
    let taps = taps(g);
    let sums = each(threads, |i| {
        let mine = share(g.n, threads, i);
        let x = &x[mine.start * g.input_len()..mine.end * g.input_len()];
        let dy = &dy[mine.start * g.output_len()..mine.end * g.output_len()];
        let mut sum = vec![0.0; g.weights_len()];
        // SAFETY: whole samples on both sides; c_in is whole vectors.
        unsafe { isa.run(Gradient { g, x, dy, taps: &taps, sum: &mut sum }) };
        sum
    });
    let rows = g.weights_len() / g.c_out;
    let mut total = vec![0.0; g.weights_len()];
    for sum in sums {
        for (i, row) in total.chunks_exact_mut(g.c_out).enumerate() {
            row.iter_mut().enumerate().for_each(|(o, total)| *total += sum[o * rows + i]);
        }
    }
    total
}

/// Consecutive samples, added to `sum` `[c_out, k², c_in]`; c_in is whole vectors.
struct Gradient<'a> {
    g: &'a Geometry,
    x: &'a [f32],
    dy: &'a [f32],
    taps: &'a [usize],
    sum: &'a mut [f32],
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let g = self.g;
        let border = g.border();
        let mut bordered = Scratch::new(border.h * border.w * g.c_in);
        let offsets: Vec<usize> = (0..g.c_out).collect();
        for (x, dy) in self.x.chunks_exact(g.input_len()).zip(self.dy.chunks_exact(g.output_len())) {
            border.copy(x, g.c_in, &mut bordered);
            for (t, tap) in self.taps.iter().enumerate() {
                for c in (0..g.c_in).step_by(2 * S::LANES) {
                    // SAFETY: the border has room for every tap of every output pixel; the sum has
                    // c_in numbers for each output and tap.
                    unsafe {
                        let a = OuterSum {
                            left: dy.as_ptr(),
                            offsets: &offsets,
                            left_row: g.out_w * g.c_out,
                            left_pixel: g.c_out,
                            right: bordered.as_ptr().add(tap + c),
                            right_row: g.stride * border.w * g.c_in,
                            right_pixel: g.stride * g.c_in,
                            rows: g.out_h,
                            pixels: g.out_w,
                            out: self.sum.as_mut_ptr().add(t * g.c_in + c),
                            out_row: self.taps.len() * g.c_in,
                            fresh: false,
                        };
                        outer_sum::<S>(a, ((g.c_in - c) / S::LANES).min(2));
                    }
                }
            }
        }
    }
}
