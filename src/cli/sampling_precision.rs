//! The network in the precision that its samples are asked in.

use std::sync::Once;

use anyhow::Result;
use candle_core::Device;

use crate::config::{Precision, PrecisionChoice};
use crate::kernels::precision::{self, slowness};
use crate::nn::Net;
use crate::ranks::world;
use crate::run::LoadedModel;
use crate::speak;

/// The precision that samples are asked in, where `auto` stands for the faster one: the same on all ranks, each of which makes
/// this call.
///
/// # Errors
/// When the connection to the others has ended.
pub fn agreed(choice: PrecisionChoice) -> Result<Precision> {
    precision::agreed(choice, &Device::Cpu, &*world())
}

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
