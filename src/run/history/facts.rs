//! What a file of the history says of itself, in its header.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data::DataIdentity;

/// The newest form of these files that this binary reads and writes.
pub(super) const FORMAT: u64 = 1;

/// What the averaged weights of one step are, so that the file stands alone. Nothing in it depends on when it was written:
/// a run that comes by a step again writes the same file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryFacts {
    pub format: u64,
    pub step: u64,
    /// The run that wrote it ([`Identity`](crate::run::Identity)).
    pub run: String,
    /// "unet" or "mlp": what `network` is.
    pub kind: String,
    /// The architecture's own `config.json`.
    pub network: String,
    /// Every key that it was trained with, as TOML.
    pub config: String,
    /// Which data it was trained on, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataIdentity>,
    /// Of the autoencoder in whose latents it diffuses, if it does ([`LatentSpace::sha256`](crate::nn::autoencoder::LatentSpace)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latents: Option<String>,
    /// Of the bytes of all tensors, as they lie in the file.
    pub sha256: String,
}

impl HistoryFacts {
    /// The config; `None` where this difflab cannot read it.
    pub fn config(&self) -> Option<Config> {
        Config::from_toml(&self.config, "the history's config").ok()
    }
}
