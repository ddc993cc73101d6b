//! Which steps of a run are kept, and cutting back to a checkpoint.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::durable::sync_folder;
use crate::run::error::RunError;

/// The folder in the run folder.
pub(in crate::run) const FOLDER: &str = "history";

/// The file of `step` in the run folder `run`, whether it is there or not.
pub fn history_file(run: &Path, step: u64) -> PathBuf {
    run.join(FOLDER).join(format!("step-{step:08}.safetensors"))
}

/// The steps that the run in `run` has kept, oldest first; by the files' names, none is opened.
pub fn steps(run: &Path) -> Vec<u64> {
    let entries = fs::read_dir(run.join(FOLDER)).into_iter().flatten().flatten();
    let mut steps: Vec<u64> = entries.filter_map(|entry| step_of(&entry.path())).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// Is this the path of a file of a history, and not of a checkpoint, which is a folder?
pub fn is_history_file(path: &Path) -> bool {
    step_of(path).is_some()
}

fn step_of(path: &Path) -> Option<u64> {
    let step = path.file_name()?.to_str()?.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()?;
    // A copy by another name is nobody's.
    (history_file(Path::new(""), step).file_name() == path.file_name()).then_some(step)
}

/// Removes what is kept of steps after `step`: the run goes on from there, and comes by them again.
///
/// # Errors
/// [`RunError::NotWritable`] when one cannot be removed.
pub fn cut_back(run: &Path, step: u64) -> Result<(), RunError> {
    let later: Vec<u64> = steps(run).into_iter().filter(|kept| *kept > step).collect();
    // The latest first: whenever it is broken off, no gap is left.
    for step in later.iter().rev() {
        let file = history_file(run, *step);
        fs::remove_file(&file).map_err(|error| RunError::not_writable(&file, error))?;
    }
    if !later.is_empty() {
        let folder = run.join(FOLDER);
        sync_folder(&folder).map_err(|error| RunError::not_writable(&folder, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_from_names_and_those_past_a_checkpoint_go() {
        let dir = tempfile::tempdir().unwrap();
        assert!(steps(dir.path()).is_empty());
        cut_back(dir.path(), 0).unwrap();
        fs::create_dir(dir.path().join(FOLDER)).unwrap();
        for step in [100, 1, 30, 5_000_000_000] {
            fs::write(history_file(dir.path(), step), "").unwrap();
        }
        for other in [".step-00000200.safetensors.partial", "step-00000300.safetensors.bak", "step-7.safetensors"] {
            fs::write(dir.path().join(FOLDER).join(other), "").unwrap();
        }
        assert_eq!(steps(dir.path()), [1, 30, 100, 5_000_000_000]);
        cut_back(dir.path(), 30).unwrap();
        assert_eq!(steps(dir.path()), [1, 30]);
        assert!(dir.path().join(FOLDER).join("step-00000300.safetensors.bak").exists(), "what is not ours stays");
        assert!(is_history_file(&history_file(Path::new("run"), 5)));
        assert!(!is_history_file(Path::new("run/checkpoints/step-00000005")));
    }
}
