//! What has become of a run: from its lock and from the ends of its files, never from a guess at the time.

use std::path::Path;

use anyhow::Result;
use memchr::memmem;
use serde::Serialize;

use crate::run::journal::EVENTS;
use crate::run::line_reading::from_the_end_within;
use crate::run::records::EventRecord;

/// What has become of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A process holds the run's lock, and its steps aren't all done.
    Training,
    /// It was asked to end, or has not begun.
    Stopped,
    /// All steps are done.
    Finished,
    /// It ended with an error, or without a word.
    Failed,
    /// It came from elsewhere, and was not trained here.
    Imported,
    /// What its files say of it can't be read.
    Unreadable,
}

impl RunState {
    /// All of them, in the order in which a list is sorted by them.
    pub const ALL: [Self; 6] =
        [Self::Training, Self::Stopped, Self::Finished, Self::Failed, Self::Imported, Self::Unreadable];

    /// As filters and lists write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Imported => "imported",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The last that events.jsonl has to say of how the run stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LastWord {
    /// Nothing: there are no events, or none that tells.
    #[default]
    None,
    /// It began, or went on.
    Began,
    Imported,
    Finished,
    /// How: "saved".
    Stopped(String),
    /// Why.
    Failed(String),
}

/// Bytes that are looked through from the end of events.jsonl. A process that trains writes its last word last.
const LOOKED_THROUGH: u64 = 1 << 20;
const WHILE_TRAINING: u64 = 1 << 16;

/// Kinds of events that tell; those of a beginning first.
const TELLING: [&str; 7] = ["start", "resume", "fork", "import", "finish", "stop", "error"];

impl LastWord {
    /// Of the run in `dir`.
    ///
    /// # Errors
    /// When events.jsonl is there and cannot be read.
    pub fn of(dir: &Path, is_trained: bool) -> Result<Self> {
        let mut last = Self::None;
        let most = if is_trained { WHILE_TRAINING } else { LOOKED_THROUGH };
        from_the_end_within(&dir.join(EVENTS), most, |line| {
            if memmem::find(line, b"kind").is_none() {
                return true;
            }
            let Ok(event) = serde_json::from_slice::<EventRecord>(line) else { return true };
            last = match event.kind.as_str() {
                "import" => Self::Imported,
                "finish" => Self::Finished,
                "stop" => Self::Stopped(event.what),
                "error" => Self::Failed(event.what),
                kind if TELLING.contains(&kind) => Self::Began,
                _ => return true,
            };
            false
        })?;
        Ok(last)
    }

    /// The state of a run that has done so many `steps` of `all`, and why it is so, where that is more than the word
    /// says. `is_trained`: a process holds its lock.
    pub fn state(&self, is_trained: bool, step: u64, all: u64) -> (RunState, Option<String>) {
        let done = all > 0 && step >= all;
        match self {
            // Whoever holds it shows it still.
            Self::Finished => (RunState::Finished, None),
            Self::Failed(why) => (RunState::Failed, Some(why.clone())),
            _ if is_trained => (RunState::Training, None),
            _ if done => (RunState::Finished, None),
            Self::Stopped(how) => (RunState::Stopped, (how != "saved").then(|| how.clone())),
            Self::Imported => (RunState::Imported, None),
            Self::None => (RunState::Stopped, None),
            Self::Began => (RunState::Failed, Some(WITHOUT_A_WORD.into())),
        }
    }
}

/// Why a run has failed that says nothing of its end.
pub const WITHOUT_A_WORD: &str = "it ended without a word: it was killed, or the machine went down";

#[cfg(test)]
mod tests {
    use super::*;

    fn last_word(kinds: &[(&str, &str)]) -> LastWord {
        let dir = tempfile::tempdir().unwrap();
        let line = |(kind, what): &(&str, &str)| {
            let event = EventRecord {
                time: "2026-11-22T05:00:00+00:00".into(),
                step: 1,
                kind: (*kind).into(),
                what: (*what).into(),
            };
            serde_json::to_string(&event).unwrap() + "\n"
        };
        std::fs::write(dir.path().join(EVENTS), kinds.iter().map(line).collect::<String>()).unwrap();
        LastWord::of(dir.path(), false).unwrap()
    }

    #[test]
    fn the_last_event_that_tells_counts_and_a_lock_before_it() {
        let began = last_word(&[("start", ""), ("preview", "x.png"), ("warning", "\"kind\":\"finish\"")]);
        assert_eq!(began, LastWord::Began);
        assert_eq!(began.state(true, 3, 10), (RunState::Training, None));
        assert_eq!(began.state(false, 3, 10), (RunState::Failed, Some(WITHOUT_A_WORD.into())));
        assert_eq!(began.state(false, 10, 10).0, RunState::Finished);
        let finished = last_word(&[("start", ""), ("finish", "all steps done"), ("checkpoint", "")]);
        assert_eq!(finished.state(true, 10, 10).0, RunState::Finished);
        let stopped = last_word(&[("start", ""), ("stop", "saved"), ("snapshot_lost", "")]);
        assert_eq!(stopped.state(false, 3, 10), (RunState::Stopped, None));
        let unsaved = last_word(&[("stop", "without saving")]);
        assert_eq!(unsaved.state(false, 3, 10), (RunState::Stopped, Some("without saving".into())));
        let failed = last_word(&[("start", ""), ("error", "the loss is NaN")]);
        assert_eq!(failed.state(false, 3, 10), (RunState::Failed, Some("the loss is NaN".into())));
        assert_eq!(last_word(&[("error", "x"), ("resume", "")]).state(true, 3, 10).0, RunState::Training);
        assert_eq!(last_word(&[("import", "")]).state(false, 0, 10).0, RunState::Imported);
        assert_eq!(last_word(&[]).state(false, 0, 10), (RunState::Stopped, None));
        assert_eq!(last_word(&[("fork", "")]), LastWord::Began);
    }

    #[test]
    fn a_missing_file_says_nothing() {
        assert_eq!(LastWord::of(Path::new("nowhere"), false).unwrap(), LastWord::None);
    }
}
