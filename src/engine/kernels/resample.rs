//! Operations that only move numbers: nearest upsampling and concatenation of channels.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use super::buffers::{Part, filled, filled_many};
use super::sides::{join, split};
use super::simd::Isa;
use super::storage::{slice, tensor, with};

/// `[N, H, W, C]` to `[N, 2H, 2W, C]`.
pub(crate) struct UpsampleNearest2x;

impl CustomOp1 for UpsampleNearest2x {
    fn name(&self) -> &'static str {
        "upsample_nearest2x"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, h, w, c) = layout.shape().dims4()?;
        let x = slice(x, layout)?;
        let len = h * w * c;
        // SAFETY: `double` writes the whole sample.
        let y = unsafe { filled(n, 4 * len, |i, out| double(&x[i * len..(i + 1) * len], w, c, out)) };
        Ok((CpuStorage::F32(y), (n, 2 * h, 2 * w, c).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let (n, h, w, c) = x.dims4()?;
        let dy = dy.contiguous()?;
        let len = h * w * c;
        let sum = |dy: &[f32]| {
            // SAFETY: `sum_of_four` writes the whole sample.
            unsafe { filled(n, len, |i, out| sum_of_four(&dy[i * 4 * len..(i + 1) * 4 * len], w, c, out)) }
        };
        Ok(Some(tensor(with(&dy, sum)?, x.shape())?))
    }
}

/// Each pixel of whole images `[H, w, c]`, one after the other, twice in both directions.
pub(crate) fn double(x: &[f32], w: usize, c: usize, out: Part) {
    for (row, out) in x.chunks_exact(w * c).zip(out.chunks_exact_mut(4 * w * c)) {
        for out in out.chunks_exact_mut(2 * w * c) {
            for (pixel, out) in row.chunks_exact(c).zip(out.chunks_exact_mut(2 * c)) {
                out[..c].write_copy_of_slice(pixel);
                out[c..].write_copy_of_slice(pixel);
            }
        }
    }
}

/// The sums of the four pixels that [`double`] makes of one of `[H, w, c]`.
pub(crate) fn sum_of_four(dy: &[f32], w: usize, c: usize, out: Part) {
    for (rows, out) in dy.chunks_exact(4 * w * c).zip(out.chunks_exact_mut(w * c)) {
        let (upper, lower) = rows.split_at(2 * w * c);
        let pixels = upper.chunks_exact(2 * c).zip(lower.chunks_exact(2 * c));
        for ((a, b), out) in pixels.zip(out.chunks_exact_mut(c)) {
            for (j, out) in out.iter_mut().enumerate() {
                out.write((a[j] + a[c + j]) + (b[j] + b[c + j]));
            }
        }
    }
}

/// `[N, H, W, A]` and `[N, H, W, B]` to `[N, H, W, A + B]`.
pub(crate) struct ConcatChannels;

impl CustomOp2 for ConcatChannels {
    fn name(&self) -> &'static str {
        "concat_channels"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, h, w, ca) = a_layout.shape().dims4()?;
        let cb = b_layout.dims()[3];
        let (a, b) = (slice(a, a_layout)?, slice(b, b_layout)?);
        let (isa, pixels, c) = (Isa::current(), h * w, ca + cb);
        let sample = |i: usize, c: usize| i * pixels * c..(i + 1) * pixels * c;
        // SAFETY: every pixel is written.
        let y =
            unsafe { filled(n, pixels * c, |i, out| join(isa, [ca, cb], &a[sample(i, ca)], &b[sample(i, cb)], out)) };
        Ok((CpuStorage::F32(y), (n, h, w, c).into()))
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, _: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (n, h, w, ca) = a.dims4()?;
        let cb = b.dim(3)?;
        let dy = dy.contiguous()?;
        let (isa, pixels, both) = (Isa::current(), h * w, h * w * (ca + cb));
        let apart = |dy: &[f32]| {
            // SAFETY: every pixel of both is written.
            let (parts, _) = unsafe {
                filled_many(n, [pixels * ca, pixels * cb], |i, [a, b]| {
                    split(isa, [ca, cb], &dy[i * both..(i + 1) * both], a, b);
                })
            };
            parts
        };
        let [da, db] = with(&dy, apart)?;
        Ok((Some(tensor(da, a.shape())?), Some(tensor(db, b.shape())?)))
    }
}
