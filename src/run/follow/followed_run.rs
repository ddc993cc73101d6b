//! A whole run, followed: its losses, its losses per timestep, what happened, and whether somebody trains it.

use std::io;
use std::path::{Path, PathBuf};

use super::tail::{Fresh, Tail};
use crate::run::journal::{EVENTS, METRICS, TIMESTEP_LOSS};
use crate::run::lock::is_trained_in;
use crate::run::records::{EventRecord, StepRecord, TimestepLossRow};
use crate::run::row_line::read_row;

/// What has come since the last look.
#[derive(Clone, Debug, PartialEq)]
pub struct RunNews {
    pub steps: Fresh<StepRecord>,
    pub rows: Fresh<TimestepLossRow>,
    pub events: Fresh<EventRecord>,
    /// Does a process hold the run's lock?
    pub is_trained: bool,
    /// Did one begin or end since the last look? (At the first look: is one there?)
    pub is_news: bool,
}

impl RunNews {
    /// Is there more to read at once? A long history comes a megabyte a look.
    pub fn more(&self) -> bool {
        self.steps.more || self.rows.more || self.events.more
    }
}

/// The files of a run that is followed. Nothing in the run is written.
pub struct FollowedRun {
    dir: PathBuf,
    steps: Tail<StepRecord>,
    rows: Tail<TimestepLossRow>,
    events: Tail<EventRecord>,
    was_trained: bool,
}

impl FollowedRun {
    /// Of the run in `dir`. Nothing is read yet: the first look gives all that is there, as its first part.
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
            steps: Tail::new(&dir.join(METRICS), |line| serde_json::from_slice(line).ok()),
            rows: Tail::new(&dir.join(TIMESTEP_LOSS), read_row),
            events: Tail::new(&dir.join(EVENTS), |line| serde_json::from_slice(line).ok()),
            was_trained: false,
        }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What has come since the last look.
    ///
    /// # Errors
    /// When a file is there and cannot be read; the next look goes on where this one failed.
    pub fn look(&mut self) -> io::Result<RunNews> {
        // Before the files: who has ended meanwhile has written his last word.
        let is_trained = is_trained_in(&self.dir);
        let news = RunNews {
            events: self.events.look()?,
            rows: self.rows.look()?,
            steps: self.steps.look()?,
            is_trained,
            is_news: is_trained != self.was_trained,
        };
        self.was_trained = is_trained;
        Ok(news)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::Config;
    use crate::run::dir::RunDir;
    use crate::run::follow::{Restart, WhyRestarted};
    use crate::run::journal::Journal;

    fn record(step: u64) -> StepRecord {
        StepRecord { loss: 1.0 / step as f64, ..StepRecord::at(step) }
    }

    #[test]
    fn a_run_is_followed_from_its_beginning_through_a_resume() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("run");
        let mut followed = FollowedRun::new(&dir);
        let before = followed.look().unwrap();
        assert!(!before.is_trained && !before.is_news && before.steps == Fresh::default());

        let run = RunDir::create(Some(&dir), &Config::default()).unwrap();
        let mut journal = Journal::open(&dir, 10).unwrap();
        journal.event(0, "start", "here");
        (1..=200).for_each(|step| journal.step(&record(step)));
        journal.timestep_loss(&TimestepLossRow { step: 10, mean: vec![0.5], count: vec![3] });
        journal.flush().unwrap();
        let news = followed.look().unwrap();
        assert!(news.is_trained && news.is_news && !news.more());
        assert_eq!((news.steps.records.len(), news.rows.records.len(), news.events.records.len()), (200, 1, 1));
        journal.step(&record(201));
        journal.flush().unwrap();
        let news = followed.look().unwrap();
        assert_eq!((news.steps.records, news.rows.records.len(), news.is_news), (vec![record(201)], 0, false));

        // Killed, and gone on from step 150.
        drop((run, journal));
        let news = followed.look().unwrap();
        assert!(!news.is_trained && news.is_news);
        let run = RunDir::open(&dir).unwrap();
        Journal::cut_back(&dir, (0, 150), 1).unwrap();
        let mut journal = Journal::open(&dir, 10).unwrap();
        journal.event(150, "resume", "from step 150");
        (151..=160).for_each(|step| journal.step(&StepRecord { loss: 2.0, ..record(step) }));
        journal.flush().unwrap();
        let news = followed.look().unwrap();
        let Restart { kept, why } = news.steps.restart.unwrap();
        assert_eq!(why, WhyRestarted::CutBack);
        let steps: Vec<u64> = (1..=kept).chain(news.steps.records.iter().map(|record| record.step)).collect();
        assert_eq!(steps, (1..=160).collect::<Vec<u64>>());
        assert_eq!((news.events.restart, news.events.records[0].kind.as_str()), (None, "resume"));
        assert_eq!(news.rows.restart, None, "it was not cut");
        drop(run);

        fs::remove_dir_all(&dir).unwrap();
        let news = followed.look().unwrap();
        assert!(news.steps.gone && news.steps.records.is_empty() && news.steps.restart.is_none());
    }
}
