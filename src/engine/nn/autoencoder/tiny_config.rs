//! The architecture of an `AutoencoderTiny` in diffusers' keys and with diffusers' defaults.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::nn::json_config::{check_choice, check_range, read_config, whole_as_integer};
use crate::nn::unet_config::DIFFUSERS_VERSION;

/// The keys of an `AutoencoderTiny`'s `config.json` (TAESD's layout). Keys that we don't know are kept and written again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TinyConfig {
    #[serde(rename = "_class_name")]
    pub class_name: String,
    #[serde(rename = "_diffusers_version")]
    pub diffusers_version: String,
    pub in_channels: usize,
    pub out_channels: usize,
    /// Channels of the encoder's levels, from full resolution down, all the same; all levels but the first halve the size.
    pub encoder_block_out_channels: Vec<usize>,
    /// Channels of the decoder's levels, from the latents up, all the same.
    pub decoder_block_out_channels: Vec<usize>,
    /// Only `relu` is supported.
    pub act_fn: String,
    /// Only `nearest` is supported.
    pub upsample_fn: String,
    pub latent_channels: usize,
    /// Only 2 is supported.
    pub upsampling_scaling_factor: usize,
    /// Blocks of each level.
    pub num_encoder_blocks: Vec<usize>,
    pub num_decoder_blocks: Vec<usize>,
    /// For latents that are stored as bytes alone.
    #[serde(serialize_with = "whole_as_integer")]
    pub latent_magnitude: f64,
    pub latent_shift: f64,
    /// For half precision alone.
    pub force_upcast: bool,
    /// What latents are multiplied by for unit variance.
    pub scaling_factor: f64,
    pub shift_factor: f64,
    /// diffusers writes the encoder's channels here once more.
    pub block_out_channels: Option<Vec<usize>>,
    /// Keys that only newer or other versions know.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

impl Default for TinyConfig {
    fn default() -> Self {
        Self {
            class_name: "AutoencoderTiny".into(),
            diffusers_version: DIFFUSERS_VERSION.into(),
            in_channels: 3,
            out_channels: 3,
            encoder_block_out_channels: vec![64; 4],
            decoder_block_out_channels: vec![64; 4],
            act_fn: "relu".into(),
            upsample_fn: "nearest".into(),
            latent_channels: 4,
            upsampling_scaling_factor: 2,
            num_encoder_blocks: vec![1, 3, 3, 3],
            num_decoder_blocks: vec![3, 3, 3, 1],
            latent_magnitude: 3.0,
            latent_shift: 0.5,
            force_upcast: false,
            scaling_factor: 1.0,
            shift_factor: 0.0,
            block_out_channels: None,
            unknown: BTreeMap::new(),
        }
    }
}

impl TinyConfig {
    /// An autoencoder of `levels` levels, each `width` wide and `blocks` deep, for pictures of `channels` channels.
    pub fn new(channels: usize, latent_channels: usize, levels: usize, width: usize, blocks: usize) -> Self {
        Self {
            in_channels: channels,
            out_channels: channels,
            latent_channels,
            encoder_block_out_channels: vec![width; levels],
            decoder_block_out_channels: vec![width; levels],
            num_encoder_blocks: vec![blocks; levels],
            num_decoder_blocks: vec![blocks; levels],
            block_out_channels: Some(vec![width; levels]),
            ..Self::default()
        }
    }

    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// As [`KlConfig::from_json`](super::KlConfig::from_json).
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = read_config(text)?;
        config.validate()?;
        Ok(config)
    }

    /// # Errors
    /// On a feature that is not supported and on impossible values; the message names the key.
    pub fn validate(&self) -> Result<()> {
        check_choice("_class_name", &self.class_name, &["AutoencoderTiny"])?;
        check_choice("act_fn", &self.act_fn, &["relu"])?;
        check_choice("upsample_fn", &self.upsample_fn, &["nearest"])?;
        let factor = self.upsampling_scaling_factor;
        ensure!(factor == 2, "upsampling_scaling_factor = {factor} is not supported; only 2 is");
        let levels = self.encoder_block_out_channels.len();
        ensure!((1..=8).contains(&levels), "encoder_block_out_channels has {levels} levels; 1 to 8 are possible");
        for (key, count) in [
            ("decoder_block_out_channels", self.decoder_block_out_channels.len()),
            ("num_encoder_blocks", self.num_encoder_blocks.len()),
            ("num_decoder_blocks", self.num_decoder_blocks.len()),
        ] {
            ensure!(count == levels, "{key} has {count} entries, but encoder_block_out_channels has {levels}");
        }
        for (key, channels) in [
            ("encoder_block_out_channels", &self.encoder_block_out_channels),
            ("decoder_block_out_channels", &self.decoder_block_out_channels),
        ] {
            channels.iter().try_for_each(|channels| check_range(key, *channels))?;
            ensure!(channels.iter().all(|c| *c == channels[0]), "{key} must all be the same, but are {channels:?}");
        }
        for (key, blocks) in
            [("num_encoder_blocks", &self.num_encoder_blocks), ("num_decoder_blocks", &self.num_decoder_blocks)]
        {
            ensure!(blocks.iter().all(|count| *count <= 64), "{key} may have at most 64 a level, but are {blocks:?}");
        }
        ensure!(
            self.scaling_factor > 0.0 && self.scaling_factor.is_finite(),
            "scaling_factor = {} must be above 0",
            self.scaling_factor
        );
        check_range("in_channels", self.in_channels)?;
        check_range("out_channels", self.out_channels)?;
        check_range("latent_channels", self.latent_channels)
    }

    /// How many times smaller the latents' sides are.
    pub fn factor(&self) -> usize {
        1 << (self.encoder_block_out_channels.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_supported_is_named() {
        for (json, words) in [
            (r#"{"act_fn": "silu"}"#, "act_fn"),
            (r#"{"upsample_fn": "bilinear"}"#, "upsample_fn"),
            (r#"{"upsampling_scaling_factor": 3}"#, "upsampling_scaling_factor"),
            (r#"{"encoder_block_out_channels": [8, 8, 8, 16]}"#, "must all be the same"),
            (r#"{"num_encoder_blocks": [1]}"#, "num_encoder_blocks has 1 entries"),
            (r#"{"latent_channels": 0}"#, "latent_channels"),
        ] {
            let message = format!("{:#}", TinyConfig::from_json(json).unwrap_err());
            assert!(message.contains(words), "{json}: {message}");
        }
        assert_eq!(TinyConfig::from_json("{}").unwrap(), TinyConfig::default());
        assert_eq!(TinyConfig::new(1, 2, 3, 8, 1).factor(), 4);
    }
}
