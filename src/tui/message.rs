//! What can happen to the screen.

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::{KeyEvent, MouseEvent};

use crate::lab::{Event, PreviewFrame};
use crate::tui::archive::ArchiveNews;
use crate::tui::browser::RunsNews;
use crate::tui::experiment::ExperimentNews;

/// One thing that happened: input, time, or news from the lab.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed (or repeated; releases are ignored).
    Key(KeyEvent),
    Mouse(MouseEvent),
    /// Pasted text; only the command palette takes it.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// Pixels of one cell as the pictures are drawn now: (1, 2) for half-blocks.
    CellSize(u16, u16),
    /// The shortest time between two pictures that the terminal can show.
    PicturePace(Duration),
    /// News from the worker.
    Lab(Event),
    /// News from the worker of a run that is tried beside this one.
    Tried(Event),
    /// A frame of the moving preview.
    Preview(PreviewFrame),
    /// News of the run that is looked at beside this one, frames of its films, and what was found for its screen.
    Beside(Event),
    BesidePreview(PreviewFrame),
    BesideArchive(ArchiveNews),
    /// News of the list of runs.
    Runs(RunsNews),
    /// News of the experiment behind the screen.
    Experiment(ExperimentNews),
    /// Compare these runs; none ends it.
    Compare(Vec<PathBuf>),
    /// What was found in run folders.
    Archive(ArchiveNews),
    /// Time since the screen opened. Animations and expiring messages follow it.
    Tick(Duration),
    /// The system asks the program to end (SIGTERM, SIGHUP, Ctrl-C from outside): save and leave.
    Terminate,
}
