//! The run folder: where everything that a run leaves behind lies.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::durable::write_replacing;
use super::error::RunError;
use crate::config::{CONFIG_VERSION, Config};

/// Where runs go that are given no place.
const RUNS: &str = "runs";

/// Held (by the operating system's lock) by the process that trains in the folder.
const LOCK: &str = ".lock";

/// A run folder that this process trains in: no other difflab can while it lives.
pub struct RunDir {
    path: PathBuf,
    _lock: File,
}

impl RunDir {
    /// Makes a new run folder with its `config.toml`: at `dir`, or in `runs/` under a name of its own,
    /// `<date>-<name>-<short id>`.
    ///
    /// # Errors
    /// [`RunError`] when `dir` has something in it, or cannot be written to.
    pub fn create(dir: Option<&Path>, config: &Config) -> Result<Self, RunError> {
        let path = match dir {
            Some(dir) => {
                check_free(dir)?;
                fs::create_dir_all(dir).map_err(|e| RunError::not_writable(dir, e))?;
                dir.to_path_buf()
            }
            None => new_folder(&config.name)?,
        };
        let lock = lock(&path)?;
        write_replacing(&path.join("config.toml"), config.to_toml().as_bytes())
            .map_err(|e| RunError::not_writable(&path, e))?;
        Ok(Self { path, _lock: lock })
    }

    /// Opens an existing run folder to go on in it.
    ///
    /// # Errors
    /// [`RunError`] when it is no run folder, cannot be written to, is in use, or comes from a newer
    /// difflab.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        check_version(path)?;
        let lock = lock(path)?;
        Ok(Self { path: path.to_path_buf(), _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folder of a new run that came to nothing.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn discard(&self) -> Result<()> {
        fs::remove_dir_all(&self.path).with_context(|| format!("removing {}", self.path.display()))?;
        // `runs/`, if nothing else is in it.
        if let Some(parent) = self.path.parent().filter(|parent| *parent == Path::new(RUNS)) {
            let _ = fs::remove_dir(parent);
        }
        Ok(())
    }

    /// Writes `config.toml` anew (a run resumed with other settings).
    pub fn write_config(&self, config: &Config) -> Result<(), RunError> {
        write_replacing(&self.path.join("config.toml"), config.to_toml().as_bytes())
            .map_err(|e| RunError::not_writable(&self.path, e))
    }
}

/// Checks that a new run can have the folder `dir`: missing or empty.
///
/// # Errors
/// [`RunError`] when something is in it, or it is no folder.
pub fn check_free(dir: &Path) -> Result<(), RunError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(RunError::NotEmpty(dir.to_path_buf())),
            None => Ok(()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(RunError::not_writable(dir, error)),
    }
}

/// The config of the run in `path`.
///
/// # Errors
/// [`RunError`] when it is no run folder or comes from a newer difflab, `ConfigError` when the file
/// does not parse.
pub fn config_of(path: &Path) -> Result<Config> {
    let text = check_version(path)?;
    Ok(Config::from_toml(&text, &path.join("config.toml").display().to_string())?)
}

/// The text of `config.toml`, once its version is known to be readable. (A newer file may have keys
/// that this difflab would call mistakes: the version must be seen first.)
fn check_version(path: &Path) -> Result<String, RunError> {
    let file = path.join("config.toml");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(RunError::NotARun(path.to_path_buf())),
        Err(error) => return Err(RunError::not_readable(&file, error)),
    };
    let found = text
        .parse::<toml::Table>()
        .ok()
        .and_then(|table| table.get("version").and_then(toml::Value::as_integer))
        .map_or(0, |version| version.max(0) as u64);
    if found > CONFIG_VERSION as u64 {
        return Err(RunError::NewerFormat { path: path.to_path_buf(), found, known: CONFIG_VERSION as u64 });
    }
    Ok(text)
}

fn lock(path: &Path) -> Result<File, RunError> {
    let file = File::create(path.join(LOCK)).map_err(|e| RunError::not_writable(path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RunError::InUse(path.to_path_buf())),
        // A file system without locks (some network ones): go on without.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Makes `runs/<date>-<name>-<short id>`.
fn new_folder(name: &str) -> Result<PathBuf, RunError> {
    let runs = Path::new(RUNS);
    fs::create_dir_all(runs).map_err(|e| RunError::not_writable(runs, e))?;
    let now = jiff::Zoned::now();
    let name: String = name.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
    let mut attempt = 0u32;
    loop {
        let mut hash = Sha256::new();
        hash.update(now.timestamp().as_nanosecond().to_le_bytes());
        hash.update(std::process::id().to_le_bytes());
        hash.update(attempt.to_le_bytes());
        let id: String = hash.finalize().iter().take(2).map(|byte| format!("{byte:02x}")).collect();
        let path = runs.join(format!("{}-{name}-{id}", now.strftime("%Y-%m-%d")));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt < 1000 => attempt += 1,
            Err(error) => return Err(RunError::not_writable(&path, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_has_the_whole_config_and_an_occupied_one_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/run");
        let config = Config { seed: 7, ..Config::default() };
        let run = RunDir::create(Some(&path), &config).unwrap();
        assert_eq!(config_of(run.path()).unwrap(), config);
        assert!(matches!(RunDir::create(Some(&path), &config), Err(RunError::NotEmpty(_))));
    }

    #[test]
    fn two_processes_cannot_train_in_one_folder() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("run");
        let run = RunDir::create(Some(&path), &Config::default()).unwrap();
        assert!(matches!(RunDir::open(&path), Err(RunError::InUse(_))));
        drop(run);
        assert!(RunDir::open(&path).is_ok());
    }

    #[test]
    fn a_folder_without_config_or_from_the_future_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        assert!(matches!(RunDir::open(parent.path()), Err(RunError::NotARun(_))));
        fs::write(parent.path().join("config.toml"), "version = 999\nunheard_of = 1\n").unwrap();
        assert!(matches!(RunDir::open(parent.path()), Err(RunError::NewerFormat { found: 999, .. })));
    }
}
