//! Folders that nothing is in yet.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::RunError;

/// Held (by the operating system's lock) by the process that trains in the folder.
pub(super) const LOCK: &str = ".lock";

/// `path`, or the first free name beside it.
///
/// # Errors
/// [`RunError`] when nothing is free, or the folder above cannot be read.
pub fn free_beside(path: &Path) -> Result<PathBuf, RunError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut last = path.to_path_buf();
    for nth in 2..=1000 {
        if is_free(&last)? {
            return Ok(last);
        }
        last = path.with_file_name(format!("{name}-{nth}"));
    }
    Err(RunError::NotEmpty { path: path.to_path_buf(), or_resume: String::new() })
}

/// Is `dir` missing or empty? What the start of a run left that was killed before it wrote anything counts for nothing.
///
/// # Errors
/// [`RunError`] when it is no folder, or cannot be read.
pub(super) fn is_free(dir: &Path) -> Result<bool, RunError> {
    let left = |name: &std::ffi::OsStr| name == LOCK || name == ".config.toml.partial";
    match fs::read_dir(dir) {
        Ok(entries) => Ok(entries.flatten().all(|entry| left(&entry.file_name()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(RunError::not_writable(dir, error)),
    }
}
