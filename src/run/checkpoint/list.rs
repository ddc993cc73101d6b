//! Which checkpoints a run has. What a checkpoint is, its own state says; the folder's name counts only where
//! that cannot be read.

use std::fs;
use std::path::{Path, PathBuf};

use super::state::{StateFile, parse};

/// A folder among a run's checkpoints; whether it is whole has not been looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundCheckpoint {
    pub step: u64,
    pub path: PathBuf,
    /// Which run wrote it, where it says so.
    pub run: Option<String>,
    pub seed: Option<u64>,
    /// Why its weights are of doubtful use: what was kept when training diverged.
    pub spoiled: Option<String>,
    /// Has it the name that its step gives it? (A copy has another.)
    pub in_its_place: bool,
}

impl FoundCheckpoint {
    /// Was it written by another run than `run`? Older checkpoints don't say by which.
    pub fn is_foreign(&self, run: Option<&str>) -> bool {
        matches!((self.run.as_deref(), run), (Some(theirs), Some(ours)) if theirs != ours)
    }
}

/// Every checkpoint folder of a run, by step; of several of one step the one in its place comes last.
/// Half-written ones are not among them.
pub fn list(run: &Path) -> Vec<FoundCheckpoint> {
    let entries = fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten();
    let mut found: Vec<FoundCheckpoint> = entries.filter_map(|entry| look(run, entry.path())).collect();
    found.sort_by(|a, b| (a.step, a.in_its_place, &a.path).cmp(&(b.step, b.in_its_place, &b.path)));
    found
}

/// Every checkpoint of a run, oldest first, with its step.
pub fn all(run: &Path) -> Vec<(u64, PathBuf)> {
    list(run).into_iter().map(|found| (found.step, found.path)).collect()
}

/// The steps of a run's checkpoints by their folders' names, oldest first: for lists of many runs, which open none.
pub fn steps_in_names(run: &Path) -> Vec<u64> {
    let entries = fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten();
    let names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    // One that was stepping aside for its successor counts once.
    let own =
        |name: &str| step_of(Path::new(name.strip_prefix('.').and_then(|n| n.strip_suffix(".old")).unwrap_or(name)));
    let mut steps: Vec<u64> = names.iter().filter_map(|name| own(name)).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// The run that the newest checkpoint in its place was written by.
pub fn run_of_newest(run: &Path) -> Option<String> {
    list(run).into_iter().rev().filter(|found| found.in_its_place).find_map(|found| found.run)
}

/// Where the checkpoint of `step` lies in the run folder `run`.
pub(super) fn folder(run: &Path, step: u64) -> PathBuf {
    run.join("checkpoints").join(format!("step-{step:08}"))
}

/// The step in a checkpoint folder's name.
pub fn step_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("step-")?.parse().ok()
}

fn look(run: &Path, path: PathBuf) -> Option<FoundCheckpoint> {
    let name = path.file_name()?.to_str()?.to_owned();
    // One that was stepping aside when its process was killed is all there is of its step.
    let aside = name.strip_prefix('.').and_then(|name| name.strip_suffix(".old"));
    let lone = aside.is_some_and(|own| !run.join("checkpoints").join(own).exists());
    if !path.is_dir() || name.starts_with('.') && !lone {
        return None;
    }
    let state = path.join("difflab/state.json");
    let state = state.is_file().then(|| fs::read_to_string(state).ok()).flatten();
    let state: Option<StateFile> = state.and_then(|text| parse(&path, &text).ok());
    let step = state.as_ref().map(|state| state.step).or_else(|| step_of(&path))?;
    let in_its_place = lone || path == folder(run, step);
    let (of, seed, spoiled) = state.map_or((None, None, None), |state| (state.run, state.seed, state.spoiled));
    Some(FoundCheckpoint { step, path, run: of, seed, spoiled, in_its_place })
}
