//! The folder as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use candle_core::Device;
use serde_json::{Value, json};

use super::tensors::{load_weights, save_weights};
use crate::nn::unet_config::DIFFUSERS_VERSION;
use crate::nn::{UNetConfig, Weights};

const CONFIG: &str = "config.json";
const TENSORS: &str = "diffusion_pytorch_model.safetensors";

/// Writes a `DDPMPipeline` folder: `dir` is created where it doesn't exist, files of the same names
/// are replaced. `scheduler` is what [`super::scheduler_config`] makes. Files are not synced to disk.
///
/// # Errors
/// When a file can't be written, or the weights lack a tensor of the network; the message names it.
pub fn save_pipeline(dir: &Path, config: &UNetConfig, weights: &Weights, scheduler: &Value) -> Result<()> {
    let (unet, scheduling) = (dir.join("unet"), dir.join("scheduler"));
    for folder in [&unet, &scheduling] {
        fs::create_dir_all(folder).with_context(|| format!("creating the folder {}", folder.display()))?;
    }
    let index = json!({
        "_class_name": "DDPMPipeline",
        "_diffusers_version": DIFFUSERS_VERSION,
        "scheduler": ["diffusers", "DDPMScheduler"],
        "unet": ["diffusers", "UNet2DModel"],
    });
    write_text(&dir.join("model_index.json"), &sorted_json(&index)?)?;
    write_text(&scheduling.join("scheduler_config.json"), &sorted_json(scheduler)?)?;
    write_text(&unet.join(CONFIG), &config.to_json()?)?;
    save_weights(&unet.join(TENSORS), config, weights)
}

/// A network read from a folder.
#[derive(Clone, Debug)]
pub struct LoadedUNet {
    pub config: UNetConfig,
    pub weights: Weights,
    /// What was ignored: unknown settings, tensors that the network has no place for.
    pub warnings: Vec<String>,
}

/// Reads the U-Net of a pipeline folder: `dir/unet/`, or `dir` itself as older folders have it.
///
/// # Errors
/// When a file is missing or damaged, a setting is not supported, or a tensor is missing or has the
/// wrong shape; the message names the file, and the setting or tensor.
pub fn open_unet(dir: &Path) -> Result<LoadedUNet> {
    let folder = unet_folder(dir)?;
    let path = folder.join(CONFIG);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let config = UNetConfig::from_json(&text).with_context(|| format!("in {}", path.display()))?;
    let mut warnings: Vec<String> =
        config.unknown.keys().map(|key| format!("{}: unknown setting {key:?} is ignored", path.display())).collect();
    let tensors = folder.join(TENSORS);
    if !tensors.exists() {
        bail!("{}", missing_tensors(&folder));
    }
    let (weights, more) = load_weights(&tensors, &config, &Device::Cpu)?;
    warnings.extend(more);
    Ok(LoadedUNet { config, weights, warnings })
}

/// [`open_unet`] without its warnings.
///
/// # Errors
/// As [`open_unet`].
pub fn load_unet(dir: &Path) -> Result<(UNetConfig, Weights)> {
    let LoadedUNet { config, weights, .. } = open_unet(dir)?;
    Ok((config, weights))
}

fn unet_folder(dir: &Path) -> Result<PathBuf> {
    [dir.join("unet"), dir.to_path_buf()]
        .into_iter()
        .find(|folder| folder.join(CONFIG).is_file())
        .with_context(|| format!("{} holds no U-Net: neither unet/{CONFIG} nor {CONFIG} is there", dir.display()))
}

fn missing_tensors(folder: &Path) -> String {
    let has = |name: &str| folder.join(name).exists();
    let reason = if has("diffusion_pytorch_model.safetensors.index.json") {
        "; the weights are split over several files, which is not supported: save them as one file"
    } else if has("diffusion_pytorch_model.bin") {
        "; there is a .bin file, but only safetensors are read: save again with safe_serialization=True"
    } else {
        ""
    };
    format!("{} is missing{reason}", folder.join(TENSORS).display())
}

/// JSON as diffusers writes it: indent 2, sorted keys, newline at the end.
pub(in crate::nn) fn sorted_json(value: &Value) -> Result<String> {
    // The settings are flat, so sorting the outermost keys sorts all of them.
    let text = match value.as_object() {
        Some(object) => serde_json::to_string_pretty(&object.iter().collect::<BTreeMap<_, _>>())?,
        None => serde_json::to_string_pretty(value)?,
    };
    Ok(text + "\n")
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
