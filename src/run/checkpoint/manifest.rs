//! `difflab/checksums.sha256`: the sha256 of every file of a checkpoint.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::run::RunError;

/// Where the checksums lie in a checkpoint.
pub(super) const MANIFEST: &str = "difflab/checksums.sha256";

/// The network's, of either kind.
const NETWORKS: [[&str; 2]; 2] =
    [["unet/config.json", "unet/diffusion_pytorch_model.safetensors"], ["mlp/config.json", "mlp/weights.safetensors"]];

/// Files without which a checkpoint is of no use.
const NEEDED: [&str; 3] = ["difflab/weights.safetensors", "difflab/optimizer.safetensors", "difflab/state.json"];

/// Writes the checksums of every file under `dir`, in the format of `sha256sum`.
pub(super) fn write(dir: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    collect(dir, dir, &mut files)?;
    files.sort();
    let mut text = String::new();
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        text += &format!("{}  {name}\n", sha256_of(&dir.join(&file))?);
    }
    fs::write(dir.join(MANIFEST), text)
}

/// Checks every file against its checksum.
///
/// # Errors
/// [`RunError::Damaged`], with the first file that is missing or differs.
pub(super) fn verify(dir: &Path) -> Result<(), RunError> {
    let text = fs::read_to_string(dir.join(MANIFEST))
        .map_err(|error| RunError::damaged(dir, format!("{MANIFEST} cannot be read ({error})")))?;
    let entries: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once("  ")).collect();
    let network = if entries.iter().any(|(_, name)| name.starts_with("mlp/")) { NETWORKS[1] } else { NETWORKS[0] };
    for needed in network.into_iter().chain(NEEDED) {
        if !entries.iter().any(|(_, name)| *name == needed) {
            return Err(RunError::damaged(dir, format!("{MANIFEST} does not list {needed}")));
        }
    }
    for (expected, name) in entries {
        let found = sha256_of(&dir.join(name))
            .map_err(|error| RunError::damaged(dir, format!("{name} cannot be read ({error})")))?;
        if found != expected {
            return Err(RunError::damaged(dir, format!("{name} is not what was written (its checksum differs)")));
        }
    }
    Ok(())
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if let Ok(relative) = path.strip_prefix(root) {
            files.push(relative.to_path_buf());
        }
    }
    Ok(())
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => hash.update(&buffer[..n]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
