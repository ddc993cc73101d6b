//! Group normalization as a candle operation, and for operations that contain one, over all samples on all threads.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::forward::NormForward;
use super::gradient::{ToAffine, ToInput};
use super::sample::{AffineGradient, Batch, Moments, Settings, affine_gradient};
use super::target::Nowhere;
use crate::kernels::buffers::filled_many;
use crate::kernels::sides::{Sides, SidesMut};
use crate::kernels::simd::Isa;
use crate::kernels::storage::{slice, tensor, with};

/// Group normalization of x `[N, H, W, C]` with weight and bias, `[C]` or `[N, C]`.
pub(crate) struct GroupNorm {
    pub settings: Settings,
    /// What the forward pass found, for the backward pass.
    moments: OnceLock<Vec<Moments>>,
}

impl GroupNorm {
    pub fn new(settings: Settings) -> Self {
        Self { settings, moments: OnceLock::new() }
    }
}

/// The output, and the moments of each sample.
pub(crate) fn forward(isa: Isa, settings: Settings, batch: Batch) -> (Vec<f32>, Vec<Moments>) {
    batch.check(settings);
    // SAFETY: the kernel writes the whole sample; the lengths were checked.
    let ([y], moments) = unsafe {
        filled_many(batch.n, [batch.x.len() / batch.n], |i, [out]| {
            isa.run(NormForward { sample: batch.sample(settings, i), eps: settings.eps, out })
        })
    };
    (y, moments)
}

/// The gradient of x, and those of weight and bias for each sample.
pub(crate) fn backward(
    isa: Isa,
    settings: Settings,
    batch: Batch,
    moments: &[Moments],
    dy: &[f32],
) -> (Vec<f32>, Vec<AffineGradient>) {
    batch.check(settings);
    assert_eq!((dy.len(), moments.len()), (batch.x.len(), batch.n));
    moments.iter().for_each(|moments| moments.check(batch.x.channels(), isa.lanes()));
    let len = dy.len() / batch.n;
    // SAFETY: both kernels write the whole sample; the lengths were checked.
    let ([dx], sums) = unsafe {
        filled_many(batch.n, [len], |i, [dx]| {
            let (sample, moments, dy) = (batch.sample(settings, i), &moments[i], Some(&dy[i * len..(i + 1) * len]));
            let sums = isa.run(ToAffine { sample, moments, dy, dz: dx, normed: Nowhere });
            let dz = dx.as_ptr().cast();
            let dx = SidesMut::one(dx, batch.x.channels());
            isa.run(ToInput { sample, moments, sums: &sums, dz, plus: None, dx });
            sums
        })
    };
    (dx, sums)
}

impl CustomOp3 for GroupNorm {
    fn name(&self) -> &'static str {
        "group_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, _, _, channels) = x_layout.shape().dims4()?;
        let (x, weight, bias) = (slice(x, x_layout)?, slice(weight, weight_layout)?, slice(bias, bias_layout)?);
        let (y, moments) =
            forward(Isa::current(), self.settings, Batch { n, x: Sides::one(x, channels), weight, bias });
        // An operation runs forward once; a second run would find the same numbers anyway.
        let _ = self.moments.set(moments);
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (n, _, _, channels) = x.dims4()?;
        let dy = dy.contiguous()?;
        let Some(moments) = self.moments.get() else {
            candle_core::bail!("group_norm's backward pass ran before its forward pass")
        };
        let run = |x: &[f32], weight: &[f32], bias: &[f32], dy: &[f32]| {
            backward(Isa::current(), self.settings, Batch { n, x: Sides::one(x, channels), weight, bias }, moments, dy)
        };
        let (dx, sums) = with(x, |x| with(weight, |w| with(bias, |b| with(&dy, |dy| run(x, w, b, dy)))))????;
        let gradient = |of: &Tensor, pick: fn(&AffineGradient) -> &[f32]| -> Result<Option<Tensor>> {
            if !of.track_op() {
                return Ok(None);
            }
            Ok(Some(tensor(affine_gradient(&sums, channels, of.rank() == 2, pick), of.shape())?))
        };
        let d_weight = gradient(weight, |s| &s.0)?;
        let d_bias = gradient(bias, |s| &s.1)?;
        let dx = if x.track_op() { Some(tensor(dx, x.shape())?) } else { None };
        Ok((dx, d_weight, d_bias))
    }
}
