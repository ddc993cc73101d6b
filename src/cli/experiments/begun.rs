//! How far a run of an experiment has come.

use std::path::Path;

use anyhow::Result;

use crate::config::Config;
use crate::run::{self, RunError, checkpoint, free_beside};
use crate::speak;

/// What is there of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing that could go on.
    No,
    /// A checkpoint to go on from.
    Half { step: u64 },
    /// All of its steps.
    Whole,
    /// It diverged: it would again.
    Diverged { why: String },
}

impl Begun {
    /// Of the run in `dir` with this config.
    ///
    /// # Errors
    /// When a file of it is there and cannot be read.
    pub fn of(dir: &Path, config: &Config) -> Result<Self> {
        if !dir.join("config.toml").exists() {
            return Ok(Self::No);
        }
        // What went on after an error had another event last.
        if let Some(last) =
            run::read_events(dir)?.last().filter(|last| last.kind == "error" && is_divergence(&last.what))
        {
            let why = last.what.lines().next().unwrap_or_default().into();
            return Ok(Self::Diverged { why });
        }
        match checkpoint::newest_good(dir) {
            Ok((step, ..)) if step >= steps(dir, config) => Ok(Self::Whole),
            Ok((step, ..)) => Ok(Self::Half { step }),
            Err(_) => Ok(Self::No),
        }
    }
}

/// Of a run: epochs are counted in steps when it begins.
fn steps(dir: &Path, config: &Config) -> u64 {
    run::config_of(dir).map_or(config.train.steps, |config| config.train.steps)
}

/// Did training end by itself, by this error?
pub fn is_divergence(error: &str) -> bool {
    error.contains("training diverged")
}

/// Why a run that was whole has no results, if so: somebody has moved or deleted it since.
pub fn why_gone(dir: &Path) -> Option<String> {
    (!dir.join("config.toml").is_file()).then(|| "it is no longer there".into())
}

/// Makes room for a run that begins anew where one was killed before it had a checkpoint: what is there steps aside.
///
/// # Errors
/// When it cannot be moved, or somebody trains in it.
pub fn make_room(dir: &Path) -> Result<()> {
    if run::check_free(dir).is_ok() {
        return Ok(());
    }
    if run::is_trained_in(dir) {
        return Err(RunError::InUse(dir.to_path_buf()).into());
    }
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let aside = free_beside(&dir.with_file_name(format!("{name}.aside")))?;
    std::fs::rename(dir, &aside)?;
    speak::warn(format_args!(
        "{} has no checkpoint to go on from: it is now {}, and the run begins anew",
        dir.display(),
        aside.display()
    ));
    Ok(())
}
