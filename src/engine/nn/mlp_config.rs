//! The architecture of an MLP denoiser: what `mlp/config.json` holds.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::json::sorted_json;
use crate::config::{ModelConfig, TimeScaleShift};

const CLASS_NAME: &str = "Mlp";
/// Larger values are taken for a damaged file; they also keep every product below 2^63.
const MAX_WIDTH: usize = 1 << 16;
const MAX_LAYERS: usize = 256;

/// The keys of `mlp/config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// Height, width and channels of what goes in; a point in the plane is 1, 1, 2.
    pub sample_shape: [usize; 3],
    /// Channels of what comes out.
    pub out_channels: usize,
    /// Units of every hidden layer, and of the time embedding.
    pub hidden_width: usize,
    /// Residual blocks of two linear layers.
    pub hidden_layers: usize,
    /// How the time embedding enters a block.
    pub time_scale_shift: TimeScaleShift,
    /// Dropout rate inside the blocks, 0 ≤ rate < 1.
    pub dropout: f64,
    /// Rows of the class table, the null class's included; `None`: unconditional.
    pub num_class_embeds: Option<usize>,
    /// Whether the network is told the time; `false` alone is written.
    #[serde(default = "told", skip_serializing_if = "is_told")]
    pub noise_conditioning: bool,
}

fn told() -> bool {
    true
}

fn is_told(told: &bool) -> bool {
    *told
}

impl MlpConfig {
    /// The network that an experiment describes, for samples of `height` × `width` × `channels` numbers.
    /// `num_classes` counts the dataset's classes without the null class; it matters only when the model
    /// is class-conditional.
    pub fn new(model: &ModelConfig, height: usize, width: usize, channels: usize, num_classes: Option<usize>) -> Self {
        Self {
            sample_shape: [height, width, channels],
            out_channels: channels,
            hidden_width: model.hidden_width,
            hidden_layers: model.hidden_layers,
            time_scale_shift: model.resnet_time_scale_shift,
            dropout: model.dropout,
            num_class_embeds: num_classes.filter(|_| model.class_conditional).map(|n| n + 1),
            noise_conditioning: model.noise_conditioning,
        }
    }

    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// When the text is no JSON object of these keys, or a value is impossible; the message names it.
    pub fn from_json(text: &str) -> Result<Self> {
        let mut value: Value = serde_json::from_str(text).context("not valid JSON")?;
        let object = value.as_object_mut().context("expected a JSON object of settings")?;
        let class_name = object.remove("_class_name").unwrap_or_default();
        ensure!(class_name == CLASS_NAME, "_class_name is {class_name}, but {CLASS_NAME:?} is expected");
        object.remove("_difflab_version");
        let config: Self = serde_json::from_value(value).context("a setting is missing, unknown or of another type")?;
        config.validate()?;
        Ok(config)
    }

    /// The text of a `config.json`: indent 2, sorted keys, newline at the end.
    ///
    /// # Errors
    /// Never for values that can be compared with themselves.
    pub fn to_json(&self) -> Result<String> {
        let mut value = serde_json::to_value(self)?;
        value["_class_name"] = json!(CLASS_NAME);
        value["_difflab_version"] = json!(env!("CARGO_PKG_VERSION"));
        sorted_json(&value)
    }

    /// Checks every number.
    ///
    /// # Errors
    /// On impossible values; the message names the key.
    pub fn validate(&self) -> Result<()> {
        for (key, value, most) in [
            ("hidden_width", self.hidden_width, MAX_WIDTH),
            ("hidden_layers", self.hidden_layers, MAX_LAYERS),
            ("out_channels", self.out_channels, MAX_WIDTH),
        ] {
            ensure!((1..=most).contains(&value), "{key} = {value}, but it must lie from 1 to {most}");
        }
        let shape = self.sample_shape;
        ensure!(
            shape.iter().all(|side| (1..=MAX_WIDTH).contains(side)),
            "sample_shape = {shape:?}, but each side must lie from 1 to {MAX_WIDTH}"
        );
        ensure!((0.0..1.0).contains(&self.dropout), "dropout = {}, but a rate lies from 0 to below 1", self.dropout);
        ensure!(self.num_class_embeds != Some(0), "num_class_embeds = 0: a class table needs a row");
        Ok(())
    }

    /// Numbers that go into the network for one sample, and that come out.
    pub(super) fn features(&self) -> (usize, usize) {
        let [height, width, channels] = self.sample_shape;
        (height * width * channels, height * width * self.out_channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> MlpConfig {
        let model = ModelConfig { class_conditional: true, ..ModelConfig::default() };
        MlpConfig::new(&model, 1, 1, 2, Some(3))
    }

    #[test]
    fn the_file_holds_every_key_and_is_read_back() {
        let text = config().to_json().unwrap();
        assert!(text.contains("\"_class_name\": \"Mlp\""), "{text}");
        assert_eq!(MlpConfig::from_json(&text).unwrap(), config());
        assert!(!text.contains("noise_conditioning"), "older versions of difflab read it too");
        let blind = MlpConfig { noise_conditioning: false, ..config() };
        assert_eq!(MlpConfig::from_json(&blind.to_json().unwrap()).unwrap(), blind);
        assert_eq!(config().num_class_embeds, Some(4));
    }

    #[test]
    fn files_of_something_else_are_refused_with_the_key() {
        let message = |from: &str, to: &str| {
            let text = config().to_json().unwrap().replace(from, to);
            format!("{:#}", MlpConfig::from_json(&text).unwrap_err())
        };
        assert!(message("\"Mlp\"", "\"UNet2DModel\"").contains("UNet2DModel"));
        assert!(message("hidden_width", "width").contains("width"));
        assert!(message("\"hidden_layers\": 3", "\"hidden_layers\": 0").contains("hidden_layers = 0"));
        assert!(MlpConfig::from_json("[]").is_err());
    }
}
