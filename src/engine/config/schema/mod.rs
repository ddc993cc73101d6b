//! The experiment file: every key, its type and its default.
//!
//! A config is TOML. Keys left out take the defaults declared here; unknown keys are refused.
//! The resolved config (every key written out) is saved in the run folder, and alone repeats the
//! run. The doc comment of each field is the text that `--help-config` shows.

mod autoencoder;
mod data;
mod diffusion;
mod model;
mod parent;
mod preview;
mod sample;
mod train;

pub use autoencoder::AutoencoderStage;
pub use data::DataConfig;
pub use diffusion::DiffusionConfig;
pub use model::ModelConfig;
pub use parent::ParentConfig;
pub use preview::PreviewConfig;
pub use sample::SampleConfig;
pub use train::TrainConfig;

use serde::{Deserialize, Serialize};

/// One experiment, all keys resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Format version of this file; written into every run folder.
    pub version: u32,
    /// Name of the experiment; part of the run folder's name.
    pub name: String,
    /// Seed of every random number in the run.
    pub seed: u64,
    pub data: DataConfig,
    pub diffusion: DiffusionConfig,
    pub model: ModelConfig,
    pub train: TrainConfig,
    pub preview: PreviewConfig,
    pub sample: SampleConfig,
    pub autoencoder: AutoencoderStage,
    /// Of a fork alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentConfig>,
}

/// The newest config format that this binary reads and writes.
pub const CONFIG_VERSION: u32 = 1;

impl Default for Config {
    fn default() -> Self {
        Self {
            version: CONFIG_VERSION,
            name: "experiment".into(),
            seed: 0,
            data: DataConfig::default(),
            diffusion: DiffusionConfig::default(),
            model: ModelConfig::default(),
            train: TrainConfig::default(),
            preview: PreviewConfig::default(),
            sample: SampleConfig::default(),
            autoencoder: AutoencoderStage::default(),
            parent: None,
        }
    }
}
