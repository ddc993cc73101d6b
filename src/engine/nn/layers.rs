//! The smallest parts: parameters together with the operation that uses them.

use anyhow::{Result, ensure};
use candle_core::Tensor;

use super::parameters::ParameterKind;
use super::scope::Scope;
use crate::config::Precision;
use crate::kernels::{self, Padding};

/// A convolution, `[N, H, W, c_in]` to `[N, H / stride, W / stride, c_out]`.
#[derive(Clone)]
pub(super) struct Conv2d {
    weight: Tensor,
    bias: Tensor,
    stride: usize,
    padding: Padding,
    precision: Precision,
}

impl Conv2d {
    /// A `kernel` × `kernel` convolution that keeps the size.
    pub fn new(scope: Scope, c_in: usize, c_out: usize, kernel: usize) -> Result<Self> {
        Self::strided(scope, c_in, c_out, kernel, 1, Padding::Same)
    }

    pub fn strided(
        scope: Scope,
        c_in: usize,
        c_out: usize,
        kernel: usize,
        stride: usize,
        padding: Padding,
    ) -> Result<Self> {
        let fan_in = kernel * kernel * c_in;
        Ok(Self {
            weight: scope.parameter("weight", ParameterKind::Conv, &[kernel, kernel, c_in, c_out])?,
            bias: scope.parameter("bias", ParameterKind::Bias { fan_in }, &[c_out])?,
            stride,
            padding,
            precision: scope.precision(),
        })
    }

    /// A 3×3 convolution whose bias is no parameter: zeros.
    pub fn without_bias(scope: Scope, c_in: usize, c_out: usize, stride: usize) -> Result<Self> {
        let weight = scope.parameter("weight", ParameterKind::Conv, &[3, 3, c_in, c_out])?;
        let bias = Tensor::zeros(c_out, weight.dtype(), weight.device())?;
        Ok(Self { weight, bias, stride, padding: Padding::Same, precision: scope.precision() })
    }

    /// `[kernel, kernel, c_in, c_out]`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// `[c_out]`.
    pub fn bias(&self) -> &Tensor {
        &self.bias
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(kernels::conv2d(x, &self.weight, &self.bias, self.stride, self.padding, self.precision)?)
    }
}

/// A linear layer over the last axis.
#[derive(Clone)]
pub(super) struct Linear {
    weight: Tensor,
    bias: Tensor,
    precision: Precision,
}

impl Linear {
    /// One that is computed in f32.
    pub fn new(scope: Scope, c_in: usize, c_out: usize) -> Result<Self> {
        Ok(Self { precision: Precision::F32, ..Self::mixed(scope, c_in, c_out)? })
    }

    /// One that is computed with the network's precision.
    pub fn mixed(scope: Scope, c_in: usize, c_out: usize) -> Result<Self> {
        Ok(Self {
            weight: scope.parameter("weight", ParameterKind::Linear, &[c_in, c_out])?,
            bias: scope.parameter("bias", ParameterKind::Bias { fan_in: c_in }, &[c_out])?,
            precision: scope.precision(),
        })
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(kernels::linear(x, &self.weight, &self.bias, self.precision)?)
    }
}

/// Group normalization (Wu & He 2018) of `[N, H, W, C]`, with SiLU behind it where asked.
#[derive(Clone)]
pub(super) struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: usize,
    eps: f64,
}

impl GroupNorm {
    /// # Errors
    /// When `groups` does not divide `channels`; `key` is the setting to name.
    pub fn new(scope: Scope, channels: usize, key: &str, groups: usize, eps: f64) -> Result<Self> {
        ensure!(
            channels.is_multiple_of(groups),
            "{key} = {groups} does not divide the {channels} channels of {}",
            scope.name()
        );
        Ok(Self {
            weight: scope.parameter("weight", ParameterKind::NormWeight, &[channels])?,
            bias: scope.parameter("bias", ParameterKind::NormBias, &[channels])?,
            groups,
            eps,
        })
    }

    pub fn forward(&self, x: &Tensor, silu: bool) -> Result<Tensor> {
        Ok(kernels::group_norm(x, &self.weight, &self.bias, self.groups, self.eps, silu)?)
    }

    /// The convolution of silu(norm(x)), as one operation; `conv` keeps the size.
    pub fn forward_conv(&self, x: &Tensor, conv: &Conv2d) -> Result<Tensor> {
        let norm = (&self.weight, &self.bias);
        Ok(kernels::norm_silu_conv2d(x, norm, self.groups, self.eps, &conv.weight, &conv.bias, conv.precision)?)
    }

    /// Weight and bias as they are, `[C]`.
    pub fn affine(&self) -> (Tensor, Tensor) {
        (self.weight.clone(), self.bias.clone())
    }

    /// Weight and bias `[N, C]` with which the normalization also multiplies by 1 + scale and adds
    /// shift, where scale and shift are the two halves of `film` `[N, 2C]` (FiLM, Perez et al. 2018).
    pub fn film(&self, film: &Tensor) -> Result<(Tensor, Tensor)> {
        Ok(kernels::film(film, &self.weight, &self.bias)?)
    }

    pub fn groups(&self) -> usize {
        self.groups
    }

    pub fn eps(&self) -> f64 {
        self.eps
    }
}
