//! What lies over the panels.

use std::path::PathBuf;

use super::explaining::Explaining;
use super::palette::CommandPalette;
use crate::config::Config;
use crate::run::ForkPoint;

/// A dialog over the panels; at most one.
#[derive(Clone, Debug, PartialEq)]
pub enum Overlay {
    Help {
        scroll: usize,
        /// What is searched, as typed so far.
        filter: String,
    },
    Messages {
        scroll: usize,
    },
    Palette(CommandPalette),
    /// "Save this run and start another?"
    NewRun(Box<NewRun>),
    /// "Leave?"
    Quit,
    /// The run was to be left and cannot be saved where it is: stay, or save it elsewhere?
    CannotSave {
        reason: String,
        /// The folder to save in, as typed so far.
        path: String,
    },
    /// Another run is tried, and this one stands still.
    Opening,
    /// The other run could not begin.
    NotBegun {
        why: String,
        /// The palette's line that asked for it.
        line: String,
    },
    /// Why the run has failed.
    Failure,
    /// A line that something is done with.
    Ask {
        what: AskedFor,
        /// As typed so far.
        text: String,
        refusal: Option<String>,
    },
    /// The mathematics of a panel.
    Explain(Explaining),
    /// Where the configs of the runs that are compared differ.
    Differences {
        scroll: usize,
    },
}

/// What a line is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedFor {
    /// Runs to compare.
    Runs,
    /// A word on a step.
    Bookmark { step: u64 },
}

/// A run that has been asked for in the palette, and waits for a yes.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    pub config: Config,
    /// What was asked for and is otherwise in the present run: `diffusion.path = "flow"`.
    pub asked: Vec<String>,
    /// What has been set live before, and goes along.
    pub taken_along: Vec<String>,
    /// What is doubtful about the new config.
    pub warnings: Vec<String>,
    /// Is the run on the screen kept in memory meanwhile?
    pub in_two: bool,
    /// The folder of the run on the screen, where it has one.
    pub beside: Option<PathBuf>,
    /// The palette's line, to come back to; empty where there was none.
    pub line: String,
    /// What it begins with, where that is another run's checkpoint.
    pub fork: Option<Box<ForkPoint>>,
}
