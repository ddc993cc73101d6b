//! What was read of a run folder, part by part, so that a part that has not changed is not read again.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::config_values::ConfigValues;
use super::stamps::Stamps;
use super::state::{LastWord, RunState};
use crate::process::plain_file;
use crate::run::checkpoint;
use crate::run::error::RunError;
use crate::run::journal::newest_metrics_within;
use crate::run::lock::is_trained_in;
use crate::run::notes::Notes;
use crate::run::records::StepRecord;

/// Bytes of metrics.jsonl that are looked through from its end for the newest line and the newest held-out loss.
const LOOKED_THROUGH: u64 = 4 << 20;

/// The newest line of metrics.jsonl, and the newest held-out loss.
type Newest = (StepRecord, Option<f64>);

/// A run folder as it was when it was last looked at.
#[derive(Clone, Debug)]
pub struct RunReading {
    stamps: Stamps,
    config: Result<Arc<ConfigValues>, String>,
    metrics: Result<Option<Newest>, String>,
    events: Result<LastWord, String>,
    notes: Result<Notes, String>,
    is_trained: bool,
    /// Nothing in the folder may be looked at.
    is_closed: bool,
    checkpoints: Vec<u64>,
    checkpoints_problem: Option<String>,
    snapshots: usize,
}

impl RunReading {
    /// Reads the run in `dir`. Never fails: what cannot be read is a [`Self::problem`].
    pub fn of(dir: &Path) -> Self {
        // Before the files: what changes meanwhile is seen the next time.
        let stamps = Stamps::of(dir);
        let is_trained = is_trained_in(dir);
        let closed = closed(dir, &stamps);
        let config = closed.clone().map_or_else(|| config(dir), Err);
        let mut reading = Self {
            is_closed: closed.is_some(),
            metrics: metrics(dir, &config),
            config,
            stamps,
            events: words(LastWord::of(dir, is_trained)),
            notes: notes(dir, &stamps),
            is_trained,
            checkpoints: Vec::new(),
            checkpoints_problem: None,
            snapshots: 0,
        };
        reading.look_for_checkpoints(dir);
        reading.count_snapshots(dir);
        reading
    }

    /// Reads again what has changed since; was there anything?
    pub fn refresh(&mut self, dir: &Path) -> bool {
        let (now, before) = (Stamps::of(dir), self.stamps);
        // Whoever begins to train in a folder writes in it; who ends may not.
        let is_trained = (now != before || self.is_trained) && is_trained_in(dir);
        if now == before && is_trained == self.is_trained {
            return false;
        }
        self.stamps = now;
        if now.config != before.config {
            let closed = closed(dir, &now);
            self.is_closed = closed.is_some();
            self.config = closed.map_or_else(|| config(dir), Err);
        }
        if (now.config, now.metrics) != (before.config, before.metrics) {
            self.metrics = metrics(dir, &self.config);
        }
        if now.events != before.events || is_trained != self.is_trained {
            self.events = words(LastWord::of(dir, is_trained));
        }
        if now.notes != before.notes {
            self.notes = notes(dir, &now);
        }
        if now.checkpoints != before.checkpoints {
            self.look_for_checkpoints(dir);
        }
        if now.snapshots != before.snapshots {
            self.count_snapshots(dir);
        }
        self.is_trained = is_trained;
        true
    }

    pub fn stamps(&self) -> &Stamps {
        &self.stamps
    }

    pub fn values(&self) -> Option<&Arc<ConfigValues>> {
        self.config.as_ref().ok()
    }

    pub fn newest(&self) -> Option<&Newest> {
        self.metrics.as_ref().ok()?.as_ref()
    }

    pub fn notes(&self) -> Option<&Notes> {
        self.notes.as_ref().ok()
    }

    /// Does a process hold the run's lock?
    pub fn is_trained(&self) -> bool {
        self.is_trained
    }

    pub fn state(&self, step: u64, steps: u64) -> (RunState, Option<String>) {
        match &self.events {
            Ok(last) => last.state(self.is_trained, step, steps),
            Err(_) if self.is_trained => (RunState::Training, None),
            Err(_) => (RunState::Unreadable, None),
        }
    }

    /// Could the lines of metrics.jsonl be read, if there are any?
    pub fn is_measured(&self) -> bool {
        self.metrics.is_ok()
    }

    pub fn checkpoints(&self) -> &[u64] {
        &self.checkpoints
    }

    pub fn checkpoints_problem(&self) -> Option<&str> {
        self.checkpoints_problem.as_deref()
    }

    pub fn snapshots(&self) -> usize {
        self.snapshots
    }

    /// What could not be read, and why.
    pub fn problem(&self) -> Option<String> {
        let problems = [
            self.config.as_ref().err(),
            self.metrics.as_ref().err(),
            self.events.as_ref().err(),
            self.notes.as_ref().err(),
        ];
        let mut problems: Vec<&str> = problems.into_iter().flatten().map(String::as_str).collect();
        // A folder that can't be entered is one problem, and not one a file.
        if self.is_closed {
            problems.truncate(1);
        }
        // One line, what helps with it too.
        let lines: Vec<&str> = problems.into_iter().flat_map(str::lines).map(str::trim).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }

    fn look_for_checkpoints(&mut self, dir: &Path) {
        let is_there = self.stamps.checkpoints.is_some();
        self.checkpoints = if is_there { checkpoint::steps_in_names(dir) } else { Vec::new() };
        // Names that can be seen, and a folder that can be entered: nothing to find out more slowly.
        let is_open = !self.checkpoints.is_empty() && fs::metadata(dir.join("checkpoints/.")).is_ok();
        self.checkpoints_problem = if is_open || self.is_closed { None } else { checkpoint::cannot_look(dir) };
    }

    fn count_snapshots(&mut self, dir: &Path) {
        if self.stamps.snapshots.is_none() {
            self.snapshots = 0;
            return;
        }
        self.snapshots = fs::read_dir(dir.join("snapshots")).map_or(0, |entries| {
            // Those under way or left half-written have a dot in front.
            entries.flatten().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count()
        });
    }
}

/// Why nothing in the folder may be looked at, if so.
fn closed(dir: &Path, stamps: &Stamps) -> Option<String> {
    if stamps.config.is_some() {
        return None;
    }
    let error = fs::metadata(dir.join("config.toml")).err()?;
    (error.kind() == ErrorKind::PermissionDenied).then(|| RunError::not_readable(dir, error).to_string())
}

fn config(dir: &Path) -> Result<Arc<ConfigValues>, String> {
    let path = dir.join("config.toml");
    let text = plain_file::read_text(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("{} is missing: it was moved or deleted", path.display()),
        _ => RunError::not_readable(&path, error).to_string(),
    })?;
    ConfigValues::of_run(&path, &text).map(Arc::new)
}

fn metrics(dir: &Path, config: &Result<Arc<ConfigValues>, String>) -> Result<Option<Newest>, String> {
    // Held-out losses are written whenever they are measured.
    let back = config.as_ref().map_or(0.0, |values| values.number("train.eval_every"));
    words(newest_metrics_within(dir, back as u64, LOOKED_THROUGH))
}

fn notes(dir: &Path, stamps: &Stamps) -> Result<Notes, String> {
    // Most runs have none: that was seen already.
    stamps.notes.map_or(Ok(Notes::default()), |_| Notes::of(dir).map_err(|error| error.to_string()))
}

fn words<T>(result: anyhow::Result<T>) -> Result<T, String> {
    result.map_err(|error| format!("{error:#}"))
}
