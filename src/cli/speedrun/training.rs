//! The real program, trained against the clock.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::process::{Attended, interrupt};
use crate::run::checkpoint;

/// Time between two looks at the folder of checkpoints: times are known to this.
const LOOK: Duration = Duration::from_millis(10);
/// A look that comes so much too late was kept from it: the machine, or the program, stood still.
const STALL: Duration = Duration::from_secs(1);
/// Lines of its remarks that are told where a training fails.
const TOLD: usize = 12;

/// A checkpoint that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    pub step: u64,
    /// Seconds from the start of the process until it was there.
    pub seconds: f64,
}

/// What is trained, and how.
pub struct Training<'a> {
    pub program: &'a Path,
    pub config: &'a str,
    pub set: &'a [String],
    pub threads: usize,
}

/// A training that has begun.
pub struct TimedRun {
    pub run: PathBuf,
    pub started: Instant,
    child: Attended,
    remarks: PathBuf,
}

impl Training<'_> {
    /// Starts the program; it trains into `folder/name`.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn begin(&self, folder: &Path, name: &str, seed: u64, more: &[String]) -> Result<TimedRun> {
        let (run, remarks) = (folder.join(name), folder.join(format!("{name}.remarks")));
        let mut command = Command::new(self.program);
        command.args([self.config, "--no-tui", "--log", "json", "--threads", &self.threads.to_string()]);
        command.args(["--seed", &seed.to_string(), "--run"]).arg(&run);
        for set in self.set.iter().chain(more) {
            command.args(["--set", set]);
        }
        let said = File::create(&remarks).with_context(|| format!("writing {}", remarks.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        let started = Instant::now();
        let child = Attended::spawn(&mut command).with_context(|| format!("starting {}", self.program.display()))?;
        Ok(TimedRun { run, started, child, remarks })
    }
}

impl TimedRun {
    /// Is the training over, by itself?
    ///
    /// # Errors
    /// That it failed, in its own words.
    pub fn is_over(&self) -> Result<bool> {
        match self.child.ended()? {
            None => Ok(false),
            Some(status) if status.success() => Ok(true),
            Some(status) => {
                let said = std::fs::read_to_string(&self.remarks).unwrap_or_default();
                let said: Vec<&str> = said.lines().collect();
                let last = said[said.len().saturating_sub(TOLD)..].join("\n  ");
                let said = if last.is_empty() { format!("it said nothing, {status}") } else { last };
                bail!("the training failed:\n  {said}")
            }
        }
    }

    /// Waits until `limit` or the end of the training, and kills it then: every checkpoint, oldest first, with its time, and
    /// how long the machine stood still. `tell` hears the seconds.
    ///
    /// # Errors
    /// A training that failed, or that a signal has broken off.
    pub fn watch(self, limit: Duration, mut tell: impl FnMut(f64)) -> Result<(Vec<Saved>, Duration)> {
        let mut saved: Vec<Saved> = Vec::new();
        let (mut looked, mut stood) = (self.started, Duration::ZERO);
        loop {
            interrupt::check()?;
            // Asked before the look, so that none of its checkpoints is missed.
            let over = self.is_over()?;
            let steps = checkpoint::steps_in_names(&self.run);
            let now = self.started.elapsed();
            let new = steps.into_iter().filter(|step| saved.last().is_none_or(|last| *step > last.step));
            let new: Vec<Saved> = new.map(|step| Saved { step, seconds: now.as_secs_f64() }).collect();
            if now <= limit {
                saved.extend(new);
            }
            let late = looked.elapsed().saturating_sub(LOOK);
            if late > STALL {
                stood += late;
            }
            looked = Instant::now();
            if over || now >= limit {
                return Ok((saved, stood));
            }
            tell(now.as_secs_f64());
            std::thread::sleep(LOOK);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A program in the place of difflab: a script, with the run folder in `$run`.
    fn script(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("program");
        let find = "while [ $# -gt 0 ]; do [ \"$1\" = --run ] && run=$2; shift; done";
        // Renamed into place: a file that another thread's child still holds open for writing can't be run.
        let beside = folder.join("program.new");
        std::fs::write(&beside, format!("#!/bin/sh\n{find}\n{text}\n")).unwrap();
        std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(&beside, &path).unwrap();
        path
    }

    fn watched(text: &str, limit: f64) -> Result<(Vec<Saved>, Duration)> {
        let folder = tempfile::tempdir().unwrap();
        let program = script(folder.path(), text);
        let training = Training { program: &program, config: "x", set: &[], threads: 1 };
        let begun = loop {
            match training.begin(folder.path(), "run", 0, &[]) {
                // "Text file busy": between another test's fork and exec.
                Err(error) if format!("{error:#}").contains("busy") => {}
                begun => break begun?,
            }
        };
        begun.watch(Duration::from_secs_f64(limit), |_| {})
    }

    #[test]
    fn checkpoints_are_timed_as_they_come_and_the_training_is_killed_at_the_limit() {
        let text = "mkdir -p $run/checkpoints/step-00000020; sleep 0.4; mkdir $run/checkpoints/.step-00000040.partial \
                    $run/checkpoints/step-00000030; sleep 60; mkdir $run/checkpoints/step-00000050";
        let started = Instant::now();
        let (saved, _) = watched(text, 1.5).unwrap();
        assert!(started.elapsed() < Duration::from_secs(30));
        assert_eq!(saved.iter().map(|saved| saved.step).collect::<Vec<_>>(), [20, 30]);
        assert!(saved[1].seconds - saved[0].seconds > 0.3 && saved[1].seconds < 1.5, "{saved:?}");
    }

    #[test]
    fn a_training_that_ends_by_itself_is_over_and_one_that_fails_is_told_in_its_own_words() {
        let (saved, _) = watched("mkdir -p $run/checkpoints/step-00000007", 60.0).unwrap();
        assert_eq!(saved.len(), 1);
        let error = watched("echo 'difflab: no room' >&2; exit 2", 60.0).unwrap_err().to_string();
        assert_eq!(error, "the training failed:\n  difflab: no room");
        assert!(watched("exit 1", 60.0).unwrap_err().to_string().contains("it said nothing"));
    }
}
