//! One file of a history.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{SafeTensors, View};
use sha2::{Digest, Sha256};

use super::facts::{FORMAT, HistoryFacts};
use super::list::history_file;
use crate::config::Config;
use crate::data::DataIdentity;
use crate::nn::autoencoder::AutoencoderConfig;
use crate::nn::{MlpConfig, NetConfig, UNetConfig, Weights, diffusers, parameters, safetensors_file};
use crate::run::durable::{make_folder, write_replacing};
use crate::run::error::RunError;

/// Where the header keeps the facts.
const KEY: &str = "difflab";
/// What rounds to the largest number of f16.
const TOO_LARGE: f32 = 65_520.0;

/// Writes the averaged weights of `step` in the run folder `run`, beside and then renamed: what has the name is whole.
/// `weights` are those of the network `net`, in the layout of memory, on the CPU.
///
/// # Errors
/// When the disk does not take it, or a weight has no place in f16.
pub fn write(
    run: &Path,
    step: u64,
    net: &NetConfig,
    weights: &Weights,
    (id, config, data, latents): (&str, &Config, Option<&DataIdentity>, Option<&str>),
) -> Result<()> {
    let tensors = halved(net, weights)?;
    let mut hash = Sha256::new();
    tensors.iter().for_each(|(_, tensor)| hash.update(tensor.data()));
    let facts = HistoryFacts {
        format: FORMAT,
        step,
        run: id.into(),
        kind: kind(net).into(),
        network: net.to_json()?,
        config: config.to_toml(),
        data: data.cloned(),
        latents: latents.map(str::to_string),
        sha256: hex(hash),
    };
    // One entry: a map of several would be written in any order.
    let header = [(KEY.to_string(), serde_json::to_string(&facts).context("encoding the header")?)];
    let views = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
    let bytes = safetensors::serialize(views, Some(header.into())).context("encoding the weights")?;
    let file = history_file(run, step);
    // Not the folders above: a run folder that has gone meanwhile must not be made by half.
    file.parent().map_or(Ok(()), make_folder)?;
    Ok(write_replacing(&file, &bytes)?)
}

/// The tensors in f16, in a file's layout and by name, as they lie in the file.
fn halved(net: &NetConfig, weights: &Weights) -> Result<Vec<(String, Tensor)>> {
    let mut tensors = Vec::with_capacity(weights.len());
    for parameter in parameters(net)? {
        let name = &parameter.name;
        let tensor = weights.get(name).with_context(|| format!("there is no tensor {name:?}"))?;
        let fits = |values: Vec<f32>| values.iter().all(|value| value.abs() < TOO_LARGE);
        ensure!(
            fits(tensor.flatten_all()?.to_vec1::<f32>()?),
            "the average of {name} has values above 65,504, which half precision does not have"
        );
        tensors.push((name.clone(), parameter.kind.to_file_layout(tensor)?.to_dtype(DType::F16)?.contiguous()?));
    }
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(tensors)
}

fn kind(net: &NetConfig) -> &'static str {
    match net {
        NetConfig::UNet(_) => "unet",
        NetConfig::Mlp(_) => "mlp",
        NetConfig::Autoencoder(_) => "autoencoder",
    }
}

/// What the file says of itself, once its checksum has been found right.
///
/// # Errors
/// [`RunError::DamagedHistory`] with what is wrong, or [`RunError::NewerFormat`].
pub fn facts_of(path: &Path) -> Result<HistoryFacts, RunError> {
    let damaged = |what: String| RunError::DamagedHistory { path: path.to_path_buf(), what };
    let bytes = safetensors_file::read(path).map_err(|error| damaged(format!("{error:#}")))?;
    let (length, metadata) =
        SafeTensors::read_metadata(&bytes).map_err(|error| damaged(format!("its header does not read: {error}")))?;
    let text = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
    let text = text.ok_or_else(|| damaged("it does not say which weights it holds".into()))?;
    let found = serde_json::from_str::<serde_json::Value>(text).ok().and_then(|facts| facts["format"].as_u64());
    if let Some(found) = found.filter(|&found| found > FORMAT) {
        return Err(RunError::NewerFormat { path: path.to_path_buf(), found, known: FORMAT });
    }
    let facts: HistoryFacts =
        serde_json::from_str(text).map_err(|error| damaged(format!("its header does not read: {error}")))?;
    let mut hash = Sha256::new();
    hash.update(bytes.get(length + 8..).unwrap_or_default());
    if hex(hash) != facts.sha256 {
        return Err(damaged("it is not what was written (its checksum differs)".into()));
    }
    Ok(facts)
}

/// The network and its averaged weights, now in f32, with what the file says of itself.
///
/// # Errors
/// As [`facts_of`], and when the weights are not those of the network.
pub fn read(path: &Path, device: &Device) -> Result<(NetConfig, Weights, HistoryFacts)> {
    let facts = facts_of(path)?;
    let read = || -> Result<(NetConfig, Weights)> {
        let net = match facts.kind.as_str() {
            "mlp" => NetConfig::Mlp(MlpConfig::from_json(&facts.network)?),
            "autoencoder" => NetConfig::Autoencoder(AutoencoderConfig::from_json(&facts.network)?),
            _ => NetConfig::UNet(UNetConfig::from_json(&facts.network)?),
        };
        let (weights, _) = diffusers::load_weights(&[path.to_path_buf()], &net, device)?;
        Ok((net, weights))
    };
    let (net, weights) =
        read().map_err(|error| RunError::DamagedHistory { path: path.to_path_buf(), what: format!("{error:#}") })?;
    Ok((net, weights, facts))
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::NetworkKind;

    fn values(weights: &Weights) -> Vec<f32> {
        weights.iter().flat_map(|(_, tensor)| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect()
    }

    fn network(kind: NetworkKind) -> (Config, NetConfig, Weights) {
        let mut config = Config::default();
        config.model.kind = kind;
        config.model.hidden_width = 8;
        config.model.block_out_channels = vec![8, 8];
        config.model.norm_num_groups = 4;
        let net = match kind {
            NetworkKind::Unet => NetConfig::new(&config, 8, 8, 1, None),
            NetworkKind::Mlp => NetConfig::new(&config, 1, 1, 2, None),
            NetworkKind::Autoencoder => NetConfig::new(&config, 8, 8, 1, None),
        };
        let weights = Weights::init(&net, 5, &Device::Cpu).unwrap();
        (config, net, weights)
    }

    #[test]
    fn weights_come_back_in_half_precision_and_the_same_step_makes_the_same_file() {
        for kind in [NetworkKind::Unet, NetworkKind::Mlp, NetworkKind::Autoencoder] {
            let (config, net, weights) = network(kind);
            let dir = tempfile::tempdir().unwrap();
            let write = || write(dir.path(), 300, &net, &weights, ("abc", &config, None, None)).unwrap();
            write();
            let file = history_file(dir.path(), 300);
            let first = fs::read(&file).unwrap();
            let (found, read, facts) = read(&file, &Device::Cpu).unwrap();
            assert_eq!((found, facts.step, facts.run.as_str()), (net.clone(), 300, "abc"));
            assert_eq!(facts.config().unwrap(), config);
            let (before, after) = (values(&weights), values(&read));
            assert_eq!(before.len(), after.len());
            for (a, b) in before.iter().zip(&after) {
                assert!((a - b).abs() <= a.abs() / 2048.0 + 6e-8, "{a} and {b}");
            }
            write();
            assert!(fs::read(&file).unwrap() == first);
            assert!(first.len() < 2 * before.len() + 24_000, "{} for {} numbers", first.len(), before.len());
        }
    }

    #[test]
    fn a_changed_byte_a_cut_and_a_newer_form_are_told() {
        let (config, net, weights) = network(NetworkKind::Mlp);
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 2, &net, &weights, ("abc", &config, None, None)).unwrap();
        let file = history_file(dir.path(), 2);
        let whole = fs::read(&file).unwrap();
        let told = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            format!("{:#}", read(&file, &Device::Cpu).unwrap_err())
        };
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert!(told(&flipped).contains("its checksum differs"));
        assert!(told(&whole[..whole.len() - 5]).contains("cut off"));
        assert!(told(b"").contains("step-00000002.safetensors"));
        let newer = String::from_utf8_lossy(&whole[8..]).replace("\\\"format\\\":1", "\\\"format\\\":9");
        assert!(newer.contains(":9"));
        let at = whole.windows(12).position(|w| w == b"\\\"format\\\":1").unwrap();
        let mut changed = whole.clone();
        changed[at + 11] = b'9';
        assert!(told(&changed).contains("newer difflab"));
    }

    #[test]
    fn a_weight_that_half_precision_does_not_have_is_refused() {
        let (config, net, weights) = network(NetworkKind::Mlp);
        let (name, first) = weights.iter().next().map(|(name, tensor)| (name.to_string(), tensor.clone())).unwrap();
        let all = weights.iter().map(|(name, tensor)| (name.to_string(), tensor.clone()));
        let large = Weights::from_map(all.chain([(name.clone(), (first * 1e9).unwrap())]).collect());
        let dir = tempfile::tempdir().unwrap();
        let error = write(dir.path(), 2, &net, &large, ("abc", &config, None, None)).unwrap_err().to_string();
        assert!(error.contains(&name) && error.contains("65,504"), "{error}");
        assert!(!history_file(dir.path(), 2).exists());
    }
}
