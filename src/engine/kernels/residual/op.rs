//! The residual block as a candle operation of its inputs and of a token for its parameters.

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::backward::backward;
use super::forward::{Kept, forward};
use super::plan::{Call, Parameters, Plan, ResidualBlock};
use crate::kernels::bundle::{Bundle, nothing};
use crate::kernels::dropout_mask::DropoutMask;
use crate::kernels::simd::Isa;
use crate::kernels::storage::{slice, tensor, with};
use crate::kernels::tape;

/// Its tensors are x, the second input (a single zero where there is none) and the token.
pub(crate) struct Residual {
    plan: Plan,
    parameters: Arc<Bundle>,
    mask: Option<DropoutMask>,
    /// Whether a backward pass may follow.
    keep: bool,
    kept: OnceLock<Kept>,
}

impl Residual {
    /// `block(x)`, or `block` of `x` and `skip` side by side; `plan` is that of their shapes, and fits the mask.
    pub fn apply(
        plan: Plan,
        x: &Tensor,
        skip: Option<&Tensor>,
        block: &ResidualBlock,
        mask: Option<DropoutMask>,
    ) -> Result<Tensor> {
        let tensors = block.tensors().into_iter().map(Tensor::contiguous).collect::<Result<_>>()?;
        let parameters = Bundle::new(tensors);
        let keep = parameters.tracked() || x.track_op() || skip.is_some_and(Tensor::track_op);
        let op = Self { plan, parameters: parameters.clone(), mask, keep, kept: OnceLock::new() };
        let second = skip.map_or_else(nothing, Tensor::contiguous)?;
        tape::apply_bundled(op, &x.contiguous()?, &second, &parameters)
    }

    fn call<'a>(&'a self, parameters: &'a Parameters<'a>) -> Call<'a> {
        let tensors = self.parameters.tensors();
        Call { isa: Isa::current(), plan: &self.plan, parameters, tensors, mask: self.mask.as_ref() }
    }

    fn second<'a>(&self, skip: &'a [f32]) -> &'a [f32] {
        if self.plan.channels[1] == 0 { &[] } else { skip }
    }
}

impl CustomOp3 for Residual {
    fn name(&self) -> &'static str {
        "residual block"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        skip: &CpuStorage,
        skip_layout: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let numbers = self.parameters.numbers();
        let parameters = Parameters::new(&numbers)?;
        let call = self.call(&parameters);
        let skip = self.second(slice(skip, skip_layout)?);
        let (y, kept) = forward(call, slice(x, x_layout)?, skip, self.keep);
        // An operation runs forward once; a second run would find the same numbers anyway.
        let _ = self.kept.set(kept);
        let g = &self.plan.conv2;
        Ok((CpuStorage::F32(y), (g.n, g.h, g.w, g.c_out).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        skip: &Tensor,
        token: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let Some(kept) = self.kept.get().filter(|_| self.keep) else {
            candle_core::bail!("a residual block's backward pass ran before its forward pass")
        };
        let dy = dy.contiguous()?;
        let numbers = self.parameters.numbers();
        let parameters = Parameters::new(&numbers)?;
        let call = self.call(&parameters);
        let run = |x: &[f32], skip: &[f32], dy: &[f32]| backward(call, (x, self.second(skip)), kept, dy);
        let ([dx, d_skip], gradients) = with(x, |x| with(skip, |skip| with(&dy, |dy| run(x, skip, dy))))???;
        let gradients = gradients.into_iter().enumerate();
        let gradients = gradients.map(|(i, numbers)| Ok(Some(tensor(numbers, self.parameters.tensor(i).shape())?)));
        self.parameters.leave(gradients.collect::<Result<_>>()?);
        let dx = x.track_op().then(|| tensor(dx, x.shape())).transpose()?;
        let d_skip = skip.track_op().then(|| tensor(d_skip, skip.shape())).transpose()?;
        let d_token = token.track_op().then(nothing).transpose()?;
        Ok((dx, d_skip, d_token))
    }
}
