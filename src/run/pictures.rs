//! Preview pictures: `previews/step-00001500.png`.

use std::io;
use std::path::{Path, PathBuf};

use super::durable::{make_folder, write_replacing};

/// Writes the picture of one step, whole or not at all; returns where.
///
/// # Errors
/// When it cannot be written.
pub fn write_preview(run_dir: &Path, step: u64, png: &[u8]) -> io::Result<PathBuf> {
    let folder = run_dir.join("previews");
    make_folder(&folder)?;
    let path = folder.join(format!("step-{step:08}.png"));
    write_replacing(&path, png)?;
    Ok(path)
}
