//! An autoencoder's folder, as diffusers writes and reads it: `config.json` and `diffusion_pytorch_model.safetensors`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use serde_json::{Value, json};

use super::AutoencoderConfig;
use crate::nn::Weights;
use crate::nn::diffusers::{load_weights, save_weights, tensor_files};
use crate::nn::json::{read_json, sorted_json};
use crate::process::plain_file;

const CONFIG: &str = "config.json";
const INDEX: &str = "model_index.json";
const TENSORS: &str = "diffusion_pytorch_model.safetensors";
/// Where pipelines keep it, beside a folder that is one itself.
const PLACES: [&str; 3] = ["vae", "vqvae", ""];

/// An autoencoder read from a folder.
#[derive(Clone, Debug)]
pub struct LoadedAutoencoder {
    pub config: AutoencoderConfig,
    pub weights: Weights,
    /// What was ignored: unknown settings, tensors that it has no place for.
    pub warnings: Vec<String>,
}

/// Writes the folder: `dir` is created where it doesn't exist, files of the same names are replaced. Files are not synced
/// to disk.
///
/// # Errors
/// When a file can't be written, or the weights lack a tensor; the message names it.
pub fn save_autoencoder(dir: &Path, config: &AutoencoderConfig, weights: &Weights) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("creating the folder {}", dir.display()))?;
    let path = dir.join(CONFIG);
    fs::write(&path, config.to_json()?).with_context(|| format!("writing {}", path.display()))?;
    save_weights(&dir.join(TENSORS), config, weights)
}

/// Where a network in latents keeps its autoencoder: diffusers' `LDMPipeline`, which knows no classes, in `vqvae`.
pub fn autoencoder_folder(has_classes: bool) -> &'static str {
    if has_classes { "vae" } else { "vqvae" }
}

/// Puts the autoencoder beside the network in `dir`, in whose latents that draws, and says in `model_index.json` what they are
/// together. No pipeline of diffusers samples a class-conditional one: it has no such file.
///
/// # Errors
/// As [`save_autoencoder`].
pub fn add_autoencoder(dir: &Path, (config, weights): (&AutoencoderConfig, &Weights), has_classes: bool) -> Result<()> {
    let (folder, index) = (autoencoder_folder(has_classes), dir.join(INDEX));
    save_autoencoder(&dir.join(folder), config, weights)?;
    // Without a scheduler there is none.
    let Ok(text) = fs::read_to_string(&index) else { return Ok(()) };
    if has_classes {
        return fs::remove_file(&index).with_context(|| format!("removing {}", index.display()));
    }
    let mut parts: Value = read_json(&text).with_context(|| format!("in {}", index.display()))?;
    parts["_class_name"] = json!("LDMPipeline");
    parts[folder] = json!(["diffusers", config.class_name()]);
    fs::write(&index, sorted_json(&parts)?).with_context(|| format!("writing {}", index.display()))
}

/// Reads the autoencoder of a folder, or of a pipeline's `vae/` or `vqvae/` in it.
///
/// # Errors
/// When a file is missing or damaged, a setting is not supported, or a tensor is missing or has the wrong shape; the
/// message names the file, and the setting or tensor.
pub fn open_autoencoder(dir: &Path) -> Result<LoadedAutoencoder> {
    let folder = folder_in(dir)?;
    let (path, config) = (folder.join(CONFIG), config_in(&folder)?);
    let ignored = config.unknown().filter(|key| !key.starts_with('_'));
    let mut warnings: Vec<String> =
        ignored.map(|key| format!("{}: unknown setting {key:?} is ignored", path.display())).collect();
    let files = tensor_files(&folder, &mut warnings)?;
    let of = || format!("the autoencoder of {}", path.display());
    let (weights, more) = load_weights(&files, &config, &Device::Cpu).with_context(of)?;
    warnings.extend(more);
    Ok(LoadedAutoencoder { config, weights, warnings })
}

/// The architecture alone.
///
/// # Errors
/// As [`open_autoencoder`].
pub fn autoencoder_config(dir: &Path) -> Result<AutoencoderConfig> {
    config_in(&folder_in(dir)?)
}

/// Is one in a folder `vae/` or `vqvae/` there?
pub fn holds_autoencoder(dir: &Path) -> bool {
    PLACES[..2].iter().any(|place| dir.join(place).join(CONFIG).is_file())
}

/// Is an autoencoder all that the folder holds? Beside a network that denoises it is that one's.
pub fn is_autoencoder_folder(dir: &Path) -> bool {
    let class = |folder: &Path| {
        let text = plain_file::read_text(&folder.join(CONFIG)).ok()?;
        let value: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some(value.get("_class_name")?.as_str()?.starts_with("Autoencoder"))
    };
    let denoises = ["unet", "transformer", "mlp"].iter().any(|part| dir.join(part).join(CONFIG).is_file());
    !denoises && PLACES.iter().any(|place| class(&dir.join(place)) == Some(true))
}

fn folder_in(dir: &Path) -> Result<PathBuf> {
    ensure!(dir.exists(), "there is no folder {}", dir.display());
    let folder = PLACES.iter().map(|place| dir.join(place)).find(|folder| folder.join(CONFIG).is_file());
    folder.with_context(|| {
        format!("{} holds no autoencoder: neither {CONFIG} nor vae/{CONFIG} nor vqvae/{CONFIG} is there", dir.display())
    })
}

fn config_in(folder: &Path) -> Result<AutoencoderConfig> {
    let path = folder.join(CONFIG);
    let text = plain_file::read_text(&path).with_context(|| format!("reading {}", path.display()))?;
    AutoencoderConfig::from_json(&text).with_context(|| format!("in {}", path.display()))
}
