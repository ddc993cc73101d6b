//! The lock of a folder, held by the process that trains in it: the operating system's, so that it ends with the process.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::error::RunError;
use super::free_name::LOCK;
use crate::process::plain_file;

/// Locks the folder of a run, or that of an experiment, for as long as the file lives.
///
/// # Errors
/// [`RunError::InUse`] where another holds it; [`RunError::NotWritable`].
pub fn lock_folder(path: &Path) -> Result<File, RunError> {
    let file = File::create(path.join(LOCK)).map_err(|e| RunError::not_writable(path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RunError::InUse(path.to_path_buf())),
        // A file system without locks (some network ones): go on without.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Is a difflab training in the folder `path` at present?
pub fn is_trained_in(path: &Path) -> bool {
    // Shared: several may ask at once, and nothing is kept.
    let asked = plain_file::open(&path.join(LOCK)).map(|(lock, _)| lock.try_lock_shared());
    matches!(asked, Ok(Err(TryLockError::WouldBlock)))
}
