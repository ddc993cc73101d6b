//! What an update asks of the shell around it.

use crate::config::Config;
use crate::lab::Command;

/// Something that only the shell can do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Tell the worker.
    Send(Command),
    /// Clear the terminal and draw everything anew.
    Redraw,
    /// Leave the screen now; the worker has ended, or need not be waited for.
    Quit,
    /// The same, and open another run with this config on the same screen.
    Again(Box<Config>),
}
