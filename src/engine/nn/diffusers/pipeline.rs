//! The folder as a whole.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use serde_json::{Value, json};

use super::tensors::{load_weights, save_weights};
use crate::nn::json::{read_json, sorted_json};
use crate::nn::unet_config::DIFFUSERS_VERSION;
use crate::nn::{UNetConfig, Weights};
use crate::process::plain_file;

const CONFIG: &str = "config.json";
const TENSORS: &str = "diffusion_pytorch_model.safetensors";
const INDEX: &str = "diffusion_pytorch_model.safetensors.index.json";

/// Writes a `DDPMPipeline` folder: `dir` is created where it doesn't exist, files of the same names
/// are replaced. `scheduler` is what [`super::scheduler_config`] makes; without one only `unet/` is
/// written, which no pipeline opens by mistake. Files are not synced to disk.
///
/// # Errors
/// When a file can't be written, or the weights lack a tensor of the network; the message names it.
pub fn save_pipeline(dir: &Path, config: &UNetConfig, weights: &Weights, scheduler: Option<&Value>) -> Result<()> {
    let (unet, scheduling) = (dir.join("unet"), dir.join("scheduler"));
    let make =
        |folder: &Path| fs::create_dir_all(folder).with_context(|| format!("creating the folder {}", folder.display()));
    make(&unet)?;
    if let Some(scheduler) = scheduler {
        make(&scheduling)?;
        let index = json!({
            "_class_name": "DDPMPipeline",
            "_diffusers_version": DIFFUSERS_VERSION,
            "scheduler": ["diffusers", scheduler["_class_name"]],
            "unet": ["diffusers", "UNet2DModel"],
        });
        write_text(&dir.join("model_index.json"), &sorted_json(&index)?)?;
        write_text(&scheduling.join("scheduler_config.json"), &sorted_json(scheduler)?)?;
    }
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
    let text = plain_file::read_text(&path).with_context(|| format!("reading {}", path.display()))?;
    let config = UNetConfig::from_json(&text).with_context(|| format!("in {}", path.display()))?;
    let mut warnings: Vec<String> = config
        .unknown
        .keys()
        .filter(|key| !key.starts_with('_'))
        .map(|key| format!("{}: unknown setting {key:?} is ignored{}", path.display(), meant(key)))
        .collect();
    let files = tensor_files(&folder, &mut warnings)?;
    let network = || format!("the network of {}", path.display());
    let (weights, more) = load_weights(&files, &config, &Device::Cpu).with_context(network)?;
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
    ensure!(dir.exists(), "there is no folder {}", dir.display());
    let places = [dir.join("unet"), dir.to_path_buf()];
    for config in places.iter().map(|folder| folder.join(CONFIG)) {
        // Kept from us is not missing.
        if let Err(error) = config.symlink_metadata()
            && error.kind() == ErrorKind::PermissionDenied
        {
            bail!(
                "cannot look at {}: permission denied; ask its owner, or change its rights with chmod",
                config.display()
            );
        }
    }
    places
        .into_iter()
        .find(|folder| folder.join(CONFIG).is_file())
        .with_context(|| format!("{} holds no U-Net: neither unet/{CONFIG} nor {CONFIG} is there", dir.display()))
}

/// A question about the setting that was nearest to an unknown one.
fn meant(key: &str) -> String {
    // Those that are left out of a file when they have their usual value.
    const SOMETIMES: [&str; 2] = ["mid_block_type", "time_embedding_dim"];
    let usual = serde_json::to_value(UNetConfig::default()).unwrap_or_default();
    let known = usual.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).chain(SOMETIMES);
    known
        .map(|name| (strsim::damerau_levenshtein(key, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 5)
        .map_or(String::new(), |(_, name)| format!(". Did you mean {name}?"))
}

/// The safetensors files that hold the weights: those that an index names, or one.
pub(in crate::nn) fn tensor_files(folder: &Path, warnings: &mut Vec<String>) -> Result<Vec<PathBuf>> {
    let (whole, index) = (folder.join(TENSORS), folder.join(INDEX));
    if index.exists() {
        let files = shards(&index).with_context(|| format!("in {}", index.display()))?;
        if whole.exists() && !files.contains(&whole) {
            warnings.push(format!(
                "{} and an index of split weights lie side by side: the split ones are read, as diffusers does",
                whole.display()
            ));
        }
        return Ok(files);
    }
    if whole.exists() {
        return Ok(vec![whole]);
    }
    let named = |name: &str| name.starts_with("diffusion_pytorch_model");
    let mut found: Vec<String> = fs::read_dir(folder)
        .with_context(|| format!("reading the folder {}", folder.display()))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| named(name))
        .collect();
    found.sort();
    let reason = if found.iter().any(|name| name.ends_with(".bin")) {
        "; there is a .bin file, which can run any code when it is opened, so only safetensors are read: in Python, \
         UNet2DModel.from_pretrained(DIR).save_pretrained(DIR, safe_serialization=True) makes one"
            .to_string()
    } else if found.is_empty() {
        String::new()
    } else {
        format!("; there is {}: give the one that you mean this name", found.join(", "))
    };
    bail!("{} is missing{reason}", whole.display())
}

/// The files of weights that were split, in the order of their names.
fn shards(index: &Path) -> Result<Vec<PathBuf>> {
    let value = read_json(&plain_file::read_text(index)?)?;
    let map = value["weight_map"].as_object().context("there is no weight_map")?;
    let mut names = BTreeSet::new();
    for file in map.values() {
        let name = file.as_str().context("weight_map names something that is no file")?;
        // A name, not a path: an index must not reach out of its folder.
        ensure!(
            !name.contains(['/', '\\']) && name.ends_with(".safetensors"),
            "{name:?} is no safetensors file beside it"
        );
        names.insert(name.to_string());
    }
    ensure!(!names.is_empty(), "weight_map is empty");
    Ok(names.into_iter().map(|name| index.with_file_name(name)).collect())
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
