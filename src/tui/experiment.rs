//! What a screen and the experiment that trains behind it say to each other: a race, a sweep. The runs themselves are on
//! the screen from their files, as all runs that are looked at; here is what no file says.

use std::path::PathBuf;

use crossbeam_channel::{Receiver, Sender};

use crate::config::Config;
use crate::lab::AskAll;

/// What holds of an experiment from its beginning to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExperimentFacts {
    /// "race", "sweep".
    pub kind: &'static str,
    /// "race of 2", "sweep".
    pub title: String,
    /// The folder that its runs lie in.
    pub dir: PathBuf,
    /// Of a race: what chance decides alike in its runs.
    pub luck: Option<Luck>,
}

/// What chance decides alike in several runs, and whether a difference of theirs is therefore no luck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Luck {
    pub is_same: bool,
    /// "same weights, batches, noise".
    pub brief: String,
    /// The whole in a sentence or two.
    pub words: String,
}

/// Which of its runs are on the screen at first.
#[derive(Clone, Debug)]
pub enum ExperimentView {
    /// These, drawn over one another; with their configs, since they may have no folder yet.
    Compared(Vec<(PathBuf, Config)>),
    /// The list of them.
    Listed,
}

/// What an experiment is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExperimentPhase {
    /// Opening runs.
    #[default]
    Opening,
    Training,
    Paused,
    /// Training stands still until there is room to write again.
    Waiting,
    /// Saving before it ends.
    Stopping,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExperimentStanding {
    pub phase: ExperimentPhase,
    /// "run 3 of 12"; empty where all train at once.
    pub part: String,
    /// The run that trains, where it is one.
    pub doing: String,
    /// Of the run that is furthest behind.
    pub step: u64,
    pub steps: u64,
    /// Runs that failed.
    pub failed: usize,
    /// Seconds of training left to those that train, at the present speed.
    pub left: Option<f64>,
}

/// How an experiment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExperimentEnd {
    /// All runs are trained, or have failed.
    Done,
    /// Saved before its end, since somebody asked for it.
    Stopped,
    /// It can't go on.
    Failed(String),
}

/// What came of its training; or where it was stopped, saved: " in run 3 of 12", or nothing.
pub type Carried<T> = Result<T, String>;

/// What it tells.
#[derive(Clone, Debug, PartialEq)]
pub enum ExperimentNews {
    Stands(ExperimentStanding),
    Said(String),
    Warned(String),
    /// Nothing follows.
    Ended(ExperimentEnd),
}

/// The experiment's side of the channels.
pub struct ExperimentLink {
    pub news: Sender<ExperimentNews>,
    pub asks: Receiver<AskAll>,
}

/// Standings that may wait for the screen; a later one says all that an earlier one does.
const WAITING: usize = 64;

impl ExperimentLink {
    /// Never waits for the screen.
    pub fn stands(&self, standing: ExperimentStanding) {
        if self.news.len() < WAITING {
            let _ = self.news.send(ExperimentNews::Stands(standing));
        }
    }

    /// A sentence that somebody should know, who may have left.
    pub fn say(&self, line: String) {
        let _ = self.news.send(ExperimentNews::Said(line));
    }

    pub fn warn(&self, line: String) {
        let _ = self.news.send(ExperimentNews::Warned(line));
    }
}
