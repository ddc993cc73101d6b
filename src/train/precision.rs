//! Can this machine train with the precision that the config asks for?

use candle_core::Device;

use crate::config::{ConfigError, Precision};
use crate::kernels::precision::obstacle;

/// # Errors
/// [`ConfigError::Impossible`] when this machine can't, or can't on `device`; it says why.
pub fn check_precision(precision: Precision, device: &Device) -> Result<(), ConfigError> {
    let name = match precision {
        Precision::F32 => "f32",
        Precision::Bf16 => "bf16",
    };
    match obstacle(precision, device) {
        Some(problem) => {
            Err(ConfigError::Impossible { key: "train.precision".into(), value: format!("{name:?}"), problem })
        }
        None => Ok(()),
    }
}
