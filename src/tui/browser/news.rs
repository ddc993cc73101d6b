//! What the list of runs and the thread that reads the folder tell each other.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Config;
use crate::run::ForkPoint;
use crate::run::catalogue::ListedRun;

/// What the thread is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunsRequest {
    /// Writes a note; an empty one removes it.
    Note { dir: PathBuf, note: String },
    /// Gives a run exactly these tags.
    Tags { dir: PathBuf, tags: Vec<String> },
    /// Looks whether a run can be forked with these changes: `lr=3e-4 at=500`.
    Fork { dir: PathBuf, line: String },
    /// Moves a run to the trash beside it.
    Trash { dir: PathBuf, name: String },
    /// Brings back what lies in a trash.
    Restore { trashed: PathBuf, name: String },
}

/// A fork that can begin.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadyFork {
    pub from: ForkPoint,
    pub config: Config,
    /// What is otherwise than in its parent: `train.learning_rate = 0.0003`.
    pub changes: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What the thread tells.
#[derive(Clone, Debug)]
pub enum RunsNews {
    /// All runs of the place, by name.
    Listed(Arc<Vec<ListedRun>>),
    /// The place cannot be read; tried again.
    CannotList(String),
    /// A run lies in the trash now.
    Trashed {
        dir: PathBuf,
        name: String,
        at: PathBuf,
    },
    Restored {
        name: String,
    },
    /// It is in the trash still.
    NotRestored {
        trashed: PathBuf,
        name: String,
        why: String,
    },
    /// It can be forked so.
    Forks(Box<ReadyFork>),
    /// What was asked for could not be done: nothing was changed.
    Refused(String),
}
