//! Self-attention over the pixels: diffusers' `Attention` as `UNet2DModel` uses it.

use anyhow::{Result, ensure};
use candle_core::Tensor;

use super::layers::{GroupNorm, Linear};
use super::resnet::rescale;
use super::scope::Scope;
use crate::config::Precision;
use crate::kernels;

/// Normalization, softmax(q kᵀ / √d) v in each head, projection, and the way round.
#[derive(Clone)]
pub(super) struct Attention {
    group_norm: Option<GroupNorm>,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: usize,
    output_scale_factor: f64,
    precision: Precision,
}

impl Attention {
    /// Of heads that are `head_dim` wide (`None`: one over all channels). `norm` names the setting that gives the number of
    /// groups, and gives it, and what is added to the variance; `None`: no normalization.
    pub fn new(
        scope: Scope,
        channels: usize,
        head_dim: Option<usize>,
        norm: Option<(&str, usize, f64)>,
        output_scale_factor: f64,
    ) -> Result<Self> {
        let head_dim = head_dim.unwrap_or(channels);
        let heads = channels / head_dim;
        ensure!(heads > 0, "attention_head_dim = {head_dim} is wider than the {channels} channels of {}", scope.name());
        // Not the same as `channels` when the head's width doesn't divide them.
        let inner = heads * head_dim;
        let precision = scope.precision();
        let norm = norm.map(|(key, groups, eps)| GroupNorm::new(scope.child("group_norm"), channels, key, groups, eps));
        Ok(Self {
            group_norm: norm.transpose()?,
            to_q: Linear::mixed(scope.child("to_q"), channels, inner)?,
            to_k: Linear::mixed(scope.child("to_k"), channels, inner)?,
            to_v: Linear::mixed(scope.child("to_v"), channels, inner)?,
            to_out: Linear::mixed(scope.child("to_out.0"), inner, channels)?,
            heads,
            output_scale_factor,
            precision,
        })
    }

    /// `[N, H, W, C]` to the same shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let h = match &self.group_norm {
            Some(norm) => norm.forward(x, false)?,
            None => x.clone(),
        };
        let (q, k, v) = (self.to_q.forward(&h)?, self.to_k.forward(&h)?, self.to_v.forward(&h)?);
        let h = self.to_out.forward(&kernels::attention(&q, &k, &v, self.heads, self.precision)?)?;
        rescale(kernels::add(&h, x)?, self.output_scale_factor)
    }
}
