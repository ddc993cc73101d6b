//! Run folders for tests of lists.

use std::fs;
use std::path::{Path, PathBuf};

use super::listing::Catalogue;
use crate::config::Config;
use crate::run::journal::Journal;
use crate::run::records::StepRecord;

/// A line of metrics.jsonl.
pub fn record(step: u64, loss: f64, val_loss: Option<f64>) -> StepRecord {
    StepRecord { epoch: step as f64 / 100.0, loss, loss_smoothed: loss, val_loss, ..StepRecord::at(step) }
}

/// Makes a run of so many steps in `place`, with `sets` over the defaults, its held-out loss measured at its fifth
/// last step, and a last event of the kind `end`.
pub fn make(place: &Path, name: &str, sets: &[&str], steps: u64, end: &str) -> PathBuf {
    let dir = place.join(name);
    fs::create_dir_all(dir.join("checkpoints/step-00000005")).unwrap();
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_string()).collect();
    let config = Config::default().with_overrides(&sets).unwrap();
    fs::write(dir.join("config.toml"), config.to_toml()).unwrap();
    fs::write(dir.join(".lock"), "").unwrap();
    let mut journal = Journal::open(&dir, 1000).unwrap();
    journal.event(0, "start", "");
    for step in 1..=steps {
        let val_loss = (step + 4 == steps).then(|| 0.5 / config.train.learning_rate.max(1e-9) * 1e-3);
        journal.step(&record(step, 1.0 / step as f64, val_loss));
    }
    journal.event(steps, end, "saved");
    journal.flush().unwrap();
    dir
}

/// The catalogue of a place, read.
pub fn read(place: &Path) -> Catalogue {
    let mut catalogue = Catalogue::new(place);
    catalogue.refresh().unwrap();
    catalogue
}
