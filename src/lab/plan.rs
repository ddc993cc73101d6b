//! What a lab is opened with.

use std::path::{Path, PathBuf};

use candle_core::Device;

use super::racing::Racing;
use crate::config::Config;
use crate::run::ForkPoint;

/// A run to do, or to go on with.
#[derive(Clone, Debug)]
pub struct LabPlan {
    /// All keys resolved and checked ([`Config::validate`]); of a resumed run, as it should go on.
    pub config: Config,
    pub run: RunChoice,
    pub device: Device,
    /// Training threads; 0: one for each physical core.
    pub threads: usize,
    /// Goes on with the data as they are now, whatever the run was trained on.
    pub accept_data: bool,
    pub audience: Audience,
    /// What the user should know before it starts (what validation had to say).
    pub warnings: Vec<String>,
    /// What was chosen for the user, a line each.
    pub chosen: Vec<String>,
    /// Called by the worker after each step, with its number. The program gives none: tests do, to see what becomes
    /// of a panic there.
    pub after_step: Option<fn(u64)>,
    /// What the runs of a race share; `None`: the run is alone.
    pub racing: Option<Racing>,
    /// Where the run is one of several in a row, which.
    pub stage: Option<PlannedStage>,
    /// What is trained after it, in the same lab.
    pub then: Option<Box<LabPlan>>,
}

/// One of two trainings that follow each other: the autoencoder, then the diffusion in its latents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStage {
    /// From 1.
    pub number: usize,
    pub of: usize,
    /// "autoencoder".
    pub what: &'static str,
    /// The name of what comes next, if anything does.
    pub next: Option<String>,
}

impl PlannedStage {
    /// "stage 1/2".
    pub fn brief(&self) -> String {
        format!("stage {}/{}", self.number, self.of)
    }

    /// "stage 1 of 2: autoencoder".
    pub fn words(&self) -> String {
        format!("stage {} of {}: {}", self.number, self.of, self.what)
    }
}

/// Where the run's folder is.
#[derive(Clone, Debug, PartialEq)]
pub enum RunChoice {
    /// A new one: at `dir`, or under a name of its own in `runs/`.
    New { dir: Option<PathBuf> },
    /// The existing run folder to go on in, from its newest good checkpoint.
    Resume(PathBuf),
    /// A new one, at `dir` as above, that begins with what another run had at a checkpoint. The other is only read.
    Fork { from: Box<ForkPoint>, dir: Option<PathBuf> },
}

impl RunChoice {
    /// The folder that was named for a new run.
    pub fn new_dir(&self) -> Option<&Path> {
        match self {
            RunChoice::New { dir } | RunChoice::Fork { dir, .. } => dir.as_deref(),
            RunChoice::Resume(_) => None,
        }
    }
}

/// Who looks on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A screen: the preview is always moving, and the worker stays when all steps are done, until
    /// it is told to quit.
    Screen,
    /// Nobody: a preview runs only when a picture is due, and the worker ends with the last step.
    Nobody,
}

/// How a lab ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    pub run_dir: PathBuf,
    /// Steps done.
    pub step: u64,
    /// All of them?
    pub finished: bool,
    /// The newest checkpoint of this session, if one was written.
    pub checkpoint: Option<PathBuf>,
}

/// What a consumer of a lab tells the program when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The run is done, or the user left it in peace: exit code 0.
    Done,
    /// A signal asked to stop; saved: exit code 130.
    Interrupted,
}
