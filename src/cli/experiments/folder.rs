//! The experiment's folder, and by what it is known again.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Result;

use super::held::{ELSEWHERE, HeldExperiment};
use crate::cli::UsageError;
use crate::config::{Config, ConfigError};
use crate::process::plain_file;
use crate::run::{RunError, check_free, is_trained_in};

/// What an experiment starts from: kept in its folder, so that the same command goes on with it, and another doesn't mix
/// its runs into it.
pub struct Experiment<'a> {
    /// "sweep", "race".
    pub kind: &'static str,
    pub dir: &'a Path,
    /// What its runs have in common.
    pub base: &'a Config,
    /// Of a race of forks: where they all begin.
    pub from: Option<String>,
    /// Of a race: what each side is, by which its table and its pictures are made.
    pub sides: &'a [String],
}

impl Experiment<'_> {
    /// Makes the folder, or finds that it is this experiment's, and holds it: no other can begin in it meanwhile. `runs` are
    /// the folders of its runs, in which nobody else may be training. What refuses it has written nothing.
    ///
    /// # Errors
    /// A usage error where it is another's, or holds something else, or another process is at it; [`RunError`] when it cannot
    /// be written to.
    pub fn begin<'r>(&self, runs: impl IntoIterator<Item = &'r Path>) -> Result<HeldExperiment> {
        let is_new = !self.is_told_whole()?;
        if is_new {
            let not_writable = |error| RunError::NotWritable { path: self.dir.to_path_buf(), error };
            fs::create_dir_all(self.dir).map_err(not_writable)?;
        }
        let held = HeldExperiment::of(self.kind, self.dir, self.text())?;
        if let Some(run) = runs.into_iter().find(|run| is_trained_in(run)) {
            return Err(RunError::InUse(run.to_path_buf()).into());
        }
        if is_new {
            held.write(self.dir)?;
        }
        Ok(held)
    }

    /// Is the folder this experiment's, and its file says all of it already? It doesn't in a new folder, and where another
    /// side joins.
    fn is_told_whole(&self) -> Result<bool> {
        let (kind, dir) = (self.kind, self.dir);
        let file = dir.join(format!("{kind}.toml"));
        let refuse = |why: String| Err(UsageError::new(format!("{why}\n  {ELSEWHERE}")).into());
        match plain_file::read_text(&file) {
            Ok(text) => {
                let (from, before) = split(&text);
                let sides: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(SIDE)).collect();
                let before = Config::from_toml(before, &file.display().to_string())?;
                let changes = before.changes(self.base);
                if !changes.is_empty() {
                    let was = before.values();
                    let changed: Vec<String> = changes
                        .iter()
                        .map(|(key, now)| {
                            format!("{key} was {}, now {now}", was.get(*key).map_or("–".into(), toml::Value::to_string))
                        })
                        .collect();
                    return refuse(format!(
                        "{} holds a {kind} of another config: {}",
                        dir.display(),
                        changed.join("; ")
                    ));
                }
                if from != self.from.as_deref() {
                    let told =
                        |from: Option<&str>| from.map_or("fresh weights".into(), |from| format!("forks of {from}"));
                    let (was, now) = (told(from), told(self.from.as_deref()));
                    return refuse(format!(
                        "{} holds a {kind} that began with {was}, and not with {now}",
                        dir.display()
                    ));
                }
                // More of them may join.
                if !sides.iter().enumerate().all(|(nth, side)| self.sides.get(nth).is_some_and(|now| now == side)) {
                    return refuse(format!("{} holds a {kind} of other sides: {}", dir.display(), sides.join(" · ")));
                }
                Ok(sides.len() == self.sides.len())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if fs::read_dir(dir).is_ok() && check_free(dir).is_err() {
                    return refuse(format!("{} has something in it, and is no {kind}", dir.display()));
                }
                Ok(false)
            }
            Err(error) => Err(RunError::NotReadable { path: file, error }.into()),
        }
    }

    /// What its file says.
    fn text(&self) -> String {
        let from = self.from.as_ref().map(|from| format!("{FROM}{from}\n")).unwrap_or_default();
        let sides: String = self.sides.iter().map(|side| format!("{SIDE}{side}\n")).collect();
        format!("# The config that this {} starts from.\n{from}{sides}{}", self.kind, self.base.to_toml())
    }
}

const FROM: &str = "# forks of ";
const SIDE: &str = "# side ";

fn split(text: &str) -> (Option<&str>, &str) {
    (text.lines().find_map(|line| line.strip_prefix(FROM)), text)
}

/// The config with `sets`, checked; what validation has to say beside it.
///
/// # Errors
/// `ConfigError` for what no config takes.
pub fn checked(base: &Config, sets: &[String]) -> Result<(Config, Vec<String>), ConfigError> {
    let config = base.clone().with_overrides(sets)?;
    let warnings = config.validate()?;
    Ok((config, warnings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_experiment_goes_on_and_another_is_refused_with_the_keys() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("deep/sweep");
        let base = Config::default();
        let begin = |base: &Config, from: Option<&str>| {
            Experiment { kind: "sweep", dir: &dir, base, from: from.map(String::from), sides: &[] }.begin([])
        };
        begin(&base, None).unwrap();
        begin(&base, None).unwrap();
        let other = base.clone().with_overrides(&["train.steps=7".into()]).unwrap();
        let message = begin(&other, None).err().unwrap().to_string();
        assert!(message.contains("train.steps was 20000, now 7") && message.contains("--out"), "{message}");
        assert!(
            begin(&base, Some("runs/a at step 5")).err().unwrap().to_string().contains("forks of runs/a at step 5")
        );
        let taken = Experiment { kind: "sweep", dir: place.path(), base: &base, from: None, sides: &[] }.begin([]);
        assert!(taken.err().unwrap().to_string().contains("is no sweep"));
    }

    #[test]
    fn a_race_of_other_sides_is_refused_and_another_side_may_join() {
        let place = tempfile::tempdir().unwrap();
        let (dir, base) = (place.path().join("race"), Config::default());
        let begin = |sides: &[&str]| {
            let sides: Vec<String> = sides.iter().map(|side| side.to_string()).collect();
            Experiment { kind: "race", dir: &dir, base: &base, from: None, sides: &sides }.begin([])
        };
        begin(&["a: as it is", "b: train.learning_rate=0.01"]).unwrap();
        begin(&["a: as it is", "b: train.learning_rate=0.01"]).unwrap();
        let said = begin(&["a: as it is", "b: train.learning_rate=0.02"]).err().unwrap().to_string();
        assert!(said.contains("holds a race of other sides: a: as it is · b: train.learning_rate=0.01"), "{said}");
        assert!(said.contains("--out"), "{said}");
        let three = ["a: as it is", "b: train.learning_rate=0.01", "c: seed=3"];
        begin(&three).unwrap();
        assert!(begin(&three[..2]).is_err(), "the table would lose a side");
        begin(&three).unwrap();
    }
}
