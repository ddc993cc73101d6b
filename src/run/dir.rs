//! The run folder: where everything that a run leaves behind lies.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::Result;
use sha2::{Digest, Sha256};

use super::checkpoint::{self, AUTOENCODER};
use super::durable::write_replacing;
use super::error::RunError;
use super::free_name::{LOCK, free_beside, is_free};
use super::history;
use super::identity::{self, Identity};
use super::lock::lock_folder;
use super::plain_files::check_files;
use super::tensorboard;
use super::whole_config::lacking;
use crate::config::{CONFIG_VERSION, Config};
use crate::data::DATA_CARD;
use crate::process::{HeldFolder, Whereabouts, plain_file};

/// Where runs go that are given no place.
const RUNS: &str = "runs";

/// What a start writes before its first step.
const OF_A_START: [&str; 9] = [
    LOCK,
    "config.toml",
    identity::FILE,
    "classes.txt",
    "README.md",
    DATA_CARD,
    "metrics.jsonl",
    "timestep_loss.jsonl",
    "events.jsonl",
];

/// A run folder that this process trains in: no other difflab can while it lives.
pub struct RunDir {
    path: PathBuf,
    identity: Identity,
    held: HeldFolder,
    _lock: File,
    /// Folders that were made for it, the innermost first.
    made: Vec<PathBuf>,
    /// Dropped now, it leaves nothing behind.
    unfinished: bool,
}

impl RunDir {
    /// Makes a new run folder with its `config.toml`: at `dir`, or in `runs/` under a name of its own,
    /// `<date>-<name>-<short id>`.
    ///
    /// # Errors
    /// [`RunError`] when `dir` has something in it, or cannot be written to; what was made is gone then.
    pub fn create(dir: Option<&Path>, config: &Config) -> Result<Self, RunError> {
        let (path, made) = match dir {
            Some(dir) => {
                check_free(dir)?;
                (dir.to_path_buf(), make_folders(dir)?)
            }
            None => {
                let path = new_folder(&config.name)?;
                (path.clone(), vec![path])
            }
        };
        let identity = Identity::new(&path);
        Self::begin(path, identity, config, made)
    }

    /// Makes another folder for this same run. Dropped before [`Self::started`], it leaves nothing behind.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn create_again(&self, dir: &Path, config: &Config) -> Result<Self, RunError> {
        check_free(dir)?;
        let mut again = Self::begin(dir.to_path_buf(), self.identity.clone(), config, make_folders(dir)?)?;
        again.unfinished = true;
        Ok(again)
    }

    /// Locks and fills a folder that was made.
    fn begin(path: PathBuf, identity: Identity, config: &Config, made: Vec<PathBuf>) -> Result<Self, RunError> {
        let fill = || -> io::Result<HeldFolder> {
            write_replacing(&path.join("config.toml"), config.to_toml().as_bytes())?;
            identity.write(&path)?;
            HeldFolder::open(&path)
        };
        let begin = || -> Result<(File, HeldFolder), RunError> {
            let lock = lock_folder(&path)?;
            Ok((lock, fill().map_err(|e| RunError::not_writable(&path, e))?))
        };
        let (lock, held) = begin().inspect_err(|error| match error {
            // Another has been quicker.
            RunError::InUse(_) => {}
            _ => remove_start(&path, &made),
        })?;
        Ok(Self { path, identity, held, _lock: lock, made, unfinished: false })
    }

    /// Opens an existing run folder to go on in it.
    ///
    /// # Errors
    /// [`RunError`] when it is no run folder, cannot be written to, is in use, or comes from a newer
    /// difflab.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        check_version(path)?;
        let lock = lock_folder(path)?;
        let not_writable = |error| RunError::not_writable(path, error);
        let identity = match Identity::of(path) {
            Some(identity) => identity,
            // Of an older difflab, or lost.
            None => {
                let mut identity = Identity::new(path);
                identity.run = checkpoint::run_of_newest(path).unwrap_or(identity.run);
                identity.write(path).map_err(not_writable)?;
                identity
            }
        };
        let held = HeldFolder::open(path).map_err(not_writable)?;
        Ok(Self { path: path.to_path_buf(), identity, held, _lock: lock, made: Vec::new(), unfinished: false })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the run and its checkpoints know each other by.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// From now on until [`Self::started`] a failure leaves no folder that would refuse the next start. (A folder
    /// that was there before is left empty.)
    pub fn tidy_up_unless_started(&mut self) {
        self.unfinished = true;
    }

    /// What was begun is complete: the folder stays.
    pub fn started(&mut self) {
        self.unfinished = false;
    }

    /// Looks whether the folder is still where it was. One that was renamed is followed.
    pub fn look(&mut self) -> Whereabouts {
        let seen = self.held.look(&self.path);
        if let Whereabouts::Renamed(path) = &seen {
            self.path = path.clone();
        }
        seen
    }

    /// Makes the folder again that is gone: in its old place, or beside it where others have put something
    /// there meanwhile.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn make_anew(&mut self, config: &Config) -> Result<(), RunError> {
        let path = free_beside(&self.path)?;
        let made = make_folders(&path)?;
        *self = Self::begin(path, self.identity.clone(), config, made)?;
        Ok(())
    }

    /// Writes config.toml and run.json anew where they are missing; returns which were.
    ///
    /// # Errors
    /// [`RunError`] when the folder cannot be written to.
    pub fn put_back(&self, config: &Config) -> Result<Vec<&'static str>, RunError> {
        let mut missing = Vec::new();
        if !self.path.join("config.toml").exists() {
            self.write_config(config)?;
            missing.push("config.toml");
        }
        if Identity::of(&self.path).is_none() {
            self.identity.write(&self.path).map_err(|error| RunError::not_writable(&self.path, error))?;
            missing.push("run.json");
        }
        Ok(missing)
    }

    /// Removes the folder of a new run that came to nothing: what its start wrote, and the folders that it made.
    pub fn discard(&self) {
        for name in ["snapshots", "previews", AUTOENCODER, history::FOLDER, tensorboard::FOLDER] {
            let _ = fs::remove_dir_all(self.path.join(name));
        }
        remove_start(&self.path, &self.made);
        // `runs/`, if nothing else is in it.
        if let Some(parent) = self.path.parent().filter(|parent| *parent == Path::new(RUNS)) {
            let _ = fs::remove_dir(parent);
        }
    }

    /// Writes `config.toml` anew (a run resumed with other settings).
    pub fn write_config(&self, config: &Config) -> Result<(), RunError> {
        write_replacing(&self.path.join("config.toml"), config.to_toml().as_bytes())
            .map_err(|e| RunError::not_writable(&self.path, e))
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if self.unfinished {
            remove_start(&self.path, &self.made);
        }
    }
}

/// Removes what a start has written in `path`, and the folders that it made where nothing else is in them.
fn remove_start(path: &Path, made: &[PathBuf]) {
    // Best effort: what matters is the error that is told.
    for name in OF_A_START {
        let _ = fs::remove_file(path.join(name));
    }
    let _ = fs::remove_dir_all(path.join("checkpoints"));
    for folder in made {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

/// Makes `dir` and the folders above it; returns those that were missing, the innermost first.
fn make_folders(dir: &Path) -> Result<Vec<PathBuf>, RunError> {
    let missing = dir.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists());
    let missing: Vec<PathBuf> = missing.map(Path::to_path_buf).collect();
    fs::create_dir_all(dir).map_err(|e| RunError::not_writable(dir, e))?;
    Ok(missing)
}

/// Checks that a new run can have the folder `dir`: missing or empty.
///
/// # Errors
/// [`RunError`] when something is in it, or it is no folder.
pub fn check_free(dir: &Path) -> Result<(), RunError> {
    if is_free(dir)? {
        return Ok(());
    }
    // Going on is offered only where there is something to go on from.
    let or_resume = match checkpoint::can_resume(dir) {
        true => format!(", or continue it: --resume {}", dir.display()),
        false => String::new(),
    };
    Err(RunError::NotEmpty { path: dir.to_path_buf(), or_resume })
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

/// That the run in `path` trained a network that denoises. `no`: what another can't be asked for, such as "no samples can be
/// drawn".
///
/// # Errors
/// [`RunError::DrawsNothing`] where it trained an autoencoder; as [`config_of`].
pub fn check_draws(path: &Path, no: &'static str) -> Result<()> {
    match config_of(path)?.trains_autoencoder() {
        true => Err(RunError::DrawsNothing { path: path.to_path_buf(), no }.into()),
        false => Ok(()),
    }
}

/// The text of `config.toml`, once its version is known to be readable. (A newer file may have keys
/// that this difflab would call mistakes: the version must be seen first.)
fn check_version(path: &Path) -> Result<String, RunError> {
    check_files(path)?;
    let file = path.join("config.toml");
    let text = match plain_file::read_text(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(RunError::NotARun(path.to_path_buf())),
        Err(error) => return Err(RunError::not_readable(&file, error)),
    };
    // What is no TOML is told so, with the line, by the config's reader.
    let table = text.parse::<toml::Table>().ok();
    let version = table.as_ref().and_then(|table| table.get("version")).and_then(toml::Value::as_integer);
    let found = version.map_or(0, |version| version.max(0) as u64);
    if found > CONFIG_VERSION as u64 {
        return Err(RunError::NewerFormat { path: path.to_path_buf(), found, known: CONFIG_VERSION as u64 });
    }
    match table.as_ref().map(lacking) {
        Some(lacks) if !lacks.is_empty() => Err(RunError::NotWhole { path: file, lacks }),
        _ => Ok(text),
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
    use crate::run::lock::is_trained_in;

    #[test]
    fn a_new_folder_has_the_whole_config_and_an_occupied_one_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/run");
        let config = Config { seed: 7, ..Config::default() };
        let run = RunDir::create(Some(&path), &config).unwrap();
        assert_eq!(config_of(run.path()).unwrap(), config);
        assert!(matches!(RunDir::create(Some(&path), &config), Err(RunError::NotEmpty { .. })));
    }

    #[test]
    fn a_start_that_fails_leaves_nothing_that_refuses_the_next() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/run");
        let mut run = RunDir::create(Some(&path), &Config::default()).unwrap();
        run.tidy_up_unless_started();
        drop(run);
        assert!(!parent.path().join("deep").exists());
        // A folder that was there stays, empty.
        fs::create_dir_all(&path).unwrap();
        let mut run = RunDir::create(Some(&path), &Config::default()).unwrap();
        run.tidy_up_unless_started();
        drop(run);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
        // The lock alone is what a start leaves that was killed.
        fs::write(path.join(LOCK), "").unwrap();
        let mut run = RunDir::create(Some(&path), &Config::default()).unwrap();
        run.tidy_up_unless_started();
        run.started();
        drop(run);
        assert!(path.join("config.toml").is_file());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_is_gone_is_made_again_as_the_same_run() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("run");
        let mut run = RunDir::create(Some(&path), &Config::default()).unwrap();
        assert_eq!(run.look(), Whereabouts::There);
        fs::remove_dir_all(&path).unwrap();
        assert_eq!(run.look(), Whereabouts::Gone);
        run.make_anew(&Config::default()).unwrap();
        assert_eq!((run.look(), run.path()), (Whereabouts::There, path.as_path()));
        assert_eq!(Identity::of(&path).as_ref(), Some(run.identity()));
        // Another's folder in the place is left alone.
        fs::remove_dir_all(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("thesis.txt"), "").unwrap();
        assert_eq!(run.look(), Whereabouts::Gone);
        run.make_anew(&Config::default()).unwrap();
        assert!(run.path().ends_with("run-2"));
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    }

    #[test]
    fn two_processes_cannot_train_in_one_folder() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("run");
        let run = RunDir::create(Some(&path), &Config::default()).unwrap();
        assert!(matches!(RunDir::open(&path), Err(RunError::InUse(_))));
        assert!(is_trained_in(&path));
        drop(run);
        assert!(!is_trained_in(&path));
        assert!(RunDir::open(&path).is_ok());
    }

    #[test]
    fn a_folder_without_config_or_from_the_future_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        assert!(matches!(RunDir::open(parent.path()), Err(RunError::NotARun(_))));
        fs::write(parent.path().join("config.toml"), "version = 999\nunheard_of = 1\n").unwrap();
        assert!(matches!(RunDir::open(parent.path()), Err(RunError::NewerFormat { found: 999, .. })));
        fs::write(parent.path().join("config.toml"), "").unwrap();
        let said = config_of(parent.path()).unwrap_err().to_string();
        assert!(said.contains("lacks version, data.dataset and train.steps"), "{said}");
    }
}
