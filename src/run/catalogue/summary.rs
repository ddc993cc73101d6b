//! One run at a glance.

use std::path::Path;

use serde::Serialize;

use super::config_values::Parent;
use super::reading::RunReading;
use super::state::RunState;

/// What a list of runs says about one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Name of the folder; of one that lies in an experiment's folder, with that: "sweep/lr=1e-3".
    pub run: String,
    /// The experiment's name and data; empty, like all that follows from config.toml, when that does not read.
    pub name: String,
    pub dataset: String,
    /// "unet 16-32-64", "mlp 3x128".
    pub network: String,
    /// Path, target and schedule, by the config's words; no schedule where the path has none.
    pub path: String,
    pub target: String,
    pub schedule: String,
    /// Steps done, and in the whole run; `None` where that can't be read.
    pub step: Option<u64>,
    pub steps: Option<u64>,
    /// Newest smoothed loss and held-out loss.
    pub loss: Option<f64>,
    pub val_loss: Option<f64>,
    /// Time spent training, in seconds.
    pub elapsed_s: f64,
    pub state: RunState,
    /// Why it is so, where that is more than the word says.
    pub why: Option<String>,
    pub tags: Vec<String>,
    /// Empty: none.
    pub note: String,
    /// The run that a fork comes from.
    pub parent: Option<Parent>,
    /// Steps of the checkpoints, oldest first.
    pub checkpoints: Vec<u64>,
    /// Why they cannot be looked for, if so.
    pub checkpoints_problem: Option<String>,
    pub snapshots: usize,
    /// When something was last written, RFC 3339; empty where that can't be seen.
    pub last_written: String,
    /// Why the run cannot be read, if so.
    pub problem: Option<String>,
}

impl Summary {
    /// Looks a run folder through. Never fails: what cannot be read is said in `problem`.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::from(&name, &RunReading::of(path))
    }

    /// From what was read of a run.
    pub(super) fn from(run: &str, reading: &RunReading) -> Self {
        let values = reading.values();
        let word = |path: &str| values.map(|values| values.word(path).to_string()).unwrap_or_default();
        let newest = reading.newest();
        let record = newest.map(|(record, _)| record);
        let step = record.map_or(0, |record| record.step);
        let steps = values.map(|values| values.number("train.steps") as u64);
        let (state, why) = reading.state(step, steps.unwrap_or(0));
        let encodes = word("model.kind") == "autoencoder";
        let of_diffusion = |key: &str| if encodes { String::new() } else { word(key) };
        let path = of_diffusion("diffusion.path");
        let written = reading.stamps().last_written().and_then(|time| jiff::Timestamp::try_from(time).ok());
        let written = written.map(|time| time.to_zoned(jiff::tz::TimeZone::system()));
        let notes = reading.notes();
        Self {
            run: run.to_string(),
            name: word("name"),
            dataset: word("data.dataset"),
            network: values.map(|values| values.network()).unwrap_or_default(),
            target: of_diffusion("diffusion.prediction_type"),
            schedule: if path == "vp" { word("diffusion.schedule") } else { String::new() },
            path,
            step: reading.is_measured().then_some(step),
            steps,
            loss: record.map(|record| record.loss_smoothed),
            val_loss: newest.and_then(|(_, val_loss)| *val_loss),
            elapsed_s: record.map_or(0.0, |record| record.elapsed_s),
            state,
            why,
            tags: notes.map(|notes| notes.tags.iter().cloned().collect()).unwrap_or_default(),
            note: notes.map(|notes| notes.note.clone()).unwrap_or_default(),
            parent: values.and_then(|values| values.parent.clone()),
            checkpoints: reading.checkpoints().to_vec(),
            checkpoints_problem: reading.checkpoints_problem().map(str::to_string),
            snapshots: reading.snapshots(),
            last_written: written.map_or(String::new(), |time| time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()),
            problem: reading.problem(),
        }
    }
}
