//! What an update asks of the shell around it.

use std::path::PathBuf;

use crate::lab::{AskAll, Command};
use crate::tui::archive::ArchiveRequest;
use crate::tui::browser::{ReadyFork, RunsRequest};
use crate::tui::state::NewRun;

/// A task of the course that is done, under the seed that its numbers were drawn from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    pub seed: u64,
    pub station: String,
    pub task: String,
}

/// Something that only the shell can do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Tell the worker.
    Send(Command),
    /// Tell the experiment behind the screen.
    AskExperiment(AskAll),
    /// Clear the terminal and draw everything anew.
    Redraw,
    /// Another view is on the screen: nothing of the one before stays.
    Turn,
    /// Leave the screen now; the worker has ended, or need not be waited for.
    Quit,
    /// Open this run beside the one on the screen, on trial; its news come as
    /// [`Message::Tried`](super::message::Message::Tried).
    Try(Box<NewRun>),
    /// The run on trial is not wanted: nothing of it stays.
    Abandon,
    /// Read the runs in this folder, and go on looking at them.
    ListRuns(PathBuf),
    /// Ask the thread that reads the list for something.
    InRuns(RunsRequest),
    /// Look at this run beside the one on the screen; its news come as
    /// [`Message::Beside`](super::message::Message::Beside).
    LookAt(PathBuf),
    /// Nobody looks at it any more.
    LookAway,
    /// Tell whoever follows the run that is looked at.
    SendBeside(Command),
    /// Look for something for the screen of that run; it comes as
    /// [`Message::BesideArchive`](super::message::Message::BesideArchive).
    AskBeside(ArchiveRequest),
    /// Leave the screen, which has no run of its own, for this one.
    Begin(Box<ReadyFork>),
    /// Leave this run, which has ended, for the one that was tried.
    Switch,
    /// Leave this run, all of whose steps are done and saved, for the next stage.
    NextStage,
    /// A task of the course is done: keep it in the user's data folder.
    Learned(Learned),
    /// Look for something in run folders; what is found comes as
    /// [`Message::Archive`](super::message::Message::Archive).
    Ask(ArchiveRequest),
}

impl Effect {
    /// The same, asked for by the screen of what is looked at; `None`: it has no use there.
    pub fn beside(self) -> Option<Self> {
        match self {
            Effect::Send(command) => Some(Effect::SendBeside(command)),
            Effect::Ask(request) => Some(Effect::AskBeside(request)),
            Effect::Redraw => Some(Effect::Redraw),
            // A run that is looked at asks for no others.
            _ => None,
        }
    }
}
