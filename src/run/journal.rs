//! The run's three growing files: metrics.jsonl, timestep_loss.jsonl and events.jsonl.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use anyhow::Result;

use super::cut_back::{LineFate, retain, retain_in_halves};
use super::error::RunError;
use super::gaps::{StepsSeen, steps_between};
use super::line_reading::{from_the_end, from_the_end_within, read};
use super::lines::Lines;
use super::merged_rows::MergedRows;
use super::records::{EventRecord, StepRecord, TimestepLossLine, TimestepLossRow};
use super::row_line::read_row;
use super::skim::skim;
use super::thinned::Thinned;
use crate::process::plain_file;

pub const METRICS: &str = "metrics.jsonl";
pub const TIMESTEP_LOSS: &str = "timestep_loss.jsonl";
pub const EVENTS: &str = "events.jsonl";
/// In the order of [`Journal::files`].
const NAMES: [&str; 3] = [METRICS, TIMESTEP_LOSS, EVENTS];

/// What [`Journal::cut_back`] has left.
pub struct CutBack {
    /// The run's time at its last line; 0 where there is none.
    pub elapsed_s: f64,
    /// What of the history is missing, double or unreadable, in sentences.
    pub doubts: Vec<String>,
    /// As much of metrics.jsonl as a screen can show.
    pub steps: Vec<StepRecord>,
    /// The same of timestep_loss.jsonl.
    pub rows: Vec<TimestepLossRow>,
}

fn unreadable_lines(file: &str, count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("a line of {file} can't be read and is removed")),
        _ => Some(format!("{count} lines of {file} can't be read and are removed")),
    }
}

/// Cuts metrics.jsonl back to `step`: what a screen can show of it, and what is wrong with it.
fn cut_steps(dir: &Path, (from, step): (u64, u64), every: u64) -> Result<(Vec<StepRecord>, Vec<String>)> {
    let path = dir.join(METRICS);
    let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
    // A part of the file that begins later knows nothing of the steps before it.
    let begin = |start| {
        let seen = if start == 0 { StepsSeen::since(from) } else { StepsSeen::default() };
        (seen, Thinned::of(bytes, start))
    };
    let (parts, unreadable) = retain_in_halves(&path, begin, |(history, thinned), line| match skim(line) {
        Some(skimmed) if skimmed.step <= step => {
            history.see(skimmed.step);
            thinned.see(line, skimmed);
            LineFate::Stays
        }
        Some(_) => LineFate::Goes,
        None => LineFate::Unreadable,
    })?;
    let whole = parts.into_iter().reduce(|a, b| (a.0.then(&b.0), a.1.then(b.1)));
    let (history, thinned) = whole.unwrap_or_else(|| begin(0));
    let mut doubts = history.doubts(METRICS, step, every);
    doubts.extend(unreadable_lines(METRICS, unreadable));
    let newest = newest_metrics(dir, 0)?.map(|(record, _)| record);
    Ok((thinned.finish(newest), doubts))
}

/// The same of timestep_loss.jsonl.
fn cut_rows(path: &Path, step: u64) -> Result<(Vec<TimestepLossRow>, Option<String>)> {
    let mut merged = MergedRows::default();
    let unreadable = retain(path, |line| match read_row(line) {
        Some(row) if row.step <= step => {
            merged.push(row);
            LineFate::Stays
        }
        Some(_) => LineFate::Goes,
        None => LineFate::Unreadable,
    })?;
    Ok((merged.finish(), unreadable_lines(TIMESTEP_LOSS, unreadable)))
}

/// The open files of a run.
pub struct Journal {
    metrics: Lines,
    timestep_loss: Lines,
    events: Lines,
    timesteps: usize,
    /// Of the newest line of [`METRICS`] that was pushed, and of the newest that was surely written.
    pushed_step: u64,
    written_step: u64,
    /// What others have cut off and nobody has been told of.
    cut: Vec<String>,
}

impl Journal {
    /// Opens the files of the run in `dir` to append; `timesteps` is T.
    ///
    /// # Errors
    /// When one cannot be written to.
    pub fn open(dir: &Path, timesteps: usize) -> Result<Self> {
        let step = newest_step(&dir.join(METRICS));
        Ok(Self {
            metrics: Lines::append_to(&dir.join(METRICS))?,
            timestep_loss: Lines::append_to(&dir.join(TIMESTEP_LOSS))?,
            events: Lines::append_to(&dir.join(EVENTS))?,
            timesteps,
            pushed_step: step,
            written_step: step,
            cut: Vec::new(),
        })
    }

    /// Cuts the files back to `step`, so that a run that goes on from there leaves no gap and no
    /// double. Events stay (they happened), but a torn last line goes. `from`: where the run began, 0 but for forks;
    /// `every`: steps between two lines.
    ///
    /// # Errors
    /// When a file cannot be rewritten; it is then as it was.
    pub fn cut_back(dir: &Path, (from, step): (u64, u64), every: u64) -> Result<CutBack> {
        // The two large files at once.
        let (steps, rows) = thread::scope(|scope| {
            let rows = scope.spawn(|| cut_rows(&dir.join(TIMESTEP_LOSS), step));
            (cut_steps(dir, (from, step), every), rows.join())
        });
        let (steps, mut doubts) = steps?;
        // A panic goes on here.
        let (rows, more) = rows.unwrap_or_else(|panic| resume_unwind(panic))?;
        doubts.extend(more);
        let unreadable = retain(&dir.join(EVENTS), |line| LineFate::of(line, |_: EventRecord| true))?;
        doubts.extend(unreadable_lines(EVENTS, unreadable));
        Ok(CutBack { elapsed_s: steps.last().map_or(0.0, |line| line.elapsed_s), doubts, steps, rows })
    }

    /// Adds a step; like every line it waits for [`Self::flush`].
    pub fn step(&mut self, record: &StepRecord) {
        self.metrics.push(record);
        self.pushed_step = record.step;
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
        // Lines that follow would hide that others have cut some off.
        let looked = self.see_what_others_cut_off();
        // Each tries for itself: there may be room for one.
        let results = self.files().map(Lines::flush);
        if self.metrics.waiting() == 0 {
            self.written_step = self.pushed_step;
        }
        looked.and(results.into_iter().collect())
    }

    /// What other programs have cut off these files since this was last asked, a sentence each.
    pub fn cut_by_others(&mut self) -> Vec<String> {
        // A file that cannot be looked at is met by the next write.
        let _ = self.see_what_others_cut_off();
        std::mem::take(&mut self.cut)
    }

    fn see_what_others_cut_off(&mut self) -> io::Result<()> {
        for (lines, name) in [&mut self.metrics, &mut self.timestep_loss, &mut self.events].into_iter().zip(NAMES) {
            if !lines.was_cut_by_others()? {
                continue;
            }
            let left = if name == METRICS { newest_step(lines.path()) } else { u64::MAX };
            let lost = match left < self.written_step {
                true => format!("the lines of {} are lost", steps_between(left + 1, self.written_step)),
                false => "lines of it are lost".into(),
            };
            self.cut.push(format!("another program has cut {name} off: {lost}"));
        }
        Ok(())
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
        self.see_what_others_cut_off()?;
        self.files().into_iter().zip(NAMES).try_for_each(|(lines, name)| lines.copy_to(&dir.join(name)))
    }

    fn files(&mut self) -> [&mut Lines; 3] {
        [&mut self.metrics, &mut self.timestep_loss, &mut self.events]
    }
}

/// The step of the newest line in a file; 0 where there is none that can be read.
fn newest_step(path: &Path) -> u64 {
    let mut step = 0;
    // One that cannot be read has none.
    let _ = from_the_end(path, |line| match skim(line) {
        Some(skimmed) => {
            step = skimmed.step;
            false
        }
        None => true,
    });
    step
}

/// The lines of the run's metrics.jsonl.
pub fn read_metrics(dir: &Path) -> Result<Vec<StepRecord>> {
    read(&dir.join(METRICS))
}

/// The newest line of the run's metrics.jsonl that can be read, and the newest held-out loss, which is looked for up to
/// `back` steps before it.
///
/// # Errors
/// When the file exists but cannot be read, or has lines of which none is one of metrics.
pub fn newest_metrics(dir: &Path, back: u64) -> Result<Option<(StepRecord, Option<f64>)>> {
    newest_metrics_within(dir, back, u64::MAX)
}

/// The same of the last `most` bytes of the file.
///
/// # Errors
/// As [`newest_metrics`].
pub fn newest_metrics_within(dir: &Path, back: u64, most: u64) -> Result<Option<(StepRecord, Option<f64>)>> {
    let mut newest: Option<(StepRecord, Option<f64>)> = None;
    let (path, mut lines) = (dir.join(METRICS), 0);
    from_the_end_within(&path, most, |line| {
        lines += 1;
        if newest.is_some() && !skim(line).is_some_and(|skimmed| skimmed.held_out) {
            let far = |last: &StepRecord| skim(line).is_some_and(|skimmed| skimmed.step + back < last.step);
            return !newest.as_ref().is_some_and(|(last, _)| far(last));
        }
        let Ok(record) = serde_json::from_slice::<StepRecord>(line) else { return true };
        let held_out = record.val_loss;
        newest.get_or_insert((record, None)).1 = held_out;
        held_out.is_none()
    })?;
    match newest {
        None if lines > 0 || !begins_as_a_line(&path)? => Err(RunError::NoMetrics(path).into()),
        newest => Ok(newest),
    }
}

/// Is a file without a whole line the beginning of one, as far as its first byte says?
fn begins_as_a_line(path: &Path) -> Result<bool> {
    let mut first = [b'{'];
    match plain_file::open(path).and_then(|(mut file, _)| file.read(&mut first)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RunError::not_readable(path, error).into()),
        _ => Ok(first == [b'{']),
    }
}

/// The lines of the run's events.jsonl.
pub fn read_events(dir: &Path) -> Result<Vec<EventRecord>> {
    read(&dir.join(EVENTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: u64) -> StepRecord {
        StepRecord { val_loss: (step == 2).then_some(0.7), elapsed_s: 1.5, ..StepRecord::at(step) }
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
        let rows = Journal::cut_back(dir.path(), (0, 2), 1).unwrap().rows;
        assert!(rows[0].mean[1].is_nan() && rows[0].mean[2] == 0.25);
        assert_eq!(read_events(dir.path()).unwrap()[0].kind, "snapshot");
    }

    #[test]
    fn the_newest_line_is_found_with_the_newest_held_out_loss_before_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(newest_metrics(dir.path(), 10).unwrap().is_none());
        let mut journal = Journal::open(dir.path(), 10).unwrap();
        (1..=1000).for_each(|step| journal.step(&record(step)));
        journal.flush().unwrap();
        let newest = |back| newest_metrics(dir.path(), back).unwrap().map(|(line, val_loss)| (line.step, val_loss));
        assert_eq!(newest(1000), Some((1000, Some(0.7))));
        assert_eq!(newest(100), Some((1000, None)));
        journal.step(&StepRecord { val_loss: Some(0.2), ..record(1001) });
        journal.flush().unwrap();
        assert_eq!(newest(0), Some((1001, Some(0.2))));
        let mut file = std::fs::OpenOptions::new().append(true).open(dir.path().join(METRICS)).unwrap();
        std::io::Write::write_all(&mut file, b"noise\n{\"step\":1002").unwrap();
        assert_eq!(newest(0), Some((1001, Some(0.2))), "what can't be read is passed over");
    }

    #[test]
    fn what_is_no_file_of_metrics_is_said_and_a_torn_first_line_is_nothing_yet() {
        let dir = tempfile::tempdir().unwrap();
        let newest = |bytes: &[u8]| {
            std::fs::write(dir.path().join(METRICS), bytes).unwrap();
            newest_metrics(dir.path(), 0).map(|newest| newest.is_some()).map_err(|error| error.to_string())
        };
        for bytes in [&b"noise\nmore\n"[..], b"\x00\x91\n\xff", &[0; 5000], b"\xffno line"] {
            assert!(newest(bytes).unwrap_err().contains("metrics.jsonl can't be read as metrics"), "{bytes:?}");
        }
        assert_eq!((newest(b""), newest(b"{\"step\":1,\"ep")), (Ok(false), Ok(false)));
        let line = serde_json::to_string(&record(3)).unwrap() + "\n";
        assert_eq!(newest(format!("{line}noise\n").as_bytes()), Ok(true));
    }

    #[test]
    fn what_others_cut_off_is_said_once_and_nothing_is_written_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(METRICS);
        let mut journal = Journal::open(dir.path(), 10).unwrap();
        (1..=5).for_each(|step| journal.step(&record(step)));
        journal.flush().unwrap();
        assert!(journal.cut_by_others().is_empty());
        // In the middle of a line; what waits is written behind what is left.
        let text = std::fs::read_to_string(&path).unwrap();
        let third = text.match_indices('\n').nth(2).unwrap().0;
        let cut = |length: u64| std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
        cut(third as u64 - 4);
        journal.step(&record(6));
        journal.flush().unwrap();
        let said = journal.cut_by_others();
        assert!(said.len() == 1 && said[0].contains("cut metrics.jsonl off: the lines of steps 3 to 5 "), "{said:?}");
        assert!(journal.cut_by_others().is_empty());
        let steps = || read_metrics(dir.path()).unwrap().iter().map(|line| line.step).collect::<Vec<_>>();
        assert_eq!(steps(), [1, 2, 6]);
        // Emptied, and noticed before the next line.
        cut(0);
        let said = journal.cut_by_others();
        assert!(said.len() == 1 && said[0].contains("steps 1 to 6"), "{said:?}");
        journal.step(&record(7));
        journal.flush().unwrap();
        assert_eq!(steps(), [7]);
        assert!(std::fs::read_to_string(&path).unwrap().ends_with('\n'));
        cut(0);
        assert!(journal.cut_by_others()[0].contains("the lines of steps 1 to 7 "));
        journal.event(7, "note", "");
        journal.flush().unwrap();
        std::fs::write(dir.path().join(EVENTS), "").unwrap();
        assert!(journal.cut_by_others()[0].contains("events.jsonl"));
    }

    #[test]
    fn cutting_back_leaves_the_lines_up_to_the_checkpoint() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), 10).unwrap();
        (1..=5).for_each(|step| journal.step(&record(step)));
        journal.flush().unwrap();
        let left = Journal::cut_back(dir.path(), (0, 3), 1).unwrap();
        assert!(left.doubts.is_empty(), "{:?}", left.doubts);
        let steps: Vec<u64> = read_metrics(dir.path()).unwrap().iter().map(|r| r.step).collect();
        assert_eq!(steps, [1, 2, 3]);
    }

    #[test]
    fn what_is_missing_double_or_unreadable_in_a_history_is_told() {
        let doubts = |steps: &[u64], more: &str, step: u64, every: u64| {
            let dir = tempfile::tempdir().unwrap();
            let lines = steps.iter().map(|step| serde_json::to_string(&record(*step)).unwrap() + "\n");
            std::fs::write(dir.path().join(METRICS), lines.collect::<String>() + more).unwrap();
            Journal::cut_back(dir.path(), (0, step), every).unwrap().doubts.join("; ")
        };
        let whole: Vec<u64> = (1..=30).collect();
        assert_eq!(doubts(&whole, "", 30, 1), "");
        assert_eq!(doubts(&[10, 20, 30], "", 30, 10), "");
        // Every tenth step was logged once, every one is now.
        assert_eq!(doubts(&[10, 20, 21, 22, 23], "", 23, 1), "");
        assert!(doubts(&[], "", 30, 1).contains("steps 1 to 30"));
        assert!(doubts(&whole[..20], "", 30, 1).contains("steps 21 to 30"));
        assert!(doubts(&[1, 2, 3, 9, 10], "", 10, 1).contains("steps 4 to 8"));
        assert!(doubts(&[1, 2, 3, 4, 6, 7], "", 7, 1).contains("no line of step 5:"));
        assert!(doubts(&[1, 2, 3, 1, 2, 3], "", 3, 1).contains("twice"));
        assert!(doubts(&whole, "noise\nmore noise\n", 30, 1).contains("2 lines of metrics.jsonl"));
        assert_eq!(doubts(&whole, "{\"step\":31,\"los", 30, 1), "", "a torn last line is what a kill leaves");
    }
}
