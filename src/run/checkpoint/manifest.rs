//! `difflab/checksums.sha256`: the sha256 of every file of a checkpoint.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::process::plain_file;
use crate::run::RunError;

/// Where the checksums lie in a checkpoint.
pub(super) const MANIFEST: &str = "difflab/checksums.sha256";

/// The network's, of each kind.
const UNET: [&str; 2] = ["unet/config.json", "unet/diffusion_pytorch_model.safetensors"];
const MLP: [&str; 2] = ["mlp/config.json", "mlp/weights.safetensors"];
const AUTOENCODER: [&str; 2] = ["vae/config.json", "vae/diffusion_pytorch_model.safetensors"];

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

/// Checks every file against its checksum. What `elsewhere` names for one may be as it was written in its place.
///
/// # Errors
/// [`RunError::Damaged`], with the first file that is missing or differs.
pub(super) fn verify(dir: &Path, elsewhere: impl Fn(&str) -> Option<PathBuf>) -> Result<(), RunError> {
    let text = read(dir)?;
    let entries: Vec<(&str, &str)> = entries(&text).collect();
    let has = |folder: &str| entries.iter().any(|(_, name)| name.starts_with(folder));
    let network = match (has("mlp/"), has("vae/") && !has("unet/")) {
        (true, _) => MLP,
        (_, true) => AUTOENCODER,
        _ => UNET,
    };
    for needed in network.into_iter().chain(NEEDED) {
        if !entries.iter().any(|(_, name)| *name == needed) {
            return Err(RunError::damaged(dir, format!("{MANIFEST} does not list {needed}")));
        }
    }
    let stands_in = |expected: &str, name: &str| {
        elsewhere(name).is_some_and(|file| sha256_of(&file).is_ok_and(|found| found == expected))
    };
    let mut checked = entries.into_iter().map(|(expected, name)| match compare(dir, expected, name) {
        Err(_) if network != AUTOENCODER && stands_in(expected, name) => Ok(()),
        compared => compared,
    });
    checked.try_for_each(|compared| compared)
}

/// Checks of the files `names` those that the checkpoint lists.
///
/// # Errors
/// As [`verify`].
pub(super) fn verify_those(dir: &Path, names: &[&str]) -> Result<(), RunError> {
    if !dir.join(MANIFEST).exists() {
        return Ok(());
    }
    let text = read(dir)?;
    entries(&text).filter(|(_, name)| names.contains(name)).try_for_each(|(sum, name)| compare(dir, sum, name))
}

fn read(dir: &Path) -> Result<String, RunError> {
    plain_file::read_text(&dir.join(MANIFEST)).map_err(|error| RunError::unread_in(dir, MANIFEST, error))
}

/// (checksum, name) of each line.
fn entries(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.split_once("  "))
}

fn compare(dir: &Path, expected: &str, name: &str) -> Result<(), RunError> {
    // What is read here is shown and opened: it must be the plain name of a file below.
    let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || name.chars().any(char::is_control) {
        return Err(RunError::damaged(dir, format!("{MANIFEST} lists {name:?}, which is no file of a checkpoint")));
    }
    let found = sha256_of(&dir.join(name)).map_err(|error| RunError::unread_in(dir, name, error))?;
    if found != expected {
        return Err(RunError::damaged(dir, format!("{name} is not what was written (its checksum differs)")));
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
    let (mut file, _) = plain_file::open(path)?;
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
