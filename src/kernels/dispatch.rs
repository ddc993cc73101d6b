//! The operations by name; picks the fast kernel where there is one, else the reference.

use candle_core::{Result, Tensor};

use super::reference;

/// How a convolution treats the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Zeros on all sides, k/2 of them (diffusers' `downsample_padding = 1` and every stride-1 layer).
    Same,
    /// One row and column of zeros at the bottom and the right (diffusers' `downsample_padding = 0`).
    RightBottom,
}

/// Convolution of `x` `[N, H, W, c_in]` with `w` `[k, k, c_in, c_out]` (k = 1 or 3) and `bias`
/// `[c_out]` or `[N, c_out]`; stride 1 or 2. Returns `[N, H', W', c_out]`.
pub fn conv2d(x: &Tensor, w: &Tensor, bias: &Tensor, stride: usize, padding: Padding) -> Result<Tensor> {
    reference::conv2d(x, w, bias, stride, padding)
}

/// `x` `[..., c_in]` times `w` `[c_in, c_out]` plus `bias` `[c_out]`.
pub fn linear(x: &Tensor, w: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let dims = x.dims().to_vec();
    let (c_in, c_out) = w.dims2()?;
    let y = x.reshape(((), c_in))?.matmul(w)?.broadcast_add(bias)?;
    let mut shape = dims;
    if let Some(last) = shape.last_mut() {
        *last = c_out;
    }
    y.reshape(shape)
}

/// Group normalization of `x` `[N, H, W, C]` over `groups` groups of channels, then
/// `· weight + bias` (each `[C]` or `[N, C]`), then SiLU if `silu`.
pub fn group_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, groups: usize, eps: f64, silu: bool) -> Result<Tensor> {
    reference::group_norm(x, weight, bias, groups, eps, silu)
}

/// softmax(q kᵀ / √d) v over the H·W positions, per head; `q`, `k`, `v` are `[N, H, W, C]`, heads
/// are consecutive slices of d = C / heads channels.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize) -> Result<Tensor> {
    reference::attention(q, k, v, heads)
}

/// `[N, H, W, C]` to `[N, 2H, 2W, C]`, each pixel twice in both directions.
pub fn upsample_nearest2x(x: &Tensor) -> Result<Tensor> {
    reference::upsample_nearest2x(x)
}

/// `[N, H, W, A]` and `[N, H, W, B]` to `[N, H, W, A + B]`, `a` first.
pub fn concat_channels(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    Tensor::cat(&[a, b], 3)
}

/// x · sigmoid(x).
pub fn silu(x: &Tensor) -> Result<Tensor> {
    x.silu()
}
