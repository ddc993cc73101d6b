//! The files of a run have to be files: a FIFO among them would be waited for without end, a folder refused by
//! whoever meets it first.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::RunError;
use crate::process::plain_file::not_a_file;

/// What a run keeps beside its folders.
const FILES: [&str; 9] = [
    "config.toml",
    "run.json",
    "classes.txt",
    "README.md",
    "metrics.jsonl",
    "timestep_loss.jsonl",
    "events.jsonl",
    super::notes::NOTES,
    super::free_name::LOCK,
];

/// Are the files of the run in `dir` files, as far as they are there?
///
/// # Errors
/// [`RunError::NotAFile`], with the first that is not.
pub fn check_files(dir: &Path) -> Result<(), RunError> {
    FILES.iter().map(|name| dir.join(name)).try_for_each(|path| match fs::metadata(&path) {
        Ok(about) => not_a_file(&about).map_or(Ok(()), |what| Err(RunError::NotAFile { path, what })),
        Err(_) => Ok(()),
    })
}

/// The first thing below `dir` that is neither a file nor a folder, and what it is.
pub fn strange_below(dir: &Path) -> Option<(PathBuf, &'static str)> {
    fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path()).find_map(|path| {
        let about = fs::metadata(&path).ok()?;
        match about.is_dir() {
            // A link may lead above.
            true if path.is_symlink() => None,
            true => strange_below(&path),
            false => not_a_file(&about).map(|what| (path, what)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_a_files_place_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.toml"), "").unwrap();
        check_files(dir.path()).unwrap();
        fs::create_dir(dir.path().join("classes.txt")).unwrap();
        let said = check_files(dir.path()).unwrap_err().to_string();
        assert!(said.contains("classes.txt is a folder") && said.contains("move it away"), "{said}");
    }

    #[cfg(unix)]
    #[test]
    fn a_fifo_is_found_however_deep_and_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("checkpoints/step-00000001/difflab");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("state.json"), "{}").unwrap();
        assert_eq!(strange_below(dir.path()), None);
        let fifo = deep.join("weights.safetensors");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert_eq!(strange_below(dir.path()), Some((fifo, "a FIFO")));
    }
}
