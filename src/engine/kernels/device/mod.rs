//! The operations on NVIDIA GPUs.
//!
//! Activations stay channels last from end to end: a convolution is one product of matrices, its patches `[pixels, k·k·c_in]`
//! by the weights `[k·k·c_in, c_out]` as they lie, so that cuBLAS does the arithmetic forward and in both gradients, and no
//! layout is ever exchanged. What candle would need a dozen kernels for (a normalization, an optimizer's step), and what it
//! computes slowly (the gradient of a convolution), are kernels of our own, in `kernels.cu`.
//!
//! Each operation is one node of candle's graph, with a gradient of its own (`node`).

// Without CUDA nothing starts a kernel.
#![cfg_attr(not(any(feature = "cuda", test)), allow(dead_code))]

mod attention;
mod backward;
mod call;
mod conv;
mod film;
#[cfg(feature = "cuda")]
mod launch;
mod moving;
mod node;
mod norm;
mod optimizer;
#[cfg(test)]
mod plain;
mod pointwise;
mod start;

use std::sync::LazyLock;

use candle_core::{DType, Device, Result, Tensor};

pub(super) use attention::attention;
pub use backward::backward;
pub(super) use conv::{conv2d, linear};
pub(super) use film::film;
pub(super) use moving::{concat_channels, upsample_nearest2x};
pub(super) use norm::group_norm;
pub use optimizer::{adamw_ema_step, sum_of_squares};
pub(super) use pointwise::{silu, squared_error};

/// `DIFFLAB_GPU_KERNELS=candle` leaves everything to candle's own operations: slower, and known from many programs.
static LEFT_TO_CANDLE: LazyLock<bool> =
    LazyLock::new(|| std::env::var("DIFFLAB_GPU_KERNELS").is_ok_and(|value| value == "candle"));

/// Whether these operations take all of these: f32 on an NVIDIA GPU.
pub fn takes(tensors: &[&Tensor]) -> bool {
    cfg!(feature = "cuda")
        && !*LEFT_TO_CANDLE
        && tensors.iter().all(|t| t.device().is_cuda() && t.dtype() == DType::F32 && t.elem_count() > 0)
}

/// The NVIDIA GPU of that number.
///
/// # Errors
/// When there is none, or this binary has no CUDA.
pub fn open(index: usize) -> Result<Device> {
    #[cfg(feature = "cuda")]
    {
        launch::open(index)
    }
    #[cfg(not(feature = "cuda"))]
    {
        Device::new_cuda(index)
    }
}
