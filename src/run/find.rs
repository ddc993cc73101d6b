//! From what a person types to a run folder: a path, `latest`, or the beginning of a name.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::RunError;

/// The run folder that `run` means: a path, `latest` (the one last written to in `runs/`), or the
/// beginning of exactly one name in `runs/`.
///
/// # Errors
/// [`RunError`]: none fits, several do, or the folder is no run.
pub fn find(run: &str) -> Result<PathBuf, RunError> {
    find_in(Path::new("runs"), run)
}

fn find_in(runs: &Path, run: &str) -> Result<PathBuf, RunError> {
    let path = Path::new(run);
    if path.is_dir() {
        return if is_run(path) { Ok(path.to_path_buf()) } else { Err(RunError::NotARun(path.to_path_buf())) };
    }
    let known = all_in(runs);
    if run == "latest"
        && let Some(newest) = known.iter().max_by_key(|path| last_written(path))
    {
        return Ok(newest.clone());
    }
    let matches: Vec<&PathBuf> = known.iter().filter(|path| name(path).starts_with(run)).collect();
    match matches.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let known = match known.len() {
                0 => "runs/ has none yet: train one first".to_string(),
                n => {
                    let shown: Vec<String> = known.iter().rev().take(5).map(|path| name(path)).collect();
                    let more = if n > 5 { ", …" } else { "" };
                    format!("there are: {}{more}; `latest` is the newest", shown.join(", "))
                }
            };
            Err(RunError::NotFound { run: run.into(), known })
        }
        several => {
            Err(RunError::Ambiguous { run: run.into(), matches: several.iter().map(|path| name(path)).collect() })
        }
    }
}

/// Every run folder in `runs/`, by name.
///
/// # Errors
/// [`RunError`] when `runs/` is there and cannot be read.
pub fn all() -> Result<Vec<PathBuf>, RunError> {
    let runs = Path::new("runs");
    match fs::read_dir(runs) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(RunError::not_readable(runs, error)),
        _ => Ok(all_in(runs)),
    }
}

fn all_in(runs: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_run(path)).collect();
    paths.sort();
    paths
}

/// When something was last written in the run.
pub fn last_written(path: &Path) -> SystemTime {
    ["metrics.jsonl", "events.jsonl", "config.toml"]
        .iter()
        .filter_map(|file| fs::metadata(path.join(file)).and_then(|m| m.modified()).ok())
        .max()
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A folder that we may not look into may be one: whoever opens it says so.
fn is_run(path: &Path) -> bool {
    match fs::metadata(path.join("config.toml")) {
        Ok(about) => about.is_file(),
        Err(error) => error.kind() == ErrorKind::PermissionDenied,
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("config.toml"), "").unwrap();
        }
        dir
    }

    #[test]
    fn a_unique_beginning_is_enough_and_an_ambiguous_one_lists_what_it_could_be() {
        let dir = runs(&["2026-11-01-mnist-aa11", "2026-11-02-mnist-bb22"]);
        let found = find_in(dir.path(), "2026-11-02").unwrap();
        assert!(found.ends_with("2026-11-02-mnist-bb22"));
        let error = find_in(dir.path(), "2026").unwrap_err().to_string();
        assert!(error.contains("aa11") && error.contains("bb22"), "{error}");
        let error = find_in(dir.path(), "cifar").unwrap_err().to_string();
        assert!(error.contains("cifar") && error.contains("bb22"), "{error}");
    }

    #[test]
    fn latest_is_the_one_written_last() {
        let dir = runs(&["2026-11-02-b", "2026-11-01-a"]);
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(dir.path().join("2026-11-01-a/metrics.jsonl"), "").unwrap();
        assert!(find_in(dir.path(), "latest").unwrap().ends_with("2026-11-01-a"));
        assert!(matches!(find_in(&dir.path().join("none"), "latest"), Err(RunError::NotFound { .. })));
    }
}
