//! The folder of an experiment that is under way: locked, and found again where it was renamed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use crate::cli::UsageError;
use crate::process::{HeldFolder, Whereabouts};
use crate::run::{RunError, lock_folder, write_replacing};

/// What is done about a folder that is another's.
pub(super) const ELSEWHERE: &str = "choose another folder with --out";

/// An experiment that this process carries out: no other can in its folder while this lives.
pub struct HeldExperiment {
    kind: &'static str,
    /// Where it began.
    begun_in: PathBuf,
    /// What its file says.
    text: String,
    folder: HeldFolder,
    lock: Mutex<Option<File>>,
}

impl HeldExperiment {
    /// Locks the experiment's folder, whose file says `text`.
    ///
    /// # Errors
    /// A usage error while another process is at it; [`RunError`] when it cannot be written to.
    pub(super) fn of(kind: &'static str, dir: &Path, text: String) -> Result<Self> {
        let lock = lock_folder(dir).map_err(|error| match error {
            RunError::InUse(_) => anyhow::Error::from(UsageError::new(format!(
                "another difflab is at the {kind} in {}: wait until it is over, or stop it\n  {ELSEWHERE}",
                dir.display()
            ))),
            other => other.into(),
        })?;
        let folder = HeldFolder::open(dir).map_err(|error| RunError::NotWritable { path: dir.to_path_buf(), error })?;
        let lock = Mutex::new(Some(lock));
        Ok(Self { kind, begun_in: dir.to_path_buf(), text, folder, lock })
    }

    /// Its folder by its present name. One that was deleted is made again where it was, by the first who writes there.
    pub fn dir(&self) -> PathBuf {
        match self.folder.look(&self.begun_in) {
            Whereabouts::Renamed(path) => path,
            Whereabouts::There | Whereabouts::Gone => self.begun_in.clone(),
        }
    }

    /// Where a run of it lies now that began as `run`.
    pub fn run(&self, run: &Path) -> PathBuf {
        run.file_name().map_or_else(|| run.to_path_buf(), |name| self.dir().join(name))
    }

    /// Writes its file anew where somebody has deleted it, or the whole folder: without it the same command is refused in a
    /// folder that has runs.
    ///
    /// # Errors
    /// [`RunError`] when it cannot be written, or another process has begun in the folder's place.
    pub fn put_back(&self) -> Result<(), RunError> {
        let dir = self.dir();
        if dir.join(format!("{}.toml", self.kind)).exists() {
            return Ok(());
        }
        fs::create_dir_all(&dir).map_err(|error| RunError::NotWritable { path: dir.clone(), error })?;
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // The folder may still be the one that is locked.
        *lock = None;
        *lock = Some(lock_folder(&dir)?);
        self.write(&dir)
    }

    /// How to go on with it.
    pub fn goes_on(&self) -> String {
        let dir = self.dir();
        match dir == self.begun_in {
            true => format!("the same command goes on with the {} in {}", self.kind, dir.display()),
            false => format!("the same command with --out {} goes on with the {}", dir.display(), self.kind),
        }
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), RunError> {
        write_replacing(&dir.join(format!("{}.toml", self.kind)), self.text.as_bytes())
            .map_err(|error| RunError::NotWritable { path: dir.to_path_buf(), error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::experiments::Experiment;
    use crate::config::Config;

    fn begin(dir: &Path) -> Result<HeldExperiment> {
        let base = Config::default();
        Experiment { kind: "race", dir, base: &base, from: None, sides: &["a: as it is".into()] }.begin([])
    }

    #[test]
    fn a_second_process_is_refused_while_an_experiment_is_under_way_and_writes_nothing() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("race");
        let held = begin(&dir).unwrap();
        let before = fs::read(dir.join("race.toml")).unwrap();
        // Another side would join.
        let base = Config::default();
        let sides = ["a: as it is".to_string(), "b: seed=3".to_string()];
        let second = Experiment { kind: "race", dir: &dir, base: &base, from: None, sides: &sides }.begin([]);
        let said = second.err().unwrap().to_string();
        assert!(said.contains("another difflab is at the race in") && said.contains("--out"), "{said}");
        assert_eq!(fs::read(dir.join("race.toml")).unwrap(), before);
        drop(held);
        begin(&dir).unwrap();
    }

    #[test]
    fn a_run_that_trains_elsewhere_refuses_the_experiment() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("race");
        drop(begin(&dir).unwrap());
        let run = crate::run::RunDir::create(Some(&dir.join("a")), &Config::default()).unwrap();
        let base = Config::default();
        let sides = ["a: as it is".to_string()];
        let experiment = Experiment { kind: "race", dir: &dir, base: &base, from: None, sides: &sides };
        let said = experiment.begin([run.path()]).err().unwrap().to_string();
        assert!(said.contains("another difflab is training in"), "{said}");
        // Nor is such a run ever renamed.
        assert!(super::super::make_room(run.path()).is_err() && run.path().is_dir());
    }

    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    #[test]
    fn a_folder_that_was_deleted_is_the_experiments_again_and_a_renamed_one_is_named() {
        let place = tempfile::tempdir().unwrap();
        let place = place.path().canonicalize().unwrap();
        let (dir, moved) = (place.join("race"), place.join("moved"));
        let held = begin(&dir).unwrap();
        let whole = fs::read(dir.join("race.toml")).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        // As a run does that is saved.
        fs::create_dir_all(dir.join("a-as-it-is")).unwrap();
        held.put_back().unwrap();
        assert_eq!(fs::read(dir.join("race.toml")).unwrap(), whole);
        assert!(begin(&dir).is_err(), "it is locked again");
        held.put_back().unwrap();
        assert!(held.goes_on().ends_with(&format!("goes on with the race in {}", dir.display())), "{}", held.goes_on());
        drop(held);

        let held = begin(&dir).unwrap();
        fs::rename(&dir, &moved).unwrap();
        assert_eq!(held.run(&dir.join("a-as-it-is")), moved.join("a-as-it-is"));
        assert!(held.goes_on().contains(&format!("with --out {}", moved.display())), "{}", held.goes_on());
        held.put_back().unwrap();
        assert!(!dir.exists());
    }
}
