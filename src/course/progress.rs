//! How far a learner has come, kept in the user's data folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::process::plain_file;
use crate::run::write_replacing;

/// What this difflab writes.
const VERSION: u32 = 1;

/// What is done, and the seed of the learner's own questions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CourseProgress {
    version: u32,
    pub seed: u64,
    /// The tasks that are done, by station.
    pub done: BTreeMap<String, BTreeSet<String>>,
}

impl Default for CourseProgress {
    fn default() -> Self {
        Self { version: VERSION, seed: 0, done: BTreeMap::new() }
    }
}

/// Where progress is kept: `difflab/course.json` in `$XDG_DATA_HOME`, or in the system's folder for a user's data. `None`
/// when the system names none.
pub fn progress_file() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let at_home = |inside: &str| std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(inside));
    let folder = named("XDG_DATA_HOME").filter(|folder| folder.is_absolute()).or_else(|| {
        if cfg!(windows) {
            named("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            at_home("Library/Application Support")
        } else {
            at_home(".local/share")
        }
    });
    folder.map(|folder| folder.join("difflab/course.json"))
}

impl CourseProgress {
    /// What the file holds; a new beginning where there is none. A file that can't be understood is put aside, and a
    /// sentence says where.
    ///
    /// # Errors
    /// When the file is there but can't be read, was written by a newer difflab, or can't be put aside.
    pub fn read(file: &Path) -> Result<(Self, Option<String>)> {
        let text = match plain_file::read_text(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Self::default(), None)),
            // Bytes that are no text.
            Err(error) if error.kind() == ErrorKind::InvalidData => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("reading the course's progress, {}", file.display()));
            }
        };
        let version = serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|value| value["version"].as_u64());
        if version.is_some_and(|version| version > u64::from(VERSION)) {
            bail!("{} was written by a newer difflab; use that one", file.display());
        }
        match serde_json::from_str(&text) {
            Ok(progress) => Ok((progress, None)),
            Err(_) => {
                let aside = put_aside(file)?;
                let said = format!(
                    "the course's progress, {}, is damaged: it is now {}, and the course begins anew",
                    file.display(),
                    aside.display()
                );
                Ok((Self::default(), Some(said)))
            }
        }
    }

    /// Writes the file whole, or not at all.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        let write = || {
            fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
            write_replacing(file, text.as_bytes())
        };
        write().with_context(|| format!("keeping the course's progress in {}", file.display()))
    }

    /// Ticks a task in the file, where others may have ticked more meanwhile. A damaged file is put aside, and a sentence says
    /// where.
    ///
    /// # Errors
    /// As [`Self::read`] and [`Self::write`].
    pub fn learn(file: &Path, seed: u64, station: &str, task: &str) -> Result<Option<String>> {
        let (mut progress, said) = Self::read(file)?;
        progress.seed = seed;
        progress.tick(station, task);
        progress.write(file)?;
        Ok(said)
    }

    /// The tasks of a station that are done.
    pub fn of(&self, station: &str) -> BTreeSet<String> {
        self.done.get(station).cloned().unwrap_or_default()
    }

    pub fn tick(&mut self, station: &str, task: &str) {
        self.done.entry(station.into()).or_default().insert(task.into());
    }
}

/// Under the first free name beside it.
fn put_aside(file: &Path) -> Result<PathBuf> {
    let mut names = (1..1000).map(|nth| file.with_file_name(format!("course.damaged-{nth}.json")));
    let aside = names.find(|name| !name.exists()).context("too many damaged files of the course's progress")?;
    fs::rename(file, &aside).with_context(|| format!("putting {} aside", file.display()))?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_kept_and_damage_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/course.json");
        let (mut progress, said) = CourseProgress::read(&file).unwrap();
        assert_eq!((&progress, said), (&CourseProgress::default(), None));
        progress.seed = 7;
        progress.tick("a", "b");
        progress.write(&file).unwrap();
        assert_eq!(CourseProgress::read(&file).unwrap(), (progress, None));
        for (nth, damaged) in [&b"{\"version\": 1, \"se"[..], b"", &[0xff, 0xfe], b"[1]"].iter().enumerate() {
            fs::write(&file, damaged).unwrap();
            let (progress, said) = CourseProgress::read(&file).unwrap();
            assert_eq!(progress, CourseProgress::default());
            assert!(said.unwrap().contains(&format!("course.damaged-{}.json", nth + 1)));
            let aside = folder.path().join(format!("deep/course.damaged-{}.json", nth + 1));
            assert_eq!(&fs::read(aside).unwrap(), damaged);
            assert!(!file.exists());
        }
        fs::write(&file, "{\"version\": 2}").unwrap();
        assert!(CourseProgress::read(&file).unwrap_err().to_string().contains("newer difflab"));
        assert!(file.exists());
    }
}
