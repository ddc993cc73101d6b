//! What an update asks of the shell around it.

use crate::lab::Command;
use crate::tui::archive::ArchiveRequest;
use crate::tui::state::NewRun;

/// Something that only the shell can do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Tell the worker.
    Send(Command),
    /// Clear the terminal and draw everything anew.
    Redraw,
    /// Leave the screen now; the worker has ended, or need not be waited for.
    Quit,
    /// Open this run beside the one on the screen, on trial; its news come as
    /// [`Message::Tried`](super::message::Message::Tried).
    Try(Box<NewRun>),
    /// The run on trial is not wanted: nothing of it stays.
    Abandon,
    /// Leave this run, which has ended, for the one that was tried.
    Switch,
    /// Look for something in run folders; what is found comes as
    /// [`Message::Archive`](super::message::Message::Archive).
    Ask(ArchiveRequest),
}
