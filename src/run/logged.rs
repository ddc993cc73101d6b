//! What a run has logged, read as a whole, with how much of it can't be read.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::journal::{METRICS, TIMESTEP_LOSS};
use super::line_reading::for_each_line;
use super::records::{StepRecord, TimestepLossRow};
use super::row_line::read_row;
use crate::data::shown_path;
use crate::thousands::thousands;

/// The records of one file of a run, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Logged<T> {
    pub records: Vec<T>,
    pub unread: UnreadLines,
}

/// Whole lines of a file that are no records: something else wrote them, or the disk lost them. A last line without an
/// end is none of them: it is being written, or a kill has torn it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadLines {
    file: PathBuf,
    pub count: usize,
    /// The first of them, counted from 1; 0 where there is none.
    first: usize,
}

impl UnreadLines {
    /// "runs/a/metrics.jsonl: 2 lines can't be read, the first is line 17: they are left out"; `None` where all can.
    pub fn words(&self) -> Option<String> {
        let (file, first) = (shown_path(&self.file), thousands(self.first));
        match self.count {
            0 => None,
            1 => Some(format!("{file}: line {first} can't be read, and is left out")),
            n => Some(format!(
                "{file}: {} lines can't be read, the first is line {first}: they are left out",
                thousands(n)
            )),
        }
    }
}

/// The lines of the run's metrics.jsonl; none where there is no such file.
///
/// # Errors
/// When the file exists but cannot be read.
pub fn logged_metrics(dir: &Path) -> Result<Logged<StepRecord>> {
    logged(&dir.join(METRICS), |line| serde_json::from_slice(line).ok())
}

/// The rows of the run's timestep_loss.jsonl; none where there is no such file.
///
/// # Errors
/// When the file exists but cannot be read.
pub fn logged_timestep_loss(dir: &Path) -> Result<Logged<TimestepLossRow>> {
    logged(&dir.join(TIMESTEP_LOSS), read_row)
}

fn logged<T>(file: &Path, read: impl Fn(&[u8]) -> Option<T>) -> Result<Logged<T>> {
    let (mut records, mut lines) = (Vec::new(), 0);
    let mut unread = UnreadLines { file: file.to_path_buf(), count: 0, first: 0 };
    for_each_line(file, |line| {
        lines += 1;
        match read(line) {
            Some(record) => records.push(record),
            // Says nothing, and was to say nothing.
            None if line.iter().all(u8::is_ascii_whitespace) => {}
            None => {
                unread.count += 1;
                unread.first = if unread.first == 0 { lines } else { unread.first };
            }
        }
    })?;
    Ok(Logged { records, unread })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lines_that_are_no_records_are_counted_and_one_that_has_no_end_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let line = |step| serde_json::to_string(&StepRecord::at(step)).unwrap() + "\n";
        let written = |text: String| {
            fs::write(dir.path().join(METRICS), text).unwrap();
            let logged = logged_metrics(dir.path()).unwrap();
            let steps: Vec<u64> = logged.records.iter().map(|record| record.step).collect();
            (steps, logged.unread.words())
        };
        assert_eq!(logged_metrics(dir.path()).unwrap().unread.words(), None, "there is no file");
        assert_eq!(written(line(1) + "\n" + &line(2) + "{\"step\":3,\"ep"), (vec![1, 2], None));
        let (steps, said) = written(line(1) + "x\n" + &line(2));
        assert!(steps == [1, 2] && said.unwrap().ends_with("metrics.jsonl: line 2 can't be read, and is left out"));
        let (steps, said) = written(line(1) + &line(2) + "\0\0\n{}\n" + &line(3));
        assert_eq!(steps, [1, 2, 3]);
        assert!(said.unwrap().ends_with("2 lines can't be read, the first is line 3: they are left out"));
        fs::write(dir.path().join(TIMESTEP_LOSS), "[]\n").unwrap();
        let rows = logged_timestep_loss(dir.path()).unwrap();
        assert!(rows.records.is_empty() && rows.unread.count == 1);
    }
}
