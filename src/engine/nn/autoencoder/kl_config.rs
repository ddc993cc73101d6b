//! The architecture of an `AutoencoderKL` in diffusers' keys and with diffusers' defaults.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::nn::json_config::{check_choice, check_range, read_config};
use crate::nn::unet_config::DIFFUSERS_VERSION;

const DOWN: &str = "DownEncoderBlock2D";
const UP: &str = "UpDecoderBlock2D";

/// The keys of an `AutoencoderKL`'s `config.json`. Keys that we don't know are kept and written again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KlConfig {
    #[serde(rename = "_class_name")]
    pub class_name: String,
    #[serde(rename = "_diffusers_version")]
    pub diffusers_version: String,
    pub in_channels: usize,
    pub out_channels: usize,
    /// `DownEncoderBlock2D`, one a level.
    pub down_block_types: Vec<String>,
    /// `UpDecoderBlock2D`, one a level.
    pub up_block_types: Vec<String>,
    /// Channels of each level, from full resolution down; all but the last halve the size.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks a level of the encoder; the decoder has one more.
    pub layers_per_block: usize,
    /// Only `silu` is supported.
    pub act_fn: String,
    pub latent_channels: usize,
    pub norm_num_groups: usize,
    /// Size of the training pictures.
    pub sample_size: usize,
    /// What latents are multiplied by for unit variance: diffusion sees `scaling_factor`·(z − `shift_factor`).
    pub scaling_factor: f64,
    pub shift_factor: Option<f64>,
    /// Only `null` is supported.
    pub latents_mean: Option<Value>,
    /// Only `null` is supported.
    pub latents_std: Option<Value>,
    /// For half precision alone.
    pub force_upcast: bool,
    pub use_quant_conv: bool,
    pub use_post_quant_conv: bool,
    /// Self-attention in the middle of encoder and decoder.
    pub mid_block_add_attention: bool,
    /// Keys that only newer or other versions know.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

impl Default for KlConfig {
    fn default() -> Self {
        Self {
            class_name: "AutoencoderKL".into(),
            diffusers_version: DIFFUSERS_VERSION.into(),
            in_channels: 3,
            out_channels: 3,
            down_block_types: vec![DOWN.into()],
            up_block_types: vec![UP.into()],
            block_out_channels: vec![64],
            layers_per_block: 1,
            act_fn: "silu".into(),
            latent_channels: 4,
            norm_num_groups: 32,
            sample_size: 32,
            scaling_factor: 0.18215,
            shift_factor: None,
            latents_mean: None,
            latents_std: None,
            force_upcast: true,
            use_quant_conv: true,
            use_post_quant_conv: true,
            mid_block_add_attention: true,
            unknown: BTreeMap::new(),
        }
    }
}

impl KlConfig {
    /// An autoencoder of these levels for pictures of `channels` channels.
    pub fn new(channels: usize, latent_channels: usize, block_out_channels: Vec<usize>) -> Self {
        let levels = block_out_channels.len();
        Self {
            in_channels: channels,
            out_channels: channels,
            latent_channels,
            down_block_types: vec![DOWN.into(); levels],
            up_block_types: vec![UP.into(); levels],
            block_out_channels,
            ..Self::default()
        }
    }

    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// When the text is no JSON object, a value has the wrong type, or a feature is asked for that is not supported; the
    /// message names the key.
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = read_config(text)?;
        config.validate()?;
        Ok(config)
    }

    /// # Errors
    /// On a feature that is not supported and on impossible values; the message names the key.
    pub fn validate(&self) -> Result<()> {
        check_choice("_class_name", &self.class_name, &["AutoencoderKL"])?;
        check_choice("act_fn", &self.act_fn, &["silu", "swish"])?;
        let levels = self.block_out_channels.len();
        ensure!((1..=8).contains(&levels), "block_out_channels has {levels} levels; 1 to 8 are possible");
        for (key, types, known) in
            [("down_block_types", &self.down_block_types, DOWN), ("up_block_types", &self.up_block_types, UP)]
        {
            ensure!(types.len() == levels, "{key} has {} entries, but block_out_channels has {levels}", types.len());
            types.iter().try_for_each(|name| check_choice(key, name, &[known]))?;
        }
        ensure!(
            self.latents_mean.is_none() && self.latents_std.is_none(),
            "latents_mean and latents_std are not supported; only scaling_factor and shift_factor are"
        );
        ensure!(
            self.scaling_factor > 0.0 && self.scaling_factor.is_finite(),
            "scaling_factor = {} must be above 0",
            self.scaling_factor
        );
        for channels in &self.block_out_channels {
            check_range("block_out_channels", *channels)?;
        }
        check_range("in_channels", self.in_channels)?;
        check_range("out_channels", self.out_channels)?;
        check_range("latent_channels", self.latent_channels)?;
        check_range("norm_num_groups", self.norm_num_groups)?;
        check_range("layers_per_block", self.layers_per_block)
    }

    /// How many times smaller the latents' sides are.
    pub fn factor(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_supported_is_named() {
        for (json, words) in [
            (r#"{"act_fn": "gelu"}"#, "act_fn"),
            (r#"{"down_block_types": ["AttnDownEncoderBlock2D"]}"#, "AttnDownEncoderBlock2D"),
            (r#"{"block_out_channels": [8, 8]}"#, "down_block_types has 1 entries"),
            (r#"{"latents_mean": [0.1]}"#, "latents_mean"),
            (r#"{"scaling_factor": 0}"#, "scaling_factor"),
            (r#"{"latent_channels": "many"}"#, "latent_channels"),
            (r#"{"_class_name": "VQModel"}"#, "VQModel"),
            ("[]", "JSON object"),
        ] {
            let message = format!("{:#}", KlConfig::from_json(json).unwrap_err());
            assert!(message.contains(words), "{json}: {message}");
        }
        assert_eq!(KlConfig::from_json("{}").unwrap(), KlConfig::default());
        assert_eq!(KlConfig::new(1, 2, vec![8, 16, 16]).factor(), 4);
    }
}
