//! `[model]`: the network.

// Help speaks of sections, [sample], as the file writes them.
#![allow(rustdoc::broken_intra_doc_links)]

use serde::{Deserialize, Serialize};

use crate::config::names::{NetworkKind, TimeScaleShift};

/// The network; a U-Net in diffusers' terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// `unet` for images, or `mlp` for points in the plane: a residual multilayer perceptron that takes
    /// `hidden_width` and `hidden_layers`, and of the other keys `resnet_time_scale_shift`, `dropout`,
    /// `noise_conditioning` and `class_conditional`; `autoencoder` is what `difflab autoencoder` trains, by the keys of
    /// [autoencoder].
    pub kind: NetworkKind,
    /// Units of each hidden layer of an mlp.
    pub hidden_width: usize,
    /// Residual blocks of an mlp, two layers each.
    pub hidden_layers: usize,
    /// Channels of each level, from full resolution down. H and W must be multiples of
    /// 2^(levels − 1).
    pub block_out_channels: Vec<usize>,
    /// Residual blocks per level (the way up has one more).
    pub layers_per_block: usize,
    /// Levels (0 = full resolution) with self-attention.
    pub attention_levels: Vec<usize>,
    /// Self-attention in the middle block.
    pub mid_attention: bool,
    /// Channels of one attention head; 0: a single head over all channels.
    pub attention_head_dim: usize,
    /// Groups of every group normalization; must divide every width, the concatenated ones included.
    pub norm_num_groups: usize,
    /// ε inside the group normalization.
    pub norm_eps: f64,
    /// Groups of the normalization before the middle block's attention; 0: norm_num_groups.
    pub attn_norm_num_groups: usize,
    /// Normalize before the middle block's attention. Networks made with diffusers and `scale_shift` often
    /// don't.
    pub mid_attention_norm: bool,
    /// How the time embedding enters a residual block: `default` adds it, `scale_shift` scales and
    /// shifts the normalized features with it (FiLM).
    pub resnet_time_scale_shift: TimeScaleShift,
    /// Dropout rate inside the residual blocks, 0 to 1.
    pub dropout: f64,
    /// Start with zeros in the last layer of every residual block, of every attention and of the network, so that
    /// the blocks begin as the identity and the output as 0 (as in the code of Ho et al. 2020); false: all layers start
    /// as PyTorch's.
    pub zero_init: bool,
    /// Tell the network the time, or noise level, of what it is shown; false: the same constant whatever the time, so that
    /// it has to see from x_t how much noise there is (Sun et al. 2025, "Is Noise Conditioning Necessary for Denoising
    /// Generative Models?").
    pub noise_conditioning: bool,
    /// Train with class labels (needs a labelled dataset); a null class is added for guidance.
    pub class_conditional: bool,
    /// A middle block: two residual blocks below the last level.
    pub mid_block: bool,
    /// The middle block's outputs are divided by this.
    pub mid_block_scale_factor: f64,
    /// Zeros around the strided convolutions: 1 on all sides, 0 only right and below.
    pub downsample_padding: usize,
    /// Width of the time embedding; 0: four times the channels of the first level.
    pub time_embedding_dim: usize,
    /// Cosines before sines in the time features.
    pub flip_sin_to_cos: bool,
    /// Shifts the frequencies of the time features, 10000^(−i / (half − freq_shift)).
    pub freq_shift: f64,
    /// x ← 2x − 1 at the network's entrance.
    pub center_input_sample: bool,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            kind: NetworkKind::Unet,
            hidden_width: 128,
            hidden_layers: 3,
            block_out_channels: vec![32, 64, 64],
            layers_per_block: 1,
            attention_levels: vec![],
            mid_attention: true,
            attention_head_dim: 8,
            norm_num_groups: 8,
            norm_eps: 1e-5,
            attn_norm_num_groups: 0,
            mid_attention_norm: true,
            resnet_time_scale_shift: TimeScaleShift::ScaleShift,
            dropout: 0.0,
            zero_init: false,
            noise_conditioning: true,
            class_conditional: false,
            mid_block: true,
            mid_block_scale_factor: 1.0,
            downsample_padding: 1,
            time_embedding_dim: 0,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            center_input_sample: false,
        }
    }
}
