//! The network in the precision that its samples are asked in.

use std::sync::Once;

use anyhow::Result;
use candle_core::Device;

use crate::config::{NetworkKind, Precision, PrecisionChoice};
use crate::kernels::precision::{self, slowness};
use crate::nn::Net;
use crate::ranks::world;
use crate::run::LoadedModel;
use crate::speak;

/// The precision that samples of such a network are asked in, where `auto` stands for the faster one: the same on all ranks,
/// each of which makes this call. Says, once in the process, if it is not what was asked for.
///
/// # Errors
/// When the connection to the others has ended.
pub fn agreed(choice: PrecisionChoice, kind: NetworkKind) -> Result<Precision> {
    static SAID: Once = Once::new();
    if choice == PrecisionChoice::Bf16 && !kind.has_bf16() {
        SAID.call_once(|| speak::warn("bf16 has no effect here: an mlp is always computed in f32"));
    }
    precision::agreed(choice, kind, &Device::Cpu, &*world())
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
