//! The optimizer's step over all parameters at once, and the norm of their gradients.

use candle_core::{Result, Tensor};

use crate::kernels::optimizer::{AdamWStep, Slot};

/// [`crate::kernels::optimizer::adamw_ema_step`] on an NVIDIA GPU, in one kernel.
///
/// # Errors
/// When a slot's tensors differ in length, are not contiguous, or lie elsewhere.
pub fn adamw_ema_step(slots: &[Slot<'_>], step: &AdamWStep) -> Result<()> {
    #[cfg(feature = "cuda")]
    if let Some(candle_core::Device::Cuda(device)) = slots.first().map(|slot| slot.parameter.device()) {
        let rows = slots.iter().map(|slot| slot.tensors().map(Some));
        let AdamWStep { gradient_scale, betas: (beta1, beta2), eps, rate, root, keep, fresh } = *step;
        let factors = [gradient_scale, beta1, 1.0 - beta1, beta2, 1.0 - beta2, eps, rate, root, keep, fresh];
        super::launch::Table::new(rows)?.launch("adamw", false, &factors.map(|f| f as f32), device)?;
        return Ok(());
    }
    candle_core::bail!("a step of {} parameters with learning rate {} needs an NVIDIA GPU", slots.len(), step.rate)
}

/// Σ g² over all of `gradients`, which lie on an NVIDIA GPU; read from there once.
///
/// # Errors
/// When one is not contiguous or lies elsewhere.
pub fn sum_of_squares(gradients: &[Tensor]) -> Result<f64> {
    #[cfg(feature = "cuda")]
    if let Some(candle_core::Device::Cuda(device)) = gradients.first().map(Tensor::device) {
        let rows = gradients.iter().map(|gradient| [None, None, None, None, Some(gradient)]);
        let parts = super::launch::Table::new(rows)?.launch("squares", true, &[], device)?;
        let Some(parts) = parts else { candle_core::bail!("the sum of squares gave nothing") };
        let parts = device.clone_dtoh(parts.as_cuda_slice::<f32>()?)?;
        return Ok(parts.into_iter().map(f64::from).sum());
    }
    candle_core::bail!("the norm of {} gradients was asked of an NVIDIA GPU", gradients.len())
}
