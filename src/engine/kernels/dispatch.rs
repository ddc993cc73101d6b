//! The operations by name; picks the fast kernel where there is one, a GPU's on one, else the reference.

use candle_core::{Result, Tensor};

use super::attention::Attention;
use super::conv::{Convolution, Geometry, Linear, NormConvolution, UpsampleConvolution, doubled};
use super::device;
use super::dropout_mask::DropoutMask;
use super::elementwise::{Add, Silu, SquaredError};
use super::group_norm::{Activation, GroupNorm, Settings};
use super::padding::Padding;
use super::reference;
use super::resample::{ConcatChannels, UpsampleNearest2x};
use super::residual::{Plan, Residual, ResidualBlock};
use super::storage::fast;
use super::tape::{apply1, apply2, apply3};
use crate::config::Precision;

/// Convolution of `x` `[N, H, W, c_in]` with `w` `[k, k, c_in, c_out]` (k = 1 or 3) and `bias`
/// `[c_out]` or `[N, c_out]`; stride 1 or 2. Returns `[N, H', W', c_out]`. With [`Precision::Bf16`] the
/// products of 3×3 convolutions of stride 1 are bf16's where this processor has them (relative rms
/// error about 4e-3), forward and in both gradients; with tiles (AMX) those of stride 2 and of 1×1 convolutions too.
///
/// # Errors
/// When the shapes don't fit.
pub fn conv2d(
    x: &Tensor,
    w: &Tensor,
    bias: &Tensor,
    stride: usize,
    padding: Padding,
    precision: Precision,
) -> Result<Tensor> {
    if fast(&[x, w, bias])
        && Geometry::new(x.dims(), w.dims(), stride, padding).is_some_and(|g| affine_fits(bias, g.n, g.c_out))
    {
        let w = w.contiguous()?;
        let op = Convolution { stride, padding, precision, weights: w.id() };
        return apply3(op, &x.contiguous()?, &w, &bias.contiguous()?);
    }
    if device::takes(&[x, w, bias]) {
        return device::conv2d(x, w, bias, stride, padding);
    }
    reference::conv2d(x, w, bias, stride, padding)
}

/// `x` `[..., c_in]` times `w` `[c_in, c_out]` plus `bias` `[c_out]`. With [`Precision::Bf16`] the products are bf16's where
/// this processor has tiles of them (AMX).
///
/// # Errors
/// When the shapes don't fit.
pub fn linear(x: &Tensor, w: &Tensor, bias: &Tensor, precision: Precision) -> Result<Tensor> {
    if fast(&[x, w, bias])
        && x.elem_count() > 0
        && let (Some(&c_in), &[w_in, c_out]) = (x.dims().last(), w.dims())
        && c_in == w_in
        && c_out > 0
        && bias.dims() == [c_out]
    {
        let w = w.contiguous()?;
        let op = Linear { precision, weights: w.id() };
        return apply3(op, &x.contiguous()?, &w, &bias.contiguous()?);
    }
    if device::takes(&[x, w, bias]) {
        return device::linear(x, w, bias);
    }
    reference::linear(x, w, bias)
}

/// Group normalization of `x` `[N, H, W, C]` over `groups` groups of channels, then
/// `· weight + bias` (each `[C]` or `[N, C]`), then SiLU if `silu`.
///
/// # Errors
/// When the shapes don't fit.
pub fn group_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, groups: usize, eps: f64, silu: bool) -> Result<Tensor> {
    if fast(&[x, weight, bias])
        && let &[n, _, _, c] = x.dims()
        && x.elem_count() > 0
        && groups > 0
        && c.is_multiple_of(groups)
        && affine_fits(weight, n, c)
        && affine_fits(bias, n, c)
    {
        let activation = if silu { Activation::Silu } else { Activation::None };
        let op = GroupNorm::new(Settings { groups, eps, activation });
        return apply3(op, &x.contiguous()?, &weight.contiguous()?, &bias.contiguous()?);
    }
    if device::takes(&[x, weight, bias]) {
        return device::group_norm(x, weight, bias, groups, eps, silu);
    }
    reference::group_norm(x, weight, bias, groups, eps, silu)
}

/// Weight and bias `[N, C]` with which a normalization of `weight` and `bias` `[C]` also multiplies by 1 + scale and adds
/// shift, where scale and shift are the two halves of `film` `[N, 2C]` (FiLM, Perez et al. 2018).
///
/// # Errors
/// When the shapes don't fit.
pub fn film(film: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<(Tensor, Tensor)> {
    if device::takes(&[film, weight, bias]) {
        return device::film(film, weight, bias);
    }
    reference::film(film, weight, bias)
}

/// Group normalization with SiLU, then a convolution that keeps the size: [`group_norm`] followed by
/// [`conv2d`], as one operation, which saves the memory and the time of a gradient in between.
/// `norm` holds the normalization's weight and bias, each `[c_in]` or `[N, c_in]`.
///
/// # Errors
/// When the shapes don't fit.
pub fn norm_silu_conv2d(
    x: &Tensor,
    norm: (&Tensor, &Tensor),
    groups: usize,
    eps: f64,
    w: &Tensor,
    bias: &Tensor,
    precision: Precision,
) -> Result<Tensor> {
    if fast(&[x, norm.0, norm.1, w, bias])
        && let Some(g) = Geometry::new(x.dims(), w.dims(), 1, Padding::Same)
        && groups > 0
        && g.c_in.is_multiple_of(groups)
        && affine_fits(norm.0, g.n, g.c_in)
        && affine_fits(norm.1, g.n, g.c_in)
        && affine_fits(bias, g.n, g.c_out)
    {
        let vectors = [norm.0, norm.1, bias];
        let per_sample = vectors.iter().any(|v| v.rank() == 2);
        let rows = vectors.map(|v| match per_sample && v.rank() == 1 {
            true => v.broadcast_as((g.n, v.elem_count())),
            false => Ok(v.clone()),
        });
        let [weight, norm_bias, bias] = rows;
        let joined = Tensor::cat(&[weight?, norm_bias?, bias?], if per_sample { 1 } else { 0 })?;
        let w = w.contiguous()?;
        let op = NormConvolution::new(Settings { groups, eps, activation: Activation::Silu }, precision, w.id());
        return apply3(op, &x.contiguous()?, &joined.contiguous()?, &w);
    }
    conv2d(&group_norm(x, norm.0, norm.1, groups, eps, true)?, w, bias, 1, Padding::Same, precision)
}

/// A residual block (diffusers' `ResnetBlock2D`, nothing dropped) of `x` `[N, H, W, C]`, or of `x` and
/// `skip` side by side along the channels: with h = conv1(silu(norm1(x))),
/// (shortcut(x) + conv2(silu(norm2(h)))) / `output_scale_factor`. The time embedding comes in through
/// the first convolution's bias or the second normalization's weight and bias.
///
/// # Errors
/// When the shapes don't fit.
pub fn residual_block(x: &Tensor, skip: Option<&Tensor>, block: &ResidualBlock) -> Result<Tensor> {
    residual_block_dropping(x, skip, block, None)
}

/// The same with dropout between the second normalization's SiLU and its convolution: `mask`, of the shape
/// `[N, H, W, c_out]` of what stands there.
///
/// # Errors
/// When the shapes don't fit.
pub fn residual_block_dropping(
    x: &Tensor,
    skip: Option<&Tensor>,
    block: &ResidualBlock,
    mask: Option<DropoutMask>,
) -> Result<Tensor> {
    let tensors: Vec<&Tensor> = block.tensors().into_iter().chain([x]).chain(skip).collect();
    if fast(&tensors)
        && let Some(plan) = Plan::new(x.dims(), skip.map(Tensor::dims), block)
        && mask.as_ref().is_none_or(|mask| plan.fits(mask))
    {
        return Residual::apply(plan, x, skip, block, mask);
    }
    let x = match skip {
        Some(skip) => &concat_channels(x, skip)?,
        None => x,
    };
    let ResidualBlock { norm1, conv1, norm2, conv2, shortcut, groups, eps, output_scale_factor, precision } = *block;
    let h = norm_silu_conv2d(x, norm1, groups, eps, conv1.0, conv1.1, precision)?;
    let h = match mask {
        None => norm_silu_conv2d(&h, norm2, groups, eps, conv2.0, conv2.1, precision)?,
        Some(mask) => {
            let h = (group_norm(&h, norm2.0, norm2.1, groups, eps, true)? * mask.tensor(x.device())?)?;
            conv2d(&h, conv2.0, conv2.1, 1, Padding::Same, precision)?
        }
    };
    let sum = match shortcut {
        Some((w, bias)) => (conv2d(x, w, bias, 1, Padding::Same, precision)? + h)?,
        None => (x + h)?,
    };
    if output_scale_factor == 1.0 { Ok(sum) } else { sum / output_scale_factor }
}

/// softmax(q kᵀ / √d) v over the H·W positions, per head; `q`, `k`, `v` are `[N, H, W, C]`, heads
/// are consecutive slices of d = C / heads channels.
///
/// # Errors
/// When the shapes don't fit.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, precision: Precision) -> Result<Tensor> {
    if fast(&[q, k, v])
        && let &[_, _, _, c] = q.dims()
        && q.elem_count() > 0
        && q.dims() == k.dims()
        && q.dims() == v.dims()
        && heads > 0
        && c.is_multiple_of(heads)
    {
        let op = Attention { heads, precision };
        return apply3(op, &q.contiguous()?, &k.contiguous()?, &v.contiguous()?);
    }
    if device::takes(&[q, k, v]) {
        return device::attention(q, k, v, heads);
    }
    reference::attention(q, k, v, heads)
}

/// `[N, H, W, C]` to `[N, 2H, 2W, C]`, each pixel twice in both directions.
///
/// # Errors
/// When `x` has no four dimensions.
pub fn upsample_nearest2x(x: &Tensor) -> Result<Tensor> {
    if fast(&[x]) && x.rank() == 4 && x.elem_count() > 0 {
        return apply1(UpsampleNearest2x, &x.contiguous()?);
    }
    if device::takes(&[x]) {
        return device::upsample_nearest2x(x);
    }
    reference::upsample_nearest2x(x)
}

/// [`upsample_nearest2x`] followed by [`conv2d`] with stride 1, as one operation.
///
/// # Errors
/// When the shapes don't fit.
pub fn upsample_conv2d(x: &Tensor, w: &Tensor, bias: &Tensor, precision: Precision) -> Result<Tensor> {
    if fast(&[x, w, bias]) && doubled(x.dims(), w.dims()).is_some_and(|g| affine_fits(bias, g.n, g.c_out)) {
        let w = w.contiguous()?;
        let op = UpsampleConvolution { precision, weights: w.id() };
        return apply3(op, &x.contiguous()?, &w, &bias.contiguous()?);
    }
    conv2d(&upsample_nearest2x(x)?, w, bias, 1, Padding::Same, precision)
}

/// `[N, H, W, A]` and `[N, H, W, B]` to `[N, H, W, A + B]`, `a` first.
///
/// # Errors
/// When the shapes don't fit.
pub fn concat_channels(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if fast(&[a, b])
        && a.rank() == 4
        && b.rank() == 4
        && a.dims()[..3] == b.dims()[..3]
        && a.elem_count() * b.elem_count() > 0
    {
        return apply2(ConcatChannels, &a.contiguous()?, &b.contiguous()?);
    }
    if device::takes(&[a, b]) {
        return device::concat_channels(a, b);
    }
    Tensor::cat(&[a, b], 3)
}

/// a + b of one shape.
///
/// # Errors
/// When the shapes differ.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if fast(&[a, b]) && a.dims() == b.dims() && a.elem_count() > 0 {
        return apply2(Add, &a.contiguous()?, &b.contiguous()?);
    }
    a + b
}

/// x · sigmoid(x).
///
/// # Errors
/// When candle fails.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    if fast(&[x]) && x.elem_count() > 0 {
        return apply1(Silu, &x.contiguous()?);
    }
    if device::takes(&[x]) {
        return device::silu(x);
    }
    x.silu()
}

/// The mean of (`prediction` − `target`)² over each sample: `[N]` from two tensors `[N, ...]`.
///
/// # Errors
/// When the shapes differ.
pub fn squared_error(prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    if fast(&[prediction, target])
        && prediction.dims() == target.dims()
        && prediction.rank() > 0
        && prediction.elem_count() > 0
    {
        return apply2(SquaredError, &prediction.contiguous()?, &target.contiguous()?);
    }
    if device::takes(&[prediction, target]) {
        return device::squared_error(prediction, target);
    }
    reference::squared_error(prediction, target)
}

/// Whether `v` is `[c]` or `[n, c]`.
fn affine_fits(v: &Tensor, n: usize, c: usize) -> bool {
    v.dims() == [c] || v.dims() == [n, c]
}
