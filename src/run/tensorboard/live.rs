//! Events as they come, in the run's own folder. What can't be written waits; what waits too long is let go, and said: the
//! run's other files have it all.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::cut::{cut_back, event_files};
use super::event::{self, LoggedPicture};
use super::whole::{export, free_name};
use super::{record, tags};
use crate::run::durable::make_folder;
use crate::run::logged::{logged_metrics, logged_timestep_loss};
use crate::run::records::{StepRecord, TimestepLossRow};

/// The folder in a run's folder.
pub const FOLDER: &str = "tensorboard";

/// Bytes that may wait.
const MOST_WAITING: usize = 4 << 20;

/// The event file of a session.
pub struct LiveEvents {
    dir: PathBuf,
    /// The file and its length in whole records, once it is there.
    file: Option<(PathBuf, File, u64)>,
    /// Whole records.
    waiting: Vec<u8>,
    /// Was the last write torn?
    torn: bool,
    /// The newest step of each tag.
    newest: HashMap<String, u64>,
    /// Where the session begins.
    from: u64,
    /// The first and the last step of which something was let go.
    lost: Option<(u64, u64)>,
}

impl LiveEvents {
    /// Those of the run in `run`, which is at `step`: event files of earlier sessions are cut back to it; where there are
    /// none, what the run has logged until now is written first. Returns what the user should know as well.
    pub fn open(run: &Path, step: u64) -> (Self, Option<String>) {
        let dir = run.join(FOLDER);
        let (mut newest, mut problem) = (HashMap::new(), None);
        let past = match event_files(&dir).is_empty() {
            true if step > 0 => logged(run).and_then(|(steps, rows)| export(run, (&steps, &rows), &dir).map(|_| ())),
            _ => Ok(()),
        };
        match past.and_then(|()| Ok(cut_back(&dir, step)?)) {
            Ok(found) => newest = found,
            Err(error) => {
                problem = Some(format!(
                    "TensorBoard's events up to step {step} are not as they should be ({error:#}): steps may be missing in \
                     {} or stand twice; `difflab export-logs` writes them all",
                    dir.display()
                ));
            }
        }
        (Self { dir, file: None, waiting: Vec::new(), torn: false, newest, from: step, lost: None }, problem)
    }

    /// Adds a line of metrics; like all events it waits for [`Self::flush`].
    pub fn step(&mut self, record: &StepRecord) {
        self.add_scalars(record.step, &tags::of_step(record));
    }

    pub fn timestep_loss(&mut self, row: &TimestepLossRow) {
        self.add_scalars(row.step, &tags::of_row(row));
    }

    /// Adds a preview, or a snapshot's grid, as a PNG.
    pub fn picture(&mut self, step: u64, png: &[u8], snapshot: bool) {
        let tag = if snapshot { tags::SNAPSHOT } else { tags::PREVIEW };
        if let Some(picture) = LoggedPicture::of(png)
            && self.is_new(tag, step)
        {
            self.add(step, &event::picture(now(), step, tag, &picture));
        }
    }

    fn add_scalars(&mut self, step: u64, values: &[(&str, f64)]) {
        let new: Vec<(&str, f64)> = values.iter().filter(|(tag, _)| self.is_new(tag, step)).copied().collect();
        if !new.is_empty() {
            self.add(step, &event::scalars(now(), step, &new));
        }
    }

    /// Is there nothing of this step or a later one under this tag yet? From now on there is.
    fn is_new(&mut self, tag: &str, step: u64) -> bool {
        let is_new = self.newest.get(tag).is_none_or(|newest| *newest < step);
        if is_new {
            self.newest.insert(tag.into(), step);
        }
        is_new
    }

    fn add(&mut self, step: u64, event: &[u8]) {
        if self.waiting.len() + event.len() > MOST_WAITING && !self.waiting.is_empty() {
            let first = self.lost.map_or(step, |(first, _)| first);
            self.lost = Some((first, step));
            return;
        }
        record::put(&mut self.waiting, event);
    }

    /// Writes what waits. What could not be written goes on waiting, and the file ends in a whole record.
    ///
    /// # Errors
    /// When the disk is full or gone.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let (_, file, length) = match &mut self.file {
            Some(file) => file,
            none => {
                let begun = begin(&self.dir, self.from)?;
                none.insert(begun)
            }
        };
        if self.torn {
            file.set_len(*length)?;
            self.torn = false;
        }
        match file.write_all(&self.waiting) {
            Ok(()) => {
                *length += self.waiting.len() as u64;
                self.waiting.clear();
                Ok(())
            }
            Err(error) => {
                // Best effort: it is tried again before the next write.
                self.torn = file.set_len(*length).is_err();
                Err(error)
            }
        }
    }

    /// What was let go since this was last asked, once something can be written again.
    pub fn lost(&mut self) -> Option<String> {
        let (first, last) = if self.waiting.is_empty() { self.lost.take()? } else { return None };
        let steps = if first == last { format!("step {first}") } else { format!("steps {first} to {last}") };
        Some(format!(
            "TensorBoard's events of {steps} are lost in {}, since too many waited to be written; metrics.jsonl has them, \
             and `difflab export-logs` writes them",
            self.dir.display()
        ))
    }

    /// The run folder was renamed, with the file in it.
    pub fn moved_to(&mut self, run: &Path) {
        self.dir = run.join(FOLDER);
        if let Some((path, ..)) = &mut self.file {
            *path = self.dir.join(path.file_name().unwrap_or_default());
        }
    }

    /// Is the file still there, if there was one?
    pub fn in_place(&self) -> bool {
        self.file.as_ref().is_none_or(|(path, ..)| path.exists())
    }
}

/// A new file, with what its reader has to know first.
fn begin(dir: &Path, from: u64) -> io::Result<(PathBuf, File, u64)> {
    make_folder(dir)?;
    let path = free_name(dir, now());
    let mut head = Vec::new();
    record::put(&mut head, &event::version(now()));
    if from > 0 {
        // Who has read on meanwhile what was cut back forgets it.
        record::put(&mut head, &event::session_starts(now(), from + 1));
    }
    let mut file = OpenOptions::new().append(true).create_new(true).open(&path)?;
    if let Err(error) = file.write_all(&head) {
        let _ = std::fs::remove_file(&path);
        return Err(error);
    }
    Ok((path, file, head.len() as u64))
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// What the run has logged until now.
fn logged(run: &Path) -> anyhow::Result<(Vec<StepRecord>, Vec<TimestepLossRow>)> {
    Ok((logged_metrics(run)?.records, logged_timestep_loss(run)?.records))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::event::reading::said;
    use super::*;
    use crate::run::Journal;

    /// Every (tag, step) in the folder, in the order in which a reader meets them.
    fn read(run: &Path) -> Vec<(String, u64)> {
        let mut all = Vec::new();
        for file in event_files(&run.join(FOLDER)) {
            let mut from = &fs::read(file).unwrap()[..];
            while let Some(event) = record::next(&mut from).unwrap() {
                all.extend(said(&event).into_iter().map(|(step, tag, _)| (tag, step)));
            }
            assert!(from.is_empty(), "a whole file is records alone");
        }
        all
    }

    fn losses(run: &Path) -> Vec<u64> {
        read(run).into_iter().filter(|(tag, _)| tag == "loss/train").map(|(_, step)| step).collect()
    }

    #[test]
    fn after_a_resume_no_step_stands_twice_and_none_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path();
        let (mut events, problem) = LiveEvents::open(run, 0);
        assert_eq!(problem, None);
        (1..=10).for_each(|step| events.step(&StepRecord::at(step)));
        events.flush().unwrap();
        // A kill tears the last record; the checkpoint is of step 6.
        let file = event_files(&run.join(FOLDER)).remove(0);
        OpenOptions::new().append(true).open(&file).unwrap().write_all(b"\x20\0\0\0torn").unwrap();
        let (mut events, problem) = LiveEvents::open(run, 6);
        assert_eq!((problem, losses(run)), (None, (1..=6).collect()));
        // One that is told again stands there once.
        (6..=8).for_each(|step| events.step(&StepRecord::at(step)));
        events.flush().unwrap();
        assert_eq!(losses(run), (1..=8).collect::<Vec<_>>());
        assert_eq!(event_files(&run.join(FOLDER)).len(), 2);
        let (_, problem) = LiveEvents::open(run, 0);
        assert!(problem.is_none() && read(run).is_empty(), "from the start, nothing of before stays");
    }

    #[test]
    fn a_run_that_begins_to_write_events_later_has_those_of_before() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), 8).unwrap();
        (1..=5).for_each(|step| journal.step(&StepRecord::at(step)));
        journal.flush().unwrap();
        let (mut events, _) = LiveEvents::open(dir.path(), 5);
        events.step(&StepRecord::at(6));
        events.flush().unwrap();
        assert_eq!(losses(dir.path()), (1..=6).collect::<Vec<_>>());
    }

    #[test]
    fn what_cannot_be_written_waits_and_what_is_let_go_is_said() {
        let dir = tempfile::tempdir().unwrap();
        // A file where the folder should be.
        fs::write(dir.path().join(FOLDER), "").unwrap();
        let (mut events, _) = LiveEvents::open(dir.path(), 0);
        events.step(&StepRecord::at(1));
        assert!(events.flush().is_err());
        let mut step = 1;
        while events.lost.is_none() {
            step += 1;
            events.step(&StepRecord::at(step));
        }
        assert!(events.flush().is_err() && events.lost().is_none());
        fs::remove_file(dir.path().join(FOLDER)).unwrap();
        events.flush().unwrap();
        assert_eq!(losses(dir.path()), (1..step).collect::<Vec<_>>());
        assert!(events.lost().unwrap().contains(&format!("events of step {step} are lost")));
        assert_eq!(events.lost(), None);
        assert!(events.in_place());
        fs::remove_dir_all(dir.path().join(FOLDER)).unwrap();
        assert!(!events.in_place());
    }
}
