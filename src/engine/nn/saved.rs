//! The folder that a network is kept in: diffusers' layout for a U-Net and for an autoencoder, one of our own for an MLP.
//!
//! ```text
//! DIR/model_index.json                 DIR/model_index.json                               DIR/vae/…
//! DIR/unet/…                           DIR/mlp/config.json, DIR/mlp/weights.safetensors
//! DIR/scheduler/scheduler_config.json  DIR/scheduler/scheduler_config.json
//! ```

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use candle_core::Device;
use serde_json::{Value, json};

use super::autoencoder::{
    LoadedAutoencoder, autoencoder_config, is_autoencoder_folder, open_autoencoder, save_autoencoder,
};
use super::diffusers::{self, LoadedUNet, load_weights, save_weights};
use super::json::sorted_json;
use super::{MlpConfig, NetConfig, UNetConfig, Weights};
use crate::process::plain_file;

const MLP: &str = "mlp";
const VAE: &str = "vae";
const CONFIG: &str = "config.json";
const TENSORS: &str = "weights.safetensors";

/// A network read from a folder.
#[derive(Clone, Debug)]
pub struct LoadedNet {
    pub config: NetConfig,
    pub weights: Weights,
    /// What was ignored: unknown settings, tensors that the network has no place for.
    pub warnings: Vec<String>,
}

/// Writes a network's folder: `dir` is created where it doesn't exist, files of the same names are
/// replaced. `scheduler` is what [`diffusers::scheduler_config`] makes, if it can. Files are not synced
/// to disk.
///
/// # Errors
/// When a file can't be written, or the weights lack a tensor of the network; the message names it.
pub fn save_network(dir: &Path, config: &NetConfig, weights: &Weights, scheduler: Option<&Value>) -> Result<()> {
    match config {
        NetConfig::UNet(config) => diffusers::save_pipeline(dir, config, weights, scheduler),
        NetConfig::Mlp(config) => save_mlp(dir, config, weights, scheduler),
        NetConfig::Autoencoder(config) => save_autoencoder(&dir.join(VAE), config, weights),
    }
}

fn save_mlp(dir: &Path, config: &MlpConfig, weights: &Weights, scheduler: Option<&Value>) -> Result<()> {
    let (mlp, scheduling) = (dir.join(MLP), dir.join("scheduler"));
    for folder in std::iter::once(&mlp).chain(scheduler.map(|_| &scheduling)) {
        fs::create_dir_all(folder).with_context(|| format!("creating the folder {}", folder.display()))?;
    }
    // diffusers has no such pipeline, and says so by this name.
    let index = json!({
        "_class_name": "DifflabPointsPipeline",
        "_difflab_version": env!("CARGO_PKG_VERSION"),
        "mlp": ["difflab", "Mlp"],
        "scheduler": scheduler.map(|scheduler| json!(["diffusers", scheduler["_class_name"]])),
    });
    let mut files = vec![(dir.join("model_index.json"), sorted_json(&index)?), (mlp.join(CONFIG), config.to_json()?)];
    if let Some(scheduler) = scheduler {
        files.push((scheduling.join("scheduler_config.json"), sorted_json(scheduler)?));
    }
    for (path, text) in files {
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    save_weights(&mlp.join(TENSORS), config, weights)
}

/// What kind of network a folder that [`save_network`] wrote holds, without reading its weights.
///
/// # Errors
/// When its config.json is missing, damaged or not supported.
pub fn network_config(dir: &Path) -> Result<NetConfig> {
    if is_autoencoder_folder(dir) {
        return autoencoder_config(dir).map(NetConfig::Autoencoder);
    }
    let mlp = dir.join(MLP).join(CONFIG);
    let path = if mlp.is_file() { mlp.clone() } else { dir.join("unet").join(CONFIG) };
    let text = plain_file::read_text(&path).with_context(|| format!("reading {}", path.display()))?;
    let read = if path == mlp {
        MlpConfig::from_json(&text).map(NetConfig::Mlp)
    } else {
        UNetConfig::from_json(&text).map(NetConfig::UNet)
    };
    read.with_context(|| format!("in {}", path.display()))
}

/// Reads the network of a folder that [`save_network`] or diffusers wrote.
///
/// # Errors
/// When a file is missing or damaged, a setting is not supported, or a tensor is missing or has the
/// wrong shape; the message names the file, and the setting or tensor.
pub fn open_network(dir: &Path) -> Result<LoadedNet> {
    if is_autoencoder_folder(dir) {
        let LoadedAutoencoder { config, weights, warnings } = open_autoencoder(dir)?;
        return Ok(LoadedNet { config: NetConfig::Autoencoder(config), weights, warnings });
    }
    let folder = dir.join(MLP);
    if !folder.join(CONFIG).is_file() {
        let LoadedUNet { config, weights, warnings } = diffusers::open_unet(dir)?;
        return Ok(LoadedNet { config: NetConfig::UNet(config), weights, warnings });
    }
    let path = folder.join(CONFIG);
    let text = plain_file::read_text(&path).with_context(|| format!("reading {}", path.display()))?;
    let config = MlpConfig::from_json(&text).with_context(|| format!("in {}", path.display()))?;
    let (weights, warnings) = load_weights(&[folder.join(TENSORS)], &config, &Device::Cpu)?;
    Ok(LoadedNet { config: NetConfig::Mlp(config), weights, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, NetworkKind};

    #[test]
    fn an_mlp_comes_back_as_it_was_and_its_folder_does_not_pretend_to_be_diffusers() {
        let mut config = Config::default();
        config.model.kind = NetworkKind::Mlp;
        config.model.hidden_width = 8;
        let net = NetConfig::new(&config, 1, 1, 2, None);
        let weights = Weights::init(&net, 5, &Device::Cpu).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let scheduler = diffusers::scheduler_config(&config.diffusion, &config.sample).unwrap().settings;
        save_network(dir.path(), &net, &weights, Some(&scheduler)).unwrap();

        let loaded = open_network(dir.path()).unwrap();
        assert_eq!(loaded.config, net);
        assert!(loaded.warnings.is_empty());
        for ((name, a), (other, b)) in weights.iter().zip(loaded.weights.iter()) {
            assert_eq!(name, other);
            let values = |x: &candle_core::Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(values(a), values(b), "{name}");
        }
        let index = fs::read_to_string(dir.path().join("model_index.json")).unwrap();
        assert!(!index.contains("UNet2DModel") && !index.contains("DDPMPipeline"), "{index}");
        assert!(!dir.path().join("unet").exists());
    }

    #[test]
    fn a_damaged_mlp_is_refused_by_the_name_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(MLP)).unwrap();
        fs::write(dir.path().join(MLP).join(CONFIG), "{}").unwrap();
        let message = format!("{:#}", open_network(dir.path()).unwrap_err());
        assert!(message.contains("config.json") && message.contains("Mlp"), "{message}");
    }
}
