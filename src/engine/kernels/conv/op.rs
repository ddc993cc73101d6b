//! Convolution and linear layer as candle operations.

use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor, TensorId};

use super::geometry::Geometry;
use super::kept;
use super::narrow;
use super::prepared::{Prepared, WeightSum};
use super::weight_gradient as direct;
use crate::config::Precision;
use crate::kernels::Padding;
use crate::kernels::simd::Isa;
use crate::kernels::storage::{slice, tensor, with};

/// Convolution of x, w, bias; see [`crate::kernels::conv2d`].
pub(crate) struct Convolution {
    pub stride: usize,
    pub padding: Padding,
    pub precision: Precision,
    /// Of w.
    pub weights: TensorId,
}

impl Convolution {
    fn geometry(&self, x: &[usize], w: &[usize]) -> Result<Geometry> {
        Ok(geometry(x, w, self.stride, self.padding)?.with_precision(self.precision))
    }
}

/// The shapes of a convolution that is known to fit.
pub(super) fn geometry(x: &[usize], w: &[usize], stride: usize, padding: Padding) -> Result<Geometry> {
    Geometry::new(x, w, stride, padding)
        .ok_or_else(|| Error::Msg(format!("a convolution of {x:?} with weights {w:?} does not fit")).bt())
}

impl CustomOp3 for Convolution {
    fn name(&self) -> &'static str {
        "conv2d"
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
        let g = self.geometry(x_layout.dims(), w_layout.dims())?;
        let w = (self.weights, slice(w, w_layout)?);
        let y = forward(&g, slice(x, x_layout)?, w, slice(bias, bias_layout)?);
        Ok((CpuStorage::F32(y), (g.n, g.out_h, g.out_w, g.c_out).into()))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, bias: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Gradients> {
        backward(&self.geometry(x.dims(), w.dims())?, x, w, bias, dy)
    }
}

/// `x` `[..., c_in]` times `w` `[c_in, c_out]` plus `bias`; see [`crate::kernels::linear`].
pub(crate) struct Linear {
    pub precision: Precision,
    /// Of w.
    pub weights: TensorId,
}

impl Linear {
    fn geometry(&self, rows: usize, c_in: usize, c_out: usize) -> Geometry {
        Geometry::linear(rows, c_in, c_out).with_precision(self.precision)
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
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
        let (c_in, c_out) = w_layout.shape().dims2()?;
        let g = self.geometry(x_layout.shape().elem_count() / c_in, c_in, c_out);
        let w = (self.weights, slice(w, w_layout)?);
        let y = forward(&g, slice(x, x_layout)?, w, slice(bias, bias_layout)?);
        let mut shape = x_layout.dims().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = c_out;
        }
        Ok((CpuStorage::F32(y), shape.into()))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, bias: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Gradients> {
        let (c_in, c_out) = w.dims2()?;
        backward(&self.geometry(x.elem_count() / c_in, c_in, c_out), x, w, bias, dy)
    }
}

/// The gradients of x, w and bias.
type Gradients = (Option<Tensor>, Option<Tensor>, Option<Tensor>);

/// The output; `w` is a tensor's numbers, `bias` one row or one for each sample.
pub(super) fn forward(g: &Geometry, x: &[f32], (id, w): (TensorId, &[f32]), bias: &[f32]) -> Vec<f32> {
    let isa = Isa::current();
    if narrow::fits(g, isa.lanes()) {
        return narrow::forward(isa, g, x, w, bias);
    }
    kept::forward(isa, &split(g), id, w).run_on_all(x, bias)
}

fn backward(g: &Geometry, x: &Tensor, w: &Tensor, bias: &Tensor, dy: &Tensor) -> Result<Gradients> {
    let isa = Isa::current();
    let dy = dy.contiguous()?;
    let dx = match x.track_op() {
        true => Some(tensor(with(&dy, |dy| with(w, |w| data_gradient(isa, g, dy, w)))??, x.shape())?),
        false => None,
    };
    let dw = match w.track_op() {
        true => Some(tensor(with(&dy, |dy| with(x, |x| weight_gradient(isa, g, x, dy)))??, w.shape())?),
        false => None,
    };
    let db = match bias.track_op() {
        true => Some(tensor(with(&dy, |dy| bias_gradient(isa, g, dy, bias.rank() == 2))?, bias.shape())?),
        false => None,
    };
    Ok((dx, dw, db))
}

pub(super) fn weight_gradient(isa: Isa, g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    if narrow::fits(g, isa.lanes()) {
        return narrow::weight_gradient(isa, g, x, dy);
    }
    WeightSum::of_all(isa, &split(g), x, dy).unwrap_or_else(|| direct::weight_gradient(isa, g, x, dy))
}

/// One row for each sample, or all of them summed in order.
pub(super) fn bias_gradient(isa: Isa, g: &Geometry, dy: &[f32], per_sample: bool) -> Vec<f32> {
    let mut rows = direct::bias_gradient(isa, g.n, g.c_out, dy);
    if !per_sample {
        for i in g.c_out..rows.len() {
            rows[i % g.c_out] += rows[i];
        }
        rows.truncate(g.c_out);
    }
    rows
}

pub(super) fn data_gradient(isa: Isa, g: &Geometry, dy: &[f32], w: &[f32]) -> Vec<f32> {
    Prepared::data_gradient(isa, &split(g), w).run_on_all(dy, &[])
}

/// A linear layer over many rows, as one with several samples: work for several threads.
fn split(g: &Geometry) -> Geometry {
    const ROWS: usize = 64;
    if g.n == 1 && g.h == 1 && g.pointwise() && g.w > ROWS && g.w.is_multiple_of(ROWS) {
        Geometry { n: g.w / ROWS, w: ROWS, out_w: ROWS, ..*g }
    } else {
        *g
    }
}
