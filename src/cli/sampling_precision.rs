//! The network in the precision that its samples are asked in.

use std::sync::Once;

use anyhow::Result;

use crate::config::Precision;
use crate::kernels::precision::slowness;
use crate::nn::Net;
use crate::run::LoadedModel;
use crate::speak;

/// The network, multiplying in `precision`. Says, once in the process, if that is slower here than f32.
///
/// # Errors
/// When this machine can't.
pub fn net_in(model: &LoadedModel, precision: Precision) -> Result<Net> {
    static SAID: Once = Once::new();
    let net = model.net_in(precision)?;
    if let Some(warning) = slowness("sample.precision", precision) {
        SAID.call_once(|| speak::warn(warning));
    }
    Ok(net)
}
