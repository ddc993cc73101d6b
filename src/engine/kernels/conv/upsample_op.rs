//! Nearest upsampling and the convolution behind it as one operation: the doubled image is made a few
//! samples at a time, in the cache, and is never whole in memory.

use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor, TensorId};

use super::geometry::Geometry;
use super::groups::{groups, samples_at_once};
use super::kept;
use super::out::Add;
use super::prepared::{Prepared, WeightSum, push_pixel_sums, rows_or_sum};
use crate::config::Precision;
use crate::kernels::Padding;
use crate::kernels::buffers::{Scratch, filled_shares, filled_shares_many};
use crate::kernels::resample::{double, sum_of_four};
use crate::kernels::sides::Sides;
use crate::kernels::simd::Isa;
use crate::kernels::storage::{slice, tensor, with};

/// Convolution (stride 1, same size) of the doubled x with w and bias; see
/// [`crate::kernels::upsample_conv2d`].
pub(crate) struct UpsampleConvolution {
    pub precision: Precision,
    /// Of w.
    pub weights: TensorId,
}

/// The convolution of the doubled image; `None` where the shapes don't fit or the size changes.
pub(crate) fn doubled(x: &[usize], w: &[usize]) -> Option<Geometry> {
    let &[n, h, width, c] = x else { return None };
    let g = Geometry::new(&[n, 2 * h, 2 * width, c], w, 1, Padding::Same)?;
    ((g.out_h, g.out_w) == (g.h, g.w)).then_some(g)
}

fn checked(x: &[usize], w: &[usize]) -> Result<Geometry> {
    doubled(x, w)
        .ok_or_else(|| Error::Msg(format!("a convolution of the doubled {x:?} with weights {w:?} does not fit")).bt())
}

impl CustomOp3 for UpsampleConvolution {
    fn name(&self) -> &'static str {
        "upsample_conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let g = checked(x_layout.dims(), w_layout.dims())?.with_precision(self.precision);
        let (x, w, bias) = (slice(x, x_layout)?, slice(w, w_layout)?, slice(bias, bias_layout)?);
        let convolution = kept::forward(Isa::current(), &g, self.weights, w);
        let (in_len, out_len) = (g.input_len() / 4, g.output_len());
        // SAFETY: every group writes all of its output; what goes to `large` are numbers.
        let y = unsafe {
            filled_shares(g.n, out_len, |samples, mut out| {
                for group in groups(samples, samples_at_once(g.h * g.w)) {
                    let (to, rest) = out.split_at_mut(group.len() * out_len);
                    out = rest;
                    let mut large = Scratch::new(group.len() * g.input_len());
                    double(&x[group.start * in_len..group.end * in_len], g.w / 2, g.c_in, large.part());
                    let bias =
                        if bias.len() == g.c_out { bias } else { &bias[group.start * g.c_out..group.end * g.c_out] };
                    convolution.run(Sides::one(&large, g.c_in), bias, Add::Nothing, to);
                }
            })
        };
        Ok((CpuStorage::F32(y), (g.n, g.h, g.w, g.c_out).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let g = checked(x.dims(), w.dims())?.with_precision(self.precision);
        let dy = dy.contiguous()?;
        let run = |x: &[f32], w: &[f32], dy: &[f32]| backward(Isa::current(), &g, x, w, dy);
        let (dx, dw, rows) = with(x, |x| with(w, |w| with(&dy, |dy| run(x, w, dy))))???;
        let db = rows_or_sum(rows, g.c_out, bias.rank() == 2);
        let gradient = |of: &Tensor, numbers| of.track_op().then(|| tensor(numbers, of.shape())).transpose();
        Ok((gradient(x, dx)?, gradient(w, dw)?, gradient(bias, db)?))
    }
}

/// The gradients of x and w, and that of the bias for each sample.
fn backward(isa: Isa, g: &Geometry, x: &[f32], w: &[f32], dy: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let convolution = Prepared::data_gradient(isa, g, w);
    let (in_len, out_len) = (g.input_len() / 4, g.output_len());
    // SAFETY: every group writes all of its gradient; what goes to `large` are numbers.
    let ([dx], sums) = unsafe {
        filled_shares_many(g.n, [in_len], |samples, [mut dx]| {
            let mut sum = WeightSum::new(isa, g);
            let mut rows = Vec::with_capacity(samples.len() * g.c_out);
            for group in groups(samples, samples_at_once(g.h * g.w)) {
                let (to, rest) = dx.split_at_mut(group.len() * in_len);
                dx = rest;
                let dy = &dy[group.start * out_len..group.end * out_len];
                let mut large = Scratch::new(group.len() * g.input_len());
                double(&x[group.start * in_len..group.end * in_len], g.w / 2, g.c_in, large.part());
                let factor = Sides::one(dy, g.c_out);
                sum.add(isa, g, Sides::one(&large, g.c_in), factor);
                push_pixel_sums(isa, g.c_out, out_len, dy, &mut rows);
                convolution.run(factor, &[], Add::Nothing, large.part());
                sum_of_four(&large, g.w / 2, g.c_in, to);
            }
            (sum, rows)
        })
    };
    let mut sums = sums.into_iter();
    let (mut total, mut rows) = sums.next().unwrap_or_else(|| (WeightSum::new(isa, g), Vec::new()));
    for (sum, more) in sums {
        total.merge(&sum);
        rows.extend(more);
    }
    (dx, total.finish(isa, g), rows)
}
