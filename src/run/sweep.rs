//! What processes that were killed have left half done in a run folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::{checkpoint, history};

/// Puts a checkpoint back that was stepping aside for its successor, and removes everything half-written. Only
/// for who holds the folder's lock. What cannot be removed stays: it is never taken for something whole.
pub fn sweep(run: &Path) {
    checkpoint::sweep(run);
    for folder in [run.to_path_buf(), run.join("snapshots"), run.join("previews"), run.join(history::FOLDER)] {
        for path in half_written(&folder) {
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

/// What is written under another name until it is whole.
fn half_written(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "partial")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_half_written_goes_and_all_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path();
        let half = ["snapshots/.step-00000010-77.partial", "checkpoints/.step-00000020.partial"];
        let whole = ["snapshots/step-00000010", "checkpoints/step-00000010", "mine"];
        for folder in half.iter().chain(&whole) {
            fs::create_dir_all(run.join(folder).join("inner")).unwrap();
        }
        fs::create_dir(run.join("previews")).unwrap();
        fs::create_dir(run.join("history")).unwrap();
        let files = [
            ".config.toml.partial",
            "metrics.jsonl.partial",
            "previews/.step-00000010.png.partial",
            "history/.step-00000010.safetensors.partial",
        ];
        for file in files {
            fs::write(run.join(file), "half").unwrap();
        }
        sweep(run);
        for gone in half.iter().chain(&files) {
            assert!(!run.join(gone).exists(), "{gone} is still there");
        }
        assert!(whole.iter().all(|stays| run.join(stays).join("inner").exists()));
    }

    #[test]
    fn a_checkpoint_that_was_stepping_aside_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = dir.path().join("checkpoints");
        for folder in [".step-00000010.old", ".step-00000020.old", "step-00000020"] {
            fs::create_dir_all(checkpoints.join(folder)).unwrap();
        }
        sweep(dir.path());
        let mut left: Vec<_> = fs::read_dir(&checkpoints).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["step-00000010", "step-00000020"]);
    }
}
