//! The runs under a place, read once and then followed: a look costs a glance at each file, and reads what has changed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::config_values::ConfigValues;
use super::reading::RunReading;
use super::summary::Summary;
use crate::run::error::RunError;
use crate::run::find::{FoundRun, runs_under};

/// A run of the list.
#[derive(Clone, Debug)]
pub struct ListedRun {
    pub path: PathBuf,
    pub summary: Summary,
    /// `None` when config.toml does not read.
    pub values: Option<Arc<ConfigValues>>,
    /// Does a process hold its lock? Nothing may be moved or changed in it then.
    pub is_trained: bool,
    reading: RunReading,
}

impl ListedRun {
    fn of(found: &FoundRun) -> Self {
        let reading = RunReading::of(&found.path);
        Self {
            path: found.path.clone(),
            summary: Summary::from(&found.name, &reading),
            values: reading.values().cloned(),
            is_trained: reading.is_trained(),
            reading,
        }
    }

    fn refresh(&mut self) -> bool {
        let changed = self.reading.refresh(&self.path);
        if changed {
            self.summary = Summary::from(&self.summary.run, &self.reading);
            self.values = self.reading.values().cloned();
            self.is_trained = self.reading.is_trained();
        }
        changed
    }
}

/// How many runs have come, gone and changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    pub added: usize,
    pub gone: usize,
    pub changed: usize,
}

impl Refreshed {
    /// Is everything as it was?
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// The runs under a place, by name. Nothing in them is written.
pub struct Catalogue {
    place: PathBuf,
    runs: Vec<ListedRun>,
}

/// So many runs are read by one thread.
const BY_ONE: usize = 32;
const MOST_THREADS: usize = 8;
/// So many are read before somebody is told of them.
const PIECE: usize = 256;

impl Catalogue {
    /// Of the runs in the folder `place` and, of experiments that keep theirs together, one folder deeper. Nothing is
    /// read yet: see [`Self::refresh`].
    pub fn new(place: &Path) -> Self {
        Self { place: place.to_path_buf(), runs: Vec::new() }
    }

    pub fn place(&self) -> &Path {
        &self.place
    }

    /// All runs, by name.
    pub fn runs(&self) -> &[ListedRun] {
        &self.runs
    }

    /// Looks at all runs, and reads those files that have changed. A missing place has no runs.
    ///
    /// # Errors
    /// [`RunError`] when the place is there and cannot be read; the runs are as they were then.
    pub fn refresh(&mut self) -> Result<Refreshed, RunError> {
        self.refresh_telling(Duration::MAX, |_| {})
    }

    /// The same; of a place that was never looked at, `part` is shown the runs that have been read so far after each
    /// `every`, the last names first, by name. All of them are what is there at the end.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub fn refresh_telling(
        &mut self,
        every: Duration,
        mut part: impl FnMut(&[ListedRun]),
    ) -> Result<Refreshed, RunError> {
        let found = runs_under(&self.place)?;
        let (first, mut told) = (self.runs.is_empty(), Instant::now());
        let mut known: HashMap<PathBuf, ListedRun> = self.runs.drain(..).map(|run| (run.path.clone(), run)).collect();
        let mut waiting: Vec<Looked> = found
            .into_iter()
            .map(|found| {
                let before = known.remove(&found.path);
                (found, before)
            })
            .collect();
        let mut refreshed = Refreshed { gone: known.len(), ..Refreshed::default() };
        while !waiting.is_empty() {
            let piece = if first { waiting.len().saturating_sub(PIECE) } else { 0 };
            let parts = look_at(waiting.split_off(piece));
            for (_, added, changed) in &parts {
                refreshed.added += usize::from(*added);
                refreshed.changed += usize::from(*changed);
            }
            self.runs.splice(0..0, parts.into_iter().map(|(run, ..)| run));
            if !waiting.is_empty() && told.elapsed() >= every {
                part(&self.runs);
                told = Instant::now();
            }
        }
        Ok(refreshed)
    }
}

/// A run that is there, and what is known of it.
type Looked = (FoundRun, Option<ListedRun>);

/// Looks at them all, by several threads where many are new: each with whether it is new, and whether it has changed.
fn look_at(looked: Vec<Looked>) -> Vec<(ListedRun, bool, bool)> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    // One thread where little is new: a glance is quicker than a thread.
    let new = looked.iter().filter(|(_, before)| before.is_none()).count();
    let threads = threads.min(new.div_ceil(BY_ONE)).max(1);
    let each = looked.len().div_ceil(threads).max(1);
    let mut looked = looked.into_iter();
    let shares: Vec<Vec<_>> = (0..threads).map(|_| looked.by_ref().take(each).collect()).collect();
    let look = |share: Vec<(FoundRun, Option<ListedRun>)>| -> Vec<(ListedRun, bool, bool)> {
        let look = |(found, before): (FoundRun, Option<ListedRun>)| match before {
            Some(mut run) => {
                let changed = run.refresh();
                (run, false, changed)
            }
            None => (ListedRun::of(&found), true, false),
        };
        share.into_iter().map(look).collect()
    };
    let parts: Vec<Vec<(ListedRun, bool, bool)>> = match threads {
        1 => shares.into_iter().map(look).collect(),
        _ => thread::scope(|scope| {
            let threads: Vec<_> = shares.into_iter().map(|share| scope.spawn(|| look(share))).collect();
            // A panic goes on here.
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|p| std::panic::resume_unwind(p))).collect()
        }),
    };
    parts.into_iter().flatten().collect()
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
