//! A latent run's autoencoder lies in its checkpoints and in the run folder: what a checkpoint has lost is taken from there.

use std::path::{Path, PathBuf};

use super::manifest::verify_those;

/// The autoencoder's folder in the run's.
pub const AUTOENCODER: &str = "autoencoder";

/// Its files in a checkpoint, beside the network's.
const FILES: [&str; 4] = [
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "vqvae/config.json",
    "vqvae/diffusion_pytorch_model.safetensors",
];

/// Where the run folder has the same as the checkpoint's file `name`, if that is of its autoencoder.
pub(super) fn in_run_folder(checkpoint: &Path, name: &str) -> Option<PathBuf> {
    let run = checkpoint.parent()?.parent()?;
    Some(run.join(AUTOENCODER).join(Path::new(FILES.iter().find(|file| **file == name)?).file_name()?))
}

/// Has the checkpoint of a latent run lost its own copy of the autoencoder? One that [`verify`](super::verify) finds whole has
/// that of the run folder then.
pub fn lacks_autoencoder(checkpoint: &Path) -> bool {
    verify_those(checkpoint, &FILES).is_err()
}
