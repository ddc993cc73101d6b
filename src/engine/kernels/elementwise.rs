//! Sum, SiLU and the squared error of each sample.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use super::buffers::{Part, each, filled};
use super::simd::{Isa, Kernel, Simd, sigmoid};
use super::storage::{slice, tensor, with};
use super::tile::{load_columns, store_columns};

/// Numbers that one thread takes at a time.
const CHUNK: usize = 1 << 14;

/// a + b of one shape.
pub(crate) struct Add;

impl CustomOp2 for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (a, b) = (slice(a, a_layout)?, slice(b, b_layout)?);
        // SAFETY: `a` and `b` are as long as their shape says, and every number is written.
        let sum = unsafe {
            in_chunks(a.len(), |at, out| {
                let pairs = a[at.clone()].iter().zip(&b[at]);
                out.iter_mut().zip(pairs).for_each(|(out, (a, b))| _ = out.write(a + b));
            })
        };
        Ok((CpuStorage::F32(sum), a_layout.shape().clone()))
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, _: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = |of: &Tensor| of.track_op().then(|| dy.clone());
        Ok((gradient(a), gradient(b)))
    }
}

/// `len` new numbers, of which `fill(which of them, the place for them)` writes a chunk.
///
/// # Safety
/// `fill` writes every number of the chunk that it is given.
unsafe fn in_chunks(len: usize, fill: impl Fn(Range<usize>, Part<'_>) + Sync + Send) -> Vec<f32> {
    let whole = len / CHUNK;
    let part = |i: usize, out: Part<'_>| fill(i * CHUNK..i * CHUNK + out.len(), out);
    // SAFETY: the caller's promise.
    let mut out = unsafe { filled(whole, CHUNK, part) };
    // SAFETY: as above.
    out.append(&mut unsafe { filled(1, len - whole * CHUNK, |_, out| part(whole, out)) });
    out
}

/// x · sigmoid(x).
pub(crate) struct Silu;

impl CustomOp1 for Silu {
    fn name(&self) -> &'static str {
        "silu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(silu(slice(x, layout)?, None)), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let dy = dy.contiguous()?;
        let dx = with(x, |x| with(&dy, |dy| silu(x, Some(dy))))??;
        Ok(Some(tensor(dx, x.shape())?))
    }
}

/// The function, or with `dy` its gradient.
fn silu(x: &[f32], dy: Option<&[f32]>) -> Vec<f32> {
    let isa = Isa::current();
    let dy_at = |at: Range<usize>| dy.map(|dy| &dy[at]);
    // SAFETY: x, dy and out have the same length, and the kernel writes all of its part.
    unsafe { in_chunks(x.len(), |at, out| isa.run(SiluPart { x: &x[at.clone()], dy: dy_at(at), out })) }
}

/// Equal lengths of x, dy and out.
struct SiluPart<'a> {
    x: &'a [f32],
    dy: Option<&'a [f32]>,
    out: Part<'a>,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for SiluPart<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (len, out) = (self.x.len(), self.out.as_mut_ptr().cast::<f32>());
        for v in 0..len.div_ceil(S::LANES) {
            // SAFETY: all three have `len` numbers.
            unsafe {
                let x = load_columns::<S>(self.x.as_ptr(), v, len);
                let (s, one) = (sigmoid::<S>(x), S::splat(1.0));
                let y = match self.dy {
                    None => S::mul(x, s),
                    Some(dy) => {
                        let slope = S::mul(s, S::mul_add(x, S::sub(one, s), one));
                        S::mul(load_columns::<S>(dy.as_ptr(), v, len), slope)
                    }
                };
                store_columns::<S>(out, v, len, y);
            }
        }
    }
}

/// The mean over a sample of (prediction − target)²: `[N]` from two of `[N, ...]`.
pub(crate) struct SquaredError;

impl CustomOp2 for SquaredError {
    fn name(&self) -> &'static str {
        "squared_error"
    }

    fn cpu_fwd(
        &self,
        prediction: &CpuStorage,
        prediction_layout: &Layout,
        target: &CpuStorage,
        target_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let n = prediction_layout.dims()[0];
        let (a, b) = (slice(prediction, prediction_layout)?, slice(target, target_layout)?);
        let (isa, len) = (Isa::current(), a.len() / n);
        let means = each(n, |i| {
            let at = i * len..(i + 1) * len;
            // SAFETY: both have the same length.
            let sum = unsafe { isa.run(SumOfSquares { a: &a[at.clone()], b: &b[at] }) };
            sum / len as f32
        });
        Ok((CpuStorage::F32(means), n.into()))
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, _: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let n = a.dim(0)?;
        let len = a.elem_count() / n;
        let dy = dy.contiguous()?;
        let difference = |a: &[f32], b: &[f32], dy: &[f32]| {
            // SAFETY: every number is written.
            unsafe {
                filled(n, len, |i, out| {
                    let factor = 2.0 * dy[i] / len as f32;
                    let pairs = a[i * len..].iter().zip(&b[i * len..]);
                    out.iter_mut().zip(pairs).for_each(|(out, (a, b))| _ = out.write(factor * (a - b)));
                })
            }
        };
        let da = with(a, |a| with(b, |b| with(&dy, |dy| difference(a, b, dy))))???;
        let da = tensor(da, a.shape())?;
        let db = if b.track_op() { Some(da.neg()?) } else { None };
        Ok((Some(da), db))
    }
}

/// Σ (a − b)² of two equal lengths.
struct SumOfSquares<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for SumOfSquares<'_> {
    type Output = f32;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> f32 {
        let len = self.a.len();
        // SAFETY: both have `len` numbers.
        unsafe {
            let mut sums = [S::splat(0.0); 4];
            for v in 0..len.div_ceil(S::LANES) {
                let d = S::sub(load_columns::<S>(self.a.as_ptr(), v, len), load_columns::<S>(self.b.as_ptr(), v, len));
                sums[v % 4] = S::mul_add(d, d, sums[v % 4]);
            }
            S::sum(S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])))
        }
    }
}
