//! `[autoencoder]`: pictures to latents and back, the first stage of latent diffusion.

// Help speaks of sections, [sample], as the file writes them.
#![allow(rustdoc::broken_intra_doc_links)]

use serde::{Deserialize, Serialize};

use crate::config::names::{AutoencoderKind, ReconstructionLoss};

/// The autoencoder that `difflab autoencoder` trains, for `data.latents`: pictures to latents a few times smaller, and back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoencoderStage {
    /// `kl`: diffusers' AutoencoderKL, residual blocks and group norm, whose latents are drawn from a Gaussian that a KL
    /// term keeps near N(0, 1) (Rombach et al. 2022); `tiny`: AutoencoderTiny, convolutions and ReLU alone.
    pub kind: AutoencoderKind,
    /// Channels of each level, from full resolution down; latents are 2^(levels − 1) times smaller than pictures. Of kind
    /// tiny all are the same.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks a level; the decoder of kind kl has one more.
    pub layers_per_block: usize,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// Groups of every group normalization of kind kl.
    pub norm_num_groups: usize,
    /// Self-attention in the middle of encoder and decoder of kind kl.
    pub mid_attention: bool,
    /// What reconstructions are compared by: `l1`, the mean of |x − x̂|, or `l2`, the mean of (x − x̂)².
    pub loss: ReconstructionLoss,
    /// Weight of KL(q(z | x) ‖ N(0, 1)), nats of a picture over its numbers, of kind kl.
    pub kl_weight: f64,
    /// Weight of the same loss between the differences of neighbouring pixels, for sharp edges; 0: none.
    pub gradient_weight: f64,
    /// Weight of the same loss between the pictures at a half and a quarter of their size, for the whole; 0: none.
    pub multi_scale_weight: f64,
    /// Optimizer steps of its training, which takes the other keys of [train], but for this one and the next two.
    pub steps: u64,
    /// Images per step of its training.
    pub batch_size: usize,
    /// Peak learning rate of its training, with AdamW.
    pub learning_rate: f64,
}

impl Default for AutoencoderStage {
    fn default() -> Self {
        Self {
            kind: AutoencoderKind::Kl,
            block_out_channels: vec![16, 32, 32],
            layers_per_block: 1,
            latent_channels: 4,
            norm_num_groups: 8,
            mid_attention: false,
            loss: ReconstructionLoss::L1,
            kl_weight: 1e-6,
            gradient_weight: 0.0,
            multi_scale_weight: 0.0,
            steps: 3000,
            batch_size: 32,
            learning_rate: 2e-3,
        }
    }
}
