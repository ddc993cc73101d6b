//! One run at a glance, for `difflab runs`.

use std::path::Path;

use serde::Serialize;

use super::checkpoint;
use super::dir::config_of;
use super::find::last_written;
use super::journal::newest_metrics;

/// What a list of runs says about one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Name of the folder.
    pub run: String,
    /// The experiment's name and data; empty when config.toml does not read.
    pub name: String,
    pub dataset: String,
    /// Steps done, and in the whole run.
    pub step: u64,
    pub steps: u64,
    /// Newest smoothed loss and held-out loss.
    pub loss: Option<f64>,
    pub val_loss: Option<f64>,
    /// Time spent training, in seconds.
    pub elapsed_s: f64,
    /// Steps of the checkpoints, oldest first.
    pub checkpoints: Vec<u64>,
    /// Why they cannot be looked for, if so.
    pub checkpoints_problem: Option<String>,
    pub snapshots: usize,
    /// When something was last written, RFC 3339.
    pub last_written: String,
    /// Why the run cannot be read, if so.
    pub problem: Option<String>,
}

impl Summary {
    /// Looks a run folder through. Never fails: what cannot be read is said in `problem`.
    pub fn of(path: &Path) -> Self {
        let config = config_of(path);
        // Held-out losses are written whenever they are measured.
        let metrics = newest_metrics(path, config.as_ref().map_or(0, |config| config.train.eval_every));
        let problem = match (&config, &metrics) {
            (Err(error), _) | (_, Err(error)) => Some(format!("{error:#}")),
            _ => None,
        };
        let config = config.ok();
        let newest = metrics.ok().flatten();
        let last = newest.as_ref().map(|(record, _)| record);
        let written = jiff::Timestamp::try_from(last_written(path)).unwrap_or_default();
        let written = written.to_zoned(jiff::tz::TimeZone::system());
        Self {
            run: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            name: config.as_ref().map(|c| c.name.clone()).unwrap_or_default(),
            dataset: config.as_ref().map(|c| c.data.dataset.clone()).unwrap_or_default(),
            step: last.map_or(0, |record| record.step),
            steps: config.as_ref().map_or(0, |c| c.train.steps),
            loss: last.map(|record| record.loss_smoothed),
            val_loss: newest.as_ref().and_then(|(_, val_loss)| *val_loss),
            elapsed_s: last.map_or(0.0, |record| record.elapsed_s),
            checkpoints: checkpoint::all(path).into_iter().map(|(step, _)| step).collect(),
            checkpoints_problem: checkpoint::cannot_look(path),
            snapshots: std::fs::read_dir(path.join("snapshots")).map_or(0, |entries| {
                // Those under way or left half-written have a dot in front.
                entries.flatten().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count()
            }),
            last_written: written.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            problem,
        }
    }
}
