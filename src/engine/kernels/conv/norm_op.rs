//! Group normalization, SiLU and convolution as one candle operation.
//!
//! Apart they cost the same arithmetic, but candle keeps, clears and adds up a gradient for every
//! tensor in between: a tenth of a training step is spent so. The operation keeps what it needs for
//! the way back itself.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, TensorId};

use super::geometry::Geometry;
use super::op;
use crate::config::Precision;
use crate::kernels::Padding;
use crate::kernels::group_norm::{Batch, Moments, Settings, affine_gradient, backward, forward};
use crate::kernels::sides::Sides;
use crate::kernels::simd::Isa;
use crate::kernels::storage::{slice, tensor, with};

/// Convolution (stride 1, same size) of the normalized x. Its tensors are x `[N, H, W, c_in]`, the
/// norm's weight, the norm's bias and the convolution's bias joined to `[2·c_in + c_out]` (or one
/// such row for each sample), and the convolution's weights.
pub(crate) struct NormConvolution {
    settings: Settings,
    precision: Precision,
    /// Of w.
    weights: TensorId,
    kept: OnceLock<Kept>,
}

/// What the forward pass leaves for the backward pass.
struct Kept {
    moments: Vec<Moments>,
    /// The convolution's input.
    normed: Vec<f32>,
}

/// The joined vectors apart again: one row or one for each sample.
struct Vectors {
    weight: Vec<f32>,
    bias: Vec<f32>,
    conv_bias: Vec<f32>,
}

impl Vectors {
    fn new(joined: &[f32], g: &Geometry) -> Self {
        let row = 2 * g.c_in + g.c_out;
        let columns = |from: usize, to: usize| joined.chunks_exact(row).flat_map(|r| &r[from..to]).copied().collect();
        Self { weight: columns(0, g.c_in), bias: columns(g.c_in, 2 * g.c_in), conv_bias: columns(2 * g.c_in, row) }
    }

    fn batch<'a>(&'a self, g: &Geometry, x: &'a [f32]) -> Batch<'a> {
        Batch { n: g.n, x: Sides::one(x, g.c_in), weight: &self.weight, bias: &self.bias }
    }
}

impl NormConvolution {
    pub fn new(settings: Settings, precision: Precision, weights: TensorId) -> Self {
        Self { settings, precision, weights, kept: OnceLock::new() }
    }

    fn geometry(&self, x: &[usize], w: &[usize]) -> Result<Geometry> {
        Ok(op::geometry(x, w, 1, Padding::Same)?.with_precision(self.precision))
    }
}

impl CustomOp3 for NormConvolution {
    fn name(&self) -> &'static str {
        "norm_conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        vectors: &CpuStorage,
        vectors_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let g = self.geometry(x_layout.dims(), w_layout.dims())?;
        let vectors = Vectors::new(slice(vectors, vectors_layout)?, &g);
        let (normed, moments) = forward(Isa::current(), self.settings, vectors.batch(&g, slice(x, x_layout)?));
        let w = (self.weights, slice(w, w_layout)?);
        let y = op::forward(&g, &normed, w, &vectors.conv_bias);
        // An operation runs forward once; a second run would find the same numbers anyway.
        let _ = self.kept.set(Kept { moments, normed });
        Ok((CpuStorage::F32(y), (g.n, g.out_h, g.out_w, g.c_out).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        joined: &Tensor,
        w: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let g = self.geometry(x.dims(), w.dims())?;
        let isa = Isa::current();
        let dy = dy.contiguous()?;
        let Some(Kept { moments, normed }) = self.kept.get() else {
            candle_core::bail!("norm_conv2d's backward pass ran before its forward pass")
        };
        let dw = match w.track_op() {
            true => Some(tensor(with(&dy, |dy| op::weight_gradient(isa, &g, normed, dy))?, w.shape())?),
            false => None,
        };
        if !x.track_op() && !joined.track_op() {
            return Ok((None, None, dw));
        }
        let vectors = with(joined, |joined| Vectors::new(joined, &g))?;
        let d_normed = with(&dy, |dy| with(w, |w| op::data_gradient(isa, &g, dy, w)))??;
        let (dx, sums) = with(x, |x| backward(isa, self.settings, vectors.batch(&g, x), moments, &d_normed))?;
        let d_joined = match joined.track_op() {
            true => {
                let per_sample = joined.rank() == 2;
                let weight = affine_gradient(&sums, g.c_in, per_sample, |s| &s.0);
                let bias = affine_gradient(&sums, g.c_in, per_sample, |s| &s.1);
                let conv_bias = with(&dy, |dy| op::bias_gradient(isa, &g, dy, per_sample))?;
                let rows = weight.chunks_exact(g.c_in).zip(bias.chunks_exact(g.c_in));
                let rows = rows.zip(conv_bias.chunks_exact(g.c_out));
                let all: Vec<f32> = rows.flat_map(|((w, b), c)| [w, b, c].concat()).collect();
                Some(tensor(all, joined.shape())?)
            }
            false => None,
        };
        let dx = if x.track_op() { Some(tensor(dx, x.shape())?) } else { None };
        Ok((dx, d_joined, dw))
    }
}
