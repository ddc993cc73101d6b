//! The run's three growing files: metrics.jsonl, timestep_loss.jsonl and events.jsonl.

use std::path::Path;

use anyhow::Result;

use super::lines::{Lines, read, retain};
use super::records::{EventRecord, StepRecord, TimestepLossLine, TimestepLossRow};

const METRICS: &str = "metrics.jsonl";
const TIMESTEP_LOSS: &str = "timestep_loss.jsonl";
const EVENTS: &str = "events.jsonl";

/// The open files of a run.
pub struct Journal {
    metrics: Lines,
    timestep_loss: Lines,
    events: Lines,
    timesteps: usize,
}

impl Journal {
    /// Opens the files of the run in `dir` to append; `timesteps` is T.
    ///
    /// # Errors
    /// When one cannot be written to.
    pub fn open(dir: &Path, timesteps: usize) -> Result<Self> {
        Ok(Self {
            metrics: Lines::append_to(&dir.join(METRICS))?,
            timestep_loss: Lines::append_to(&dir.join(TIMESTEP_LOSS))?,
            events: Lines::append_to(&dir.join(EVENTS))?,
            timesteps,
        })
    }

    /// Cuts the files back to `step`, so that a run that goes on from there leaves no gap and no
    /// double. Events stay (they happened), but a torn last line goes.
    ///
    /// # Errors
    /// When a file cannot be rewritten; it is then as it was.
    pub fn cut_back(dir: &Path, step: u64) -> Result<()> {
        retain(&dir.join(METRICS), |line: &StepRecord| line.step <= step)?;
        retain(&dir.join(TIMESTEP_LOSS), |line: &TimestepLossLine| line.step <= step)?;
        retain(&dir.join(EVENTS), |_: &EventRecord| true)
    }

    pub fn step(&mut self, record: &StepRecord) -> Result<()> {
        self.metrics.write(record)
    }

    pub fn timestep_loss(&mut self, row: &TimestepLossRow) -> Result<()> {
        self.timestep_loss.write(&TimestepLossLine::new(row, self.timesteps))
    }

    pub fn event(&mut self, step: u64, kind: &str, what: &str) -> Result<()> {
        let time = jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        self.events.write(&EventRecord { time, step, kind: kind.into(), what: what.into() })
    }

    /// Makes sure that everything written so far is on the disk.
    pub fn sync(&self) -> Result<()> {
        self.metrics.sync()?;
        self.timestep_loss.sync()?;
        self.events.sync()
    }
}

/// The lines of the run's metrics.jsonl.
pub fn read_metrics(dir: &Path) -> Result<Vec<StepRecord>> {
    read(&dir.join(METRICS))
}

/// The rows of the run's timestep_loss.jsonl.
pub fn read_timestep_loss(dir: &Path) -> Result<Vec<TimestepLossRow>> {
    Ok(read::<TimestepLossLine>(&dir.join(TIMESTEP_LOSS))?.into_iter().map(TimestepLossLine::into_row).collect())
}

/// The lines of the run's events.jsonl.
pub fn read_events(dir: &Path) -> Result<Vec<EventRecord>> {
    read(&dir.join(EVENTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: u64) -> StepRecord {
        StepRecord {
            step,
            epoch: 0.1,
            loss: 0.5,
            loss_smoothed: 0.6,
            val_loss: (step == 2).then_some(0.7),
            lr: 1e-3,
            grad_norm: 1.0,
            images_per_s: 100.0,
            elapsed_s: 1.5,
        }
    }

    #[test]
    fn the_files_hold_the_promised_keys() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), 10).unwrap();
        journal.step(&record(1)).unwrap();
        journal.step(&record(2)).unwrap();
        let row = TimestepLossRow { step: 2, mean: vec![0.5, f32::NAN, 0.25], count: vec![3, 0, 1] };
        journal.timestep_loss(&row).unwrap();
        journal.event(2, "snapshot", "written").unwrap();
        let text = std::fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap();
        let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let keys: Vec<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected =
            ["step", "epoch", "loss", "loss_smoothed", "lr", "grad_norm", "images_per_s", "elapsed_s"].to_vec();
        expected.sort_unstable();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, expected);
        assert!(text.lines().nth(1).unwrap().contains("\"val_loss\":0.7"));
        let text = std::fs::read_to_string(dir.path().join("timestep_loss.jsonl")).unwrap();
        assert_eq!(text, "{\"step\":2,\"t\":[0,4,7],\"mean\":[0.5,null,0.25],\"count\":[3,0,1]}\n");
        let rows = read_timestep_loss(dir.path()).unwrap();
        assert!(rows[0].mean[1].is_nan() && rows[0].mean[2] == 0.25);
        assert_eq!(read_events(dir.path()).unwrap()[0].kind, "snapshot");
    }

    #[test]
    fn cutting_back_leaves_the_lines_up_to_the_checkpoint() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), 10).unwrap();
        (1..=5).for_each(|step| journal.step(&record(step)).unwrap());
        Journal::cut_back(dir.path(), 3).unwrap();
        let steps: Vec<u64> = read_metrics(dir.path()).unwrap().iter().map(|r| r.step).collect();
        assert_eq!(steps, [1, 2, 3]);
    }
}
