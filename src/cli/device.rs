//! `--device`: where tensors live.

use anyhow::Result;
use candle_core::Device;

use super::UsageError;
use crate::kernels;

/// The device of that name: `cpu`, `cuda`, `cuda:N`, `metal`, `metal:N`.
///
/// # Errors
/// [`UsageError`] for other names, and for devices that this binary or this machine lacks.
pub fn open(name: &str) -> Result<Device> {
    let (kind, index) = match name.split_once(':') {
        None => (name, 0),
        Some((kind, index)) => match index.parse() {
            Ok(index) => (kind, index),
            Err(_) => return Err(unknown(name)),
        },
    };
    match kind {
        "cpu" if !name.contains(':') => Ok(Device::Cpu),
        "cuda" if !cfg!(feature = "cuda") => Err(not_built_in("cuda")),
        "metal" if !cfg!(feature = "metal") => Err(not_built_in("metal")),
        "cuda" => kernels::device::open(index).map_err(|error| unavailable(name, &error)),
        "metal" => Device::new_metal(index).map_err(|error| unavailable(name, &error)),
        _ => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> anyhow::Error {
    UsageError::new(format!("there is no device {name}\n  --device takes cpu, cuda:0 or metal")).into()
}

fn not_built_in(feature: &str) -> anyhow::Error {
    let text = format!(
        "this difflab was built without {feature}\n  build it with: cargo build --release --features {feature}, or use \
         --device cpu"
    );
    UsageError::new(text).into()
}

fn unavailable(name: &str, error: &candle_core::Error) -> anyhow::Error {
    UsageError::new(format!("the device {name} cannot be used: {error}\n  --device cpu works everywhere")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_other_names_are_refused() {
        assert!(open("cpu").unwrap().is_cpu());
        for name in ["gpu", "cpu:1", "cuda:x", ""] {
            let error = open(name).unwrap_err();
            assert!(error.downcast_ref::<UsageError>().is_some(), "{name}: {error}");
        }
    }
}
