//! The operations written with candle's own tensors: what every fast kernel is tested against, and
//! the path on other devices.
//!
//! Activations are channels last, `[N, H, W, C]`; convolution weights are `[k, k, c_in, c_out]`.

use candle_core::{D, Result, Tensor};

use super::Padding;

/// Convolution; see [`super::conv2d`].
pub fn conv2d(x: &Tensor, w: &Tensor, bias: &Tensor, stride: usize, padding: Padding) -> Result<Tensor> {
    let x = x.permute((0, 3, 1, 2))?.contiguous()?;
    let w = w.permute((3, 2, 0, 1))?.contiguous()?;
    let (x, pad) = match padding {
        Padding::Same => (x, w.dim(2)? / 2),
        Padding::RightBottom => (x.pad_with_zeros(2, 0, 1)?.pad_with_zeros(3, 0, 1)?, 0),
    };
    let (k, smallest) = (w.dim(2)?, x.dim(2)?.min(x.dim(3)?) + 2 * pad);
    if k > smallest {
        candle_core::bail!(
            "a {k}×{k} convolution needs an image of at least {k} pixels, zeros included; it has {smallest}"
        );
    }
    // candle's gradient of a strided convolution is wrong for images that aren't square: there,
    // convolve every pixel and keep every second.
    let y = if stride == 1 || x.dim(2)? == x.dim(3)? {
        x.conv2d(&w, pad, stride, 1, 1)?
    } else {
        every(&every(&x.conv2d(&w, pad, 1, 1, 1)?, 2, stride)?, 3, stride)?
    };
    let y = y.permute((0, 2, 3, 1))?.contiguous()?;
    y.broadcast_add(&per_sample(bias)?)
}

/// Group normalization, then SiLU if asked; see [`super::group_norm`].
pub fn group_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, groups: usize, eps: f64, silu: bool) -> Result<Tensor> {
    let (n, h, w, c) = x.dims4()?;
    if groups == 0 || !c.is_multiple_of(groups) {
        candle_core::bail!("{c} channels don't divide into {groups} groups");
    }
    let g = x.reshape((n, h * w, groups, c / groups))?;
    let mean = g.mean_keepdim(3)?.mean_keepdim(1)?;
    let centred = g.broadcast_sub(&mean)?;
    let var = centred.sqr()?.mean_keepdim(3)?.mean_keepdim(1)?;
    let normed = centred.broadcast_div(&(var + eps)?.sqrt()?)?.reshape((n, h, w, c))?;
    let y = normed.broadcast_mul(&per_sample(weight)?)?.broadcast_add(&per_sample(bias)?)?;
    if silu { y.silu() } else { Ok(y) }
}

/// Weight and bias told by the time; see [`super::film`].
pub fn film(film: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<(Tensor, Tensor)> {
    let channels = weight.dim(0)?;
    let scale = (film.narrow(1, 0, channels)? + 1.0)?;
    let shift = film.narrow(1, channels, channels)?;
    Ok((scale.broadcast_mul(weight)?, (scale.broadcast_mul(bias)? + shift)?))
}

/// Multi-head self-attention's core; see [`super::attention`].
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize) -> Result<Tensor> {
    let (n, h, w, c) = q.dims4()?;
    if heads == 0 || !c.is_multiple_of(heads) {
        candle_core::bail!("{c} channels don't divide into {heads} heads");
    }
    let split = |x: &Tensor| x.reshape((n, h * w, heads, c / heads))?.transpose(1, 2)?.contiguous();
    let scale = 1.0 / ((c / heads) as f64).sqrt();
    let scores = (split(q)?.matmul(&split(k)?.t()?.contiguous()?)? * scale)?;
    // Not softmax_last_dim: that one has no gradient, and says nothing.
    let weights = candle_nn::ops::softmax(&scores, D::Minus1)?;
    weights.matmul(&split(v)?)?.transpose(1, 2)?.reshape((n, h, w, c))
}

/// Nearest-neighbour upsampling by two; see [`super::upsample_nearest2x`].
///
/// Written with a broadcast, because candle's own nearest upsampling overwrites gradients where a
/// tensor has a second consumer.
pub fn upsample_nearest2x(x: &Tensor) -> Result<Tensor> {
    let (n, h, w, c) = x.dims4()?;
    x.reshape((n, h, 1, w, 1, c))?.broadcast_as((n, h, 2, w, 2, c))?.reshape((n, 2 * h, 2 * w, c))
}

/// Linear layer; see [`super::linear`].
pub fn linear(x: &Tensor, w: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let mut shape = x.dims().to_vec();
    let (c_in, c_out) = w.dims2()?;
    let y = x.reshape(((), c_in))?.matmul(w)?.broadcast_add(bias)?;
    if let Some(last) = shape.last_mut() {
        *last = c_out;
    }
    y.reshape(shape)
}

/// The squared error of each sample; see [`super::squared_error`].
pub fn squared_error(prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    (prediction - target)?.sqr()?.flatten_from(1)?.mean(1)
}

/// Every `stride`-th slice along a dimension, the first included.
fn every(x: &Tensor, dim: usize, stride: usize) -> Result<Tensor> {
    let indices: Vec<u32> = (0..x.dim(dim)? as u32).step_by(stride).collect();
    x.contiguous()?.index_select(&Tensor::new(indices, x.device())?, dim)
}

/// `[C]` or `[N, C]` as something that broadcasts over `[N, H, W, C]`.
fn per_sample(v: &Tensor) -> Result<Tensor> {
    match v.rank() {
        2 => v.unsqueeze(1)?.unsqueeze(1),
        _ => Ok(v.clone()),
    }
}
