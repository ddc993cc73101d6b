//! The run's three growing files: metrics.jsonl, timestep_loss.jsonl and events.jsonl.

use std::io;
use std::path::Path;

use anyhow::Result;

use super::lines::{Lines, read, retain};
use super::records::{EventRecord, StepRecord, TimestepLossLine, TimestepLossRow};

const METRICS: &str = "metrics.jsonl";
const TIMESTEP_LOSS: &str = "timestep_loss.jsonl";
const EVENTS: &str = "events.jsonl";
/// In the order of [`Journal::files`].
const NAMES: [&str; 3] = [METRICS, TIMESTEP_LOSS, EVENTS];

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
    /// double. Events stay (they happened), but a torn last line goes. Returns the last step that is left.
    ///
    /// # Errors
    /// When a file cannot be rewritten; it is then as it was.
    pub fn cut_back(dir: &Path, step: u64) -> Result<Option<StepRecord>> {
        let last = retain(&dir.join(METRICS), |line: &StepRecord| line.step <= step)?;
        retain(&dir.join(TIMESTEP_LOSS), |line: &TimestepLossLine| line.step <= step)?;
        retain(&dir.join(EVENTS), |_: &EventRecord| true)?;
        Ok(last)
    }

    /// Adds a step; like every line it waits for [`Self::flush`].
    pub fn step(&mut self, record: &StepRecord) {
        self.metrics.push(record);
    }

    pub fn timestep_loss(&mut self, row: &TimestepLossRow) {
        self.timestep_loss.push(&TimestepLossLine::new(row, self.timesteps));
    }

    pub fn event(&mut self, step: u64, kind: &str, what: &str) {
        let time = jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        self.events.push(&EventRecord { time, step, kind: kind.into(), what: what.into() });
    }

    /// Writes the lines that wait. Those that could not be written go on waiting.
    ///
    /// # Errors
    /// When the disk is full or gone; the files end in whole lines even then.
    pub fn flush(&mut self) -> io::Result<()> {
        // Each tries for itself: there may be room for one.
        let results = self.files().map(Lines::flush);
        results.into_iter().collect()
    }

    /// Bytes of lines that wait.
    pub fn waiting(&self) -> usize {
        self.metrics.waiting() + self.timestep_loss.waiting() + self.events.waiting()
    }

    /// Makes sure that everything written so far is on the disk.
    ///
    /// # Errors
    /// When something still waits, or the disk does not answer.
    pub fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.files().map(Lines::sync).into_iter().collect()
    }

    /// The run folder was renamed, with the files in it.
    pub fn moved_to(&mut self, dir: &Path) {
        for (lines, name) in self.files().into_iter().zip(NAMES) {
            lines.moved_to(&dir.join(name));
        }
    }

    /// The names of the files that are no longer where they were.
    pub fn missing(&mut self) -> Vec<&'static str> {
        let files = self.files();
        NAMES.into_iter().zip(files).filter(|(_, lines)| !lines.in_place()).map(|(name, _)| name).collect()
    }

    /// Writes those files anew in `dir`, whole, that are not in their place there.
    ///
    /// # Errors
    /// When one cannot be written; it goes on as it was then.
    pub fn rewrite_missing(&mut self, dir: &Path) -> io::Result<()> {
        for (lines, name) in self.files().into_iter().zip(NAMES) {
            let path = dir.join(name);
            if !lines.in_place() {
                lines.rewrite(&path)?;
            }
        }
        Ok(())
    }

    /// Writes all lines, those that wait too, into files in the folder `dir`.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn copy_to(&mut self, dir: &Path) -> io::Result<()> {
        self.files().into_iter().zip(NAMES).try_for_each(|(lines, name)| lines.copy_to(&dir.join(name)))
    }

    fn files(&mut self) -> [&mut Lines; 3] {
        [&mut self.metrics, &mut self.timestep_loss, &mut self.events]
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
        journal.step(&record(1));
        journal.step(&record(2));
        let row = TimestepLossRow { step: 2, mean: vec![0.5, f32::NAN, 0.25], count: vec![3, 0, 1] };
        journal.timestep_loss(&row);
        journal.event(2, "snapshot", "written");
        journal.flush().unwrap();
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
        (1..=5).for_each(|step| journal.step(&record(step)));
        journal.flush().unwrap();
        Journal::cut_back(dir.path(), 3).unwrap();
        let steps: Vec<u64> = read_metrics(dir.path()).unwrap().iter().map(|r| r.step).collect();
        assert_eq!(steps, [1, 2, 3]);
    }
}
