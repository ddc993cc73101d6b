//! The architecture of a `UNet2DModel` in diffusers' keys and with diffusers' defaults.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{read_json, sorted_json};
use super::json_config::{check_choice, check_range, read_config, whole_as_integer};
use crate::config::{ModelConfig, TimeScaleShift};

/// The release of diffusers whose formats we write.
pub(super) const DIFFUSERS_VERSION: &str = "0.27.2";
const MID_BLOCK: &str = "UNetMidBlock2D";
const MAX_LAYERS: usize = 64;

/// Kinds of level on the way down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownBlockType {
    /// Residual blocks.
    DownBlock2D,
    /// Residual blocks, each followed by self-attention.
    AttnDownBlock2D,
}

/// Kinds of level on the way up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpBlockType {
    /// Residual blocks.
    UpBlock2D,
    /// Residual blocks, each followed by self-attention.
    AttnUpBlock2D,
}

/// Height and width of the images in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SampleSize {
    Square(usize),
    /// Height, width.
    Rectangle([usize; 2]),
}

/// The keys of `unet/config.json`. Keys that we don't know are kept and written again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UNetConfig {
    #[serde(rename = "_class_name")]
    pub class_name: String,
    #[serde(rename = "_diffusers_version")]
    pub diffusers_version: String,
    /// Size of the training images; the network itself takes any size that its levels divide.
    pub sample_size: Option<SampleSize>,
    pub in_channels: usize,
    pub out_channels: usize,
    /// x ← 2x − 1 at the entrance.
    pub center_input_sample: bool,
    /// Only `positional` is supported.
    pub time_embedding_type: String,
    /// Width of the time embedding; `None`: four times the first level's channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_embedding_dim: Option<usize>,
    /// Shifts the frequencies of the time features: f_i = 10000^(−i / (half − freq_shift)).
    #[serde(serialize_with = "whole_as_integer")]
    pub freq_shift: f64,
    /// Cosines before sines in the time features.
    pub flip_sin_to_cos: bool,
    pub down_block_types: Vec<DownBlockType>,
    /// `UNetMidBlock2D`, or `None` for no middle block.
    #[serde(skip_serializing_if = "is_mid_block")]
    pub mid_block_type: Option<String>,
    pub up_block_types: Vec<UpBlockType>,
    /// Channels of each level, from full resolution down.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks a level; the way up has one more.
    pub layers_per_block: usize,
    /// The middle block's outputs are divided by this.
    #[serde(serialize_with = "whole_as_integer")]
    pub mid_block_scale_factor: f64,
    /// 1: zeros on all sides of the strided convolutions; 0: only right and below.
    pub downsample_padding: usize,
    /// Only `conv` is supported.
    pub downsample_type: String,
    /// Only `conv` is supported.
    pub upsample_type: String,
    /// Dropout rate inside the residual blocks, 0 ≤ rate < 1.
    pub dropout: f64,
    /// Only `silu` (also called `swish`) is supported.
    pub act_fn: String,
    /// Channels of one attention head; `None`: one head over all channels.
    pub attention_head_dim: Option<usize>,
    /// Groups of every group normalization.
    pub norm_num_groups: usize,
    /// Groups in the middle attention; `None`: as `norm_num_groups`, but no normalization at all
    /// when `resnet_time_scale_shift` is `scale_shift`.
    pub attn_norm_num_groups: Option<usize>,
    pub norm_eps: f64,
    pub resnet_time_scale_shift: TimeScaleShift,
    /// Self-attention in the middle block.
    pub add_attention: bool,
    /// Only `None` (a table of `num_class_embeds` vectors) is supported.
    pub class_embed_type: Option<String>,
    /// Rows of the class table. Our own networks have one more row than classes: the last is the
    /// null class.
    pub num_class_embeds: Option<usize>,
    /// Whether the network is told the time. A key of ours: `false` alone is written, and diffusers passes over what begins
    /// with `_`. It passes t all the same; [`Weights::with_zeroed_time`](super::Weights::with_zeroed_time) has it say nothing.
    #[serde(rename = "_noise_conditioning", skip_serializing_if = "is_true")]
    pub noise_conditioning: bool,
    /// Used by learned time embeddings only.
    pub num_train_timesteps: Option<usize>,
    /// Keys that only newer or other versions know.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

impl Default for UNetConfig {
    fn default() -> Self {
        use DownBlockType::*;
        use UpBlockType::*;
        Self {
            class_name: "UNet2DModel".into(),
            diffusers_version: DIFFUSERS_VERSION.into(),
            sample_size: None,
            in_channels: 3,
            out_channels: 3,
            center_input_sample: false,
            time_embedding_type: "positional".into(),
            time_embedding_dim: None,
            freq_shift: 0.0,
            flip_sin_to_cos: true,
            down_block_types: vec![DownBlock2D, AttnDownBlock2D, AttnDownBlock2D, AttnDownBlock2D],
            mid_block_type: Some(MID_BLOCK.into()),
            up_block_types: vec![AttnUpBlock2D, AttnUpBlock2D, AttnUpBlock2D, UpBlock2D],
            block_out_channels: vec![224, 448, 672, 896],
            layers_per_block: 2,
            mid_block_scale_factor: 1.0,
            downsample_padding: 1,
            downsample_type: "conv".into(),
            upsample_type: "conv".into(),
            dropout: 0.0,
            act_fn: "silu".into(),
            attention_head_dim: Some(8),
            norm_num_groups: 32,
            attn_norm_num_groups: None,
            norm_eps: 1e-5,
            resnet_time_scale_shift: TimeScaleShift::Default,
            add_attention: true,
            class_embed_type: None,
            num_class_embeds: None,
            noise_conditioning: true,
            num_train_timesteps: None,
            unknown: BTreeMap::new(),
        }
    }
}

impl UNetConfig {
    /// The network that an experiment describes, for images of `height` × `width` pixels and
    /// `channels` colours. `num_classes` counts the dataset's classes without the null class; it
    /// matters only when the model is class-conditional.
    pub fn new(model: &ModelConfig, height: usize, width: usize, channels: usize, num_classes: Option<usize>) -> Self {
        let levels = model.block_out_channels.len();
        let attends = |level| model.attention_levels.contains(&level);
        let set = |number: usize| (number > 0).then_some(number);
        let size = if height == width { SampleSize::Square(height) } else { SampleSize::Rectangle([height, width]) };
        Self {
            sample_size: Some(size),
            in_channels: channels,
            out_channels: channels,
            down_block_types: (0..levels)
                .map(|i| if attends(i) { DownBlockType::AttnDownBlock2D } else { DownBlockType::DownBlock2D })
                .collect(),
            up_block_types: (0..levels)
                .rev()
                .map(|i| if attends(i) { UpBlockType::AttnUpBlock2D } else { UpBlockType::UpBlock2D })
                .collect(),
            block_out_channels: model.block_out_channels.clone(),
            layers_per_block: model.layers_per_block,
            dropout: model.dropout,
            attention_head_dim: set(model.attention_head_dim),
            norm_num_groups: model.norm_num_groups,
            // Without this, diffusers leaves out the middle attention's normalization under FiLM.
            attn_norm_num_groups: match model.resnet_time_scale_shift {
                TimeScaleShift::Default => set(model.attn_norm_num_groups),
                TimeScaleShift::ScaleShift if model.mid_attention_norm => {
                    set(model.attn_norm_num_groups).or(Some(model.norm_num_groups))
                }
                TimeScaleShift::ScaleShift => None,
            },
            norm_eps: model.norm_eps,
            resnet_time_scale_shift: model.resnet_time_scale_shift,
            add_attention: model.mid_attention,
            num_class_embeds: num_classes.filter(|_| model.class_conditional).map(|n| n + 1),
            mid_block_type: model.mid_block.then(|| MID_BLOCK.into()),
            mid_block_scale_factor: model.mid_block_scale_factor,
            downsample_padding: model.downsample_padding,
            time_embedding_dim: set(model.time_embedding_dim),
            flip_sin_to_cos: model.flip_sin_to_cos,
            freq_shift: model.freq_shift,
            center_input_sample: model.center_input_sample,
            noise_conditioning: model.noise_conditioning,
            ..Self::default()
        }
    }

    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// When the text is no JSON object, a value has the wrong type, or a feature is asked for that
    /// is not supported; the message names the key.
    pub fn from_json(text: &str) -> Result<Self> {
        let value: Value = read_json(text)?;
        ensure!(value.is_object(), "expected a JSON object of settings");
        for (key, supported) in [
            ("down_block_types", &["DownBlock2D", "AttnDownBlock2D"]),
            ("up_block_types", &["UpBlock2D", "AttnUpBlock2D"]),
            ("resnet_time_scale_shift", &["default", "scale_shift"]),
        ] {
            let given = value.get(key).into_iter();
            for name in given.flat_map(|v| v.as_array().map_or(std::slice::from_ref(v), Vec::as_slice)) {
                if let Some(name) = name.as_str() {
                    check_choice(key, name, supported)?;
                }
            }
        }
        let config: Self = read_config(text)?;
        config.validate()?;
        Ok(config)
    }

    /// The text of a `config.json`: indent 2, sorted keys, newline at the end.
    pub fn to_json(&self) -> Result<String> {
        sorted_json(&serde_json::to_value(self)?)
    }

    /// Checks everything that does not need the widths of single layers (those are checked where
    /// the layers are made).
    ///
    /// # Errors
    /// On a feature that is not supported and on impossible values; the message names the key.
    pub fn validate(&self) -> Result<()> {
        check_choice("_class_name", &self.class_name, &["UNet2DModel"])?;
        check_choice("time_embedding_type", &self.time_embedding_type, &["positional"])?;
        check_choice("act_fn", &self.act_fn, &["silu", "swish"])?;
        check_choice("downsample_type", &self.downsample_type, &["conv"])?;
        check_choice("upsample_type", &self.upsample_type, &["conv"])?;
        if let Some(name) = &self.mid_block_type {
            check_choice("mid_block_type", name, &[MID_BLOCK])?;
        }
        if let Some(name) = &self.class_embed_type {
            bail!("class_embed_type = {name:?} is not supported; only null (a table of num_class_embeds vectors) is");
        }
        let levels = self.block_out_channels.len();
        ensure!((1..=16).contains(&levels), "block_out_channels has {levels} levels; 1 to 16 are possible");
        for (key, count) in
            [("down_block_types", self.down_block_types.len()), ("up_block_types", self.up_block_types.len())]
        {
            ensure!(count == levels, "{key} has {count} entries, but block_out_channels has {levels}");
        }
        let layers = self.layers_per_block;
        ensure!((1..=MAX_LAYERS).contains(&layers), "layers_per_block = {layers} is outside 1 to {MAX_LAYERS}");
        let widths = self.block_out_channels.iter().map(|&c| ("block_out_channels", c));
        let others = [
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("norm_num_groups", self.norm_num_groups),
        ];
        let optional = [
            ("attn_norm_num_groups", self.attn_norm_num_groups),
            ("attention_head_dim", self.attention_head_dim),
            ("num_class_embeds", self.num_class_embeds),
            ("time_embedding_dim", self.time_embedding_dim),
        ];
        let optional = optional.into_iter().filter_map(|(key, value)| Some((key, value?)));
        for (key, value) in widths.chain(others).chain(optional) {
            check_range(key, value)?;
        }
        ensure!(self.downsample_padding <= 1, "downsample_padding = {}; only 0 and 1 exist", self.downsample_padding);
        ensure!((0.0..1.0).contains(&self.dropout), "dropout = {} is outside 0 to 1", self.dropout);
        ensure!(self.norm_eps > 0.0 && self.norm_eps.is_finite(), "norm_eps = {} must be above 0", self.norm_eps);
        let factor = self.mid_block_scale_factor;
        ensure!(factor.is_finite() && factor != 0.0, "mid_block_scale_factor = {factor} must be finite and not 0");
        let half = (self.block_out_channels[0] / 2) as f64;
        ensure!(
            half > self.freq_shift,
            "block_out_channels[0] = {} is too narrow for time features with freq_shift = {}",
            self.block_out_channels[0],
            self.freq_shift
        );
        Ok(())
    }

    /// Width of the time embedding.
    pub fn time_width(&self) -> usize {
        self.time_embedding_dim.unwrap_or(4 * self.block_out_channels[0])
    }

    /// Height and width must be multiples of this.
    pub fn size_multiple(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }
}

fn is_true(told: &bool) -> bool {
    *told
}

fn is_mid_block(name: &Option<String>) -> bool {
    name.as_deref() == Some(MID_BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        format!("{:#}", UNetConfig::from_json(json).unwrap_err())
    }

    #[test]
    fn unsupported_features_are_refused_by_the_name_of_their_key() {
        for (json, key) in [
            (r#"{"_class_name": "UNet2DConditionModel"}"#, "_class_name"),
            (r#"{"time_embedding_type": "fourier"}"#, "time_embedding_type"),
            (r#"{"act_fn": "gelu"}"#, "act_fn"),
            (r#"{"downsample_type": "resnet"}"#, "downsample_type"),
            (r#"{"upsample_type": "resnet"}"#, "upsample_type"),
            (r#"{"class_embed_type": "timestep"}"#, "class_embed_type"),
            (r#"{"resnet_time_scale_shift": "ada_group"}"#, "resnet_time_scale_shift"),
            (r#"{"down_block_types": ["SkipDownBlock2D"]}"#, "down_block_types"),
            (r#"{"up_block_types": ["UpBlock2D", "ResnetUpsampleBlock2D"]}"#, "up_block_types"),
            (r#"{"mid_block_type": "UNetMidBlock2DCrossAttn"}"#, "mid_block_type"),
        ] {
            let message = refusal(json);
            assert!(message.contains(key) && message.contains("not supported"), "{message}");
        }
    }

    #[test]
    fn impossible_values_are_refused_and_never_panic() {
        for (json, part) in [
            ("[]", "JSON object"),
            ("{", "not valid JSON"),
            (r#"{"layers_per_block": "two"}"#, "wrong type"),
            (r#"{"block_out_channels": []}"#, "0 levels"),
            (r#"{"block_out_channels": [32, 64]}"#, "down_block_types has 4 entries"),
            (r#"{"block_out_channels": [0, 1, 2, 3]}"#, "block_out_channels = 0"),
            (r#"{"block_out_channels": [1, 1, 1, 18446744073709551615]}"#, "outside"),
            (r#"{"norm_num_groups": 0}"#, "norm_num_groups = 0"),
            (r#"{"attention_head_dim": 0}"#, "attention_head_dim = 0"),
            (r#"{"num_class_embeds": 0}"#, "num_class_embeds = 0"),
            (r#"{"layers_per_block": 0}"#, "layers_per_block = 0"),
            (r#"{"downsample_padding": 2}"#, "downsample_padding = 2"),
            (r#"{"dropout": 1.0}"#, "dropout = 1"),
            (r#"{"norm_eps": 0}"#, "norm_eps = 0"),
            (r#"{"mid_block_scale_factor": 0}"#, "mid_block_scale_factor = 0"),
            (r#"{"block_out_channels": [2, 4, 4, 4], "freq_shift": 1}"#, "too narrow"),
        ] {
            let message = refusal(json);
            assert!(message.contains(part), "{json}: {message}");
        }
    }

    #[test]
    fn groups_that_do_not_divide_are_refused_with_the_layer() {
        let config = UNetConfig { block_out_channels: vec![32, 48, 64, 64], ..UNetConfig::default() };
        let message = format!("{:#}", crate::nn::parameters(&config).unwrap_err());
        assert!(message.contains("norm_num_groups = 32") && message.contains("48 channels"), "{message}");
        assert!(message.contains("down_blocks.1.resnets.0.norm2"), "{message}");
    }

    #[test]
    fn missing_keys_take_the_defaults_of_diffusers_and_null_is_not_missing() {
        let config = UNetConfig::from_json("{}").unwrap();
        assert_eq!(config, UNetConfig::default());
        assert_eq!(config.attention_head_dim, Some(8));
        let config = UNetConfig::from_json(r#"{"attention_head_dim": null, "mid_block_type": null}"#).unwrap();
        assert_eq!((config.attention_head_dim, config.mid_block_type), (None, None));
    }

    #[test]
    fn all_settings_survive_writing_unknown_ones_included() {
        let text = r#"{"attention_head_dim": null, "mid_block_type": null, "sample_size": [32, 64],
            "time_embedding_dim": 100, "mid_block_scale_factor": 1.5, "freq_shift": 1, "ema_decay": {"a": 1}}"#;
        let config = UNetConfig::from_json(text).unwrap();
        assert_eq!(config.sample_size, Some(SampleSize::Rectangle([32, 64])));
        assert_eq!(config.unknown.keys().collect::<Vec<_>>(), ["ema_decay"]);
        assert_eq!(UNetConfig::from_json(&config.to_json().unwrap()).unwrap(), config);
    }

    #[test]
    fn the_family_of_ddpm_cifar10_is_accepted() {
        let text = r#"{"_class_name": "UNet2DModel", "act_fn": "silu", "attention_head_dim": null,
            "block_out_channels": [128, 256, 256, 256], "downsample_padding": 0, "flip_sin_to_cos": false,
            "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
            "freq_shift": 1, "mid_block_scale_factor": 1, "norm_eps": 1e-06, "norm_num_groups": 32,
            "sample_size": 32, "layers_per_block": 2, "in_channels": 3, "out_channels": 3}"#;
        let config = UNetConfig::from_json(text).unwrap();
        // The count that is published for google/ddpm-cifar10-32.
        assert_eq!(crate::nn::parameter_count(&config).unwrap(), 35_746_307);
    }

    #[test]
    fn an_experiment_maps_to_the_keys_of_diffusers() {
        let model = ModelConfig {
            block_out_channels: vec![16, 32, 64],
            attention_levels: vec![1],
            norm_num_groups: 4,
            resnet_time_scale_shift: TimeScaleShift::ScaleShift,
            class_conditional: true,
            ..ModelConfig::default()
        };
        let config = UNetConfig::new(&model, 28, 28, 1, Some(10));
        use DownBlockType::*;
        use UpBlockType::*;
        assert_eq!(config.down_block_types, [DownBlock2D, AttnDownBlock2D, DownBlock2D]);
        assert_eq!(config.up_block_types, [UpBlock2D, AttnUpBlock2D, UpBlock2D]);
        assert_eq!(config.num_class_embeds, Some(11), "the null class has its own row");
        assert_eq!(config.attn_norm_num_groups, Some(4), "the middle attention keeps its normalization");
        assert_eq!((config.sample_size, config.in_channels), (Some(SampleSize::Square(28)), 1));
        assert!(!config.to_json().unwrap().contains("noise_conditioning"));
        let blind = ModelConfig { noise_conditioning: false, ..model.clone() };
        let blind = UNetConfig::new(&blind, 28, 28, 1, Some(10));
        let text = blind.to_json().unwrap();
        assert!(text.contains("\"_noise_conditioning\": false"), "{text}");
        assert_eq!(UNetConfig::from_json(&text).unwrap(), blind);
        let plain = ModelConfig { class_conditional: false, ..model };
        assert_eq!(UNetConfig::new(&plain, 28, 32, 1, Some(10)).num_class_embeds, None);
    }
}
