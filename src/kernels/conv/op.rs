//! Convolution and linear layer as candle operations.

use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor};

use super::correlation::Correlation;
use super::geometry::Geometry;
use super::panels::Panels;
use super::weight_gradient::{bias_gradient, weight_gradient};
use super::winograd;
use crate::kernels::Padding;
use crate::kernels::simd::Isa;
use crate::kernels::storage::{slice, tensor, with};

/// Convolution of x, w, bias; see [`crate::kernels::conv2d`].
pub(crate) struct Convolution {
    pub stride: usize,
    pub padding: Padding,
}

impl Convolution {
    fn geometry(&self, x: &[usize], w: &[usize]) -> Result<Geometry> {
        Geometry::new(x, w, self.stride, self.padding)
            .ok_or_else(|| Error::Msg(format!("a convolution of {x:?} with weights {w:?} does not fit")).bt())
    }
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
        let y = forward(&g, slice(x, x_layout)?, slice(w, w_layout)?, slice(bias, bias_layout)?);
        Ok((CpuStorage::F32(y), (g.n, g.out_h, g.out_w, g.c_out).into()))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, bias: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Gradients> {
        backward(&self.geometry(x.dims(), w.dims())?, x, w, bias, dy)
    }
}

/// `x` `[..., c_in]` times `w` `[c_in, c_out]` plus `bias`; see [`crate::kernels::linear`].
pub(crate) struct Linear;

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
        let g = Geometry::linear(x_layout.shape().elem_count() / c_in, c_in, c_out);
        let y = forward(&g, slice(x, x_layout)?, slice(w, w_layout)?, slice(bias, bias_layout)?);
        let mut shape = x_layout.dims().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = c_out;
        }
        Ok((CpuStorage::F32(y), shape.into()))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, bias: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Gradients> {
        let (c_in, c_out) = w.dims2()?;
        backward(&Geometry::linear(x.elem_count() / c_in, c_in, c_out), x, w, bias, dy)
    }
}

/// The gradients of x, w and bias.
type Gradients = (Option<Tensor>, Option<Tensor>, Option<Tensor>);

fn forward(g: &Geometry, x: &[f32], w: &[f32], bias: &[f32]) -> Vec<f32> {
    let isa = Isa::current();
    if winograd::fits(g, isa.lanes()) {
        let panels = winograd::transformed(isa, w, g.c_in, g.c_out);
        return winograd::forward(isa, g, (g.c_in, g.c_out), x, &panels, bias);
    }
    let panels = Panels::pack(w, g.k * g.k, g.c_in, g.c_out, isa.lanes());
    Correlation::forward(&split(g)).run(isa, x, &panels, bias)
}

fn backward(g: &Geometry, x: &Tensor, w: &Tensor, bias: &Tensor, dy: &Tensor) -> Result<Gradients> {
    let isa = Isa::current();
    let dy = dy.contiguous()?;
    let dx = match x.track_op() {
        true => Some(tensor(with(&dy, |dy| with(w, |w| data_gradient(isa, g, dy, w)))??, x.shape())?),
        false => None,
    };
    let dw = match w.track_op() {
        true => {
            let gradient = if winograd::fits(g, isa.lanes()) { winograd::weight_gradient } else { weight_gradient };
            Some(tensor(with(&dy, |dy| with(x, |x| gradient(isa, g, x, dy)))??, w.shape())?)
        }
        false => None,
    };
    let db = match bias.track_op() {
        true => {
            let mut db = with(&dy, |dy| bias_gradient(isa, g.n, g.c_out, dy))?;
            if bias.rank() == 1 {
                for i in g.c_out..db.len() {
                    db[i % g.c_out] += db[i];
                }
                db.truncate(g.c_out);
            }
            Some(tensor(db, bias.shape())?)
        }
        false => None,
    };
    Ok((dx, dw, db))
}

fn data_gradient(isa: Isa, g: &Geometry, dy: &[f32], w: &[f32]) -> Vec<f32> {
    if winograd::fits(g, isa.lanes()) {
        let panels = winograd::transformed_for_data_gradient(isa, w, g.c_in, g.c_out);
        return winograd::forward(isa, g, (g.c_out, g.c_in), dy, &panels, &[]);
    }
    let panels = Panels::pack_transposed(w, g.k * g.k, g.c_out, g.c_in, isa.lanes());
    Correlation::data_gradient(&split(g)).run(isa, dy, &panels, &[])
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
