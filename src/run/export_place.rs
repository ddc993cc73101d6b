//! Where an export may go.

use std::path::Path;

use super::dir::check_free;
use super::error::RunError;

/// A free place, or with `replace` one that holds nothing but an export, which has the file `mark` in it.
pub(super) fn check_place(dir: &Path, replace: bool, mark: &'static str) -> Result<(), RunError> {
    let free = match check_free(dir) {
        Ok(()) => true,
        Err(RunError::NotEmpty { .. }) => false,
        Err(error) => return Err(error),
    };
    let export = dir.join(mark).is_file() && !dir.join("config.toml").exists();
    match (free, replace) {
        (true, _) => Ok(()),
        (false, true) if export => Ok(()),
        (false, true) => Err(RunError::NoExport { path: dir.to_path_buf(), mark }),
        (false, false) => Err(RunError::Taken(dir.to_path_buf())),
    }
}
