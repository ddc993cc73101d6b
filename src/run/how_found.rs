//! How the noise of a picture was found: kept with it, so that it can be made into the picture again.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::config::SampleConfig;

/// The settings of an inversion. Sampled with them, the noise becomes the picture that it was found for; a
/// run's own (guidance, another class, clamping) would lead elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HowFound {
    pub sample: SampleConfig,
    /// The class that the network was told; `None`: none, the null class.
    pub class: Option<usize>,
}

/// The key in the metadata of a safetensors file.
const KEY: &str = "difflab.found_with";

impl HowFound {
    /// The metadata of a noise file.
    ///
    /// # Errors
    /// None that is known: the settings are plain values.
    pub(super) fn metadata(&self) -> serde_json::Result<HashMap<String, String>> {
        Ok(HashMap::from([(KEY.to_string(), serde_json::to_string(self)?)]))
    }

    /// From the bytes of a safetensors file. `None` for noise that was not found by an inversion, or by a
    /// difflab whose settings this one does not know.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let (_, header) = safetensors::SafeTensors::read_metadata(bytes).ok()?;
        serde_json::from_str(header.metadata().as_ref()?.get(KEY)?).ok()
    }
}
