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
    // What cannot be read holds none that we could name.
    let known = runs_under(runs).unwrap_or_default();
    if run == "latest"
        && let Some(newest) =
            known.iter().filter(|known| has_config(&known.path)).max_by_key(|known| last_written(&known.path))
    {
        return Ok(newest.path.clone());
    }
    if let Some(whole) = known.iter().find(|known| known.name == run) {
        return Ok(whole.path.clone());
    }
    let matches: Vec<&FoundRun> = known.iter().filter(|known| known.name.starts_with(run)).collect();
    match matches.as_slice() {
        [one] => Ok(one.path.clone()),
        [] => {
            let known = match known.len() {
                0 => "runs/ has none yet: train one first".to_string(),
                n => {
                    let shown: Vec<String> = known.iter().rev().take(5).map(|known| known.name.clone()).collect();
                    let more = if n > 5 { ", …" } else { "" };
                    format!("there are: {}{more}; `latest` is the newest", shown.join(", "))
                }
            };
            Err(RunError::NotFound { run: run.into(), known })
        }
        several => Err(RunError::Ambiguous {
            run: run.into(),
            matches: several.iter().map(|known| known.name.clone()).collect(),
        }),
    }
}

/// A run folder, and what it is called in its place: `name`, or `experiment/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundRun {
    pub name: String,
    pub path: PathBuf,
}

/// Every run folder in `place` and, of folders there that are no runs (an experiment keeps its runs together), one
/// deeper; by name. Hidden folders are left out. A place that is not there has none.
///
/// # Errors
/// [`RunError`] when it is there and cannot be read.
pub fn runs_under(place: &Path) -> Result<Vec<FoundRun>, RunError> {
    let entries = match fs::read_dir(place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RunError::not_readable(place, error)),
    };
    let mut found = Vec::new();
    for folder in entries.flatten().filter_map(|entry| visible_folder(&entry)) {
        if is_run(&folder.path) {
            found.push(folder);
            continue;
        }
        let inner = fs::read_dir(&folder.path).into_iter().flatten().flatten();
        let runs = inner.filter_map(|entry| visible_folder(&entry)).filter(|run| is_run(&run.path));
        found.extend(runs.map(|run| FoundRun { name: format!("{}/{}", folder.name, run.name), ..run }));
    }
    found.sort();
    Ok(found)
}

/// A folder, or what may be a link to one.
fn visible_folder(entry: &fs::DirEntry) -> Option<FoundRun> {
    let name = entry.file_name().to_string_lossy().into_owned();
    let may_be = entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_symlink());
    (may_be && !name.starts_with('.')).then(|| FoundRun { name, path: entry.path() })
}

/// When something was last written in the run.
pub fn last_written(path: &Path) -> SystemTime {
    ["metrics.jsonl", "events.jsonl", "config.toml"]
        .iter()
        .filter_map(|file| fs::metadata(path.join(file)).and_then(|m| m.modified()).ok())
        .max()
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Nobody means one that has lost it by `latest`.
fn has_config(path: &Path) -> bool {
    path.join("config.toml").is_file()
}

/// Files of a run beside its config: with two of them a folder is one whose config was lost.
const BESIDE: [&str; 3] = ["metrics.jsonl", "events.jsonl", "run.json"];

/// What is broken is a run too, and so may be a folder that we may not look into: whoever opens it says what is wrong.
fn is_run(path: &Path) -> bool {
    match fs::metadata(path.join("config.toml")) {
        // A folder or a FIFO in its place is no reason to hide the run.
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => true,
        Err(_) => BESIDE.iter().filter(|name| path.join(name).is_file()).count() >= 2,
    }
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
    fn a_run_that_has_lost_its_config_is_found_and_other_folders_are_not() {
        let dir = runs(&["whole"]);
        let make = |name: &str, files: &[&str]| {
            fs::create_dir(dir.path().join(name)).unwrap();
            files.iter().for_each(|file| fs::write(dir.path().join(name).join(file), "").unwrap());
        };
        make("lost", &["metrics.jsonl", "events.jsonl"]);
        make("another program's", &["metrics.jsonl", "log.txt"]);
        make("papers", &[]);
        make("strange", &[]);
        fs::create_dir(dir.path().join("strange/config.toml")).unwrap();
        let found: Vec<String> = runs_under(dir.path()).unwrap().into_iter().map(|run| run.name).collect();
        assert_eq!(found, ["lost", "strange", "whole"]);
        assert!(find_in(dir.path(), "lost").is_ok());
        assert!(find_in(dir.path(), "latest").unwrap().ends_with("whole"));
        assert!(find_in(dir.path(), dir.path().join("papers").to_str().unwrap()).is_err());
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
