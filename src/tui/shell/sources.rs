//! Where the loop's news come from.

use crossbeam_channel::{Receiver, TryRecvError, never};
use crossterm::event::Event as Input;

use crate::lab::{Event, PreviewFrame};
use crate::process::signals::Notice;

/// News of the lab that are taken in before one frame; the rest waits for the next.
pub const AT_ONCE: usize = 20_000;

/// Where news come from.
pub struct Sources {
    pub input: Receiver<Input>,
    pub events: Receiver<Event>,
    pub previews: Receiver<PreviewFrame>,
    pub notices: Receiver<Notice>,
    /// A picture was encoded.
    pub encoded: Receiver<()>,
}

/// What has arrived, and whether the channel is still open. A closed one is replaced by one that
/// never wakes the loop again.
pub fn arrived<T>(receiver: &mut Receiver<T>) -> (Vec<T>, bool) {
    let mut values = Vec::new();
    while values.len() < AT_ONCE {
        match receiver.try_recv() {
            Ok(value) => values.push(value),
            Err(TryRecvError::Empty) => break,
            Err(TryRecvError::Disconnected) => {
                *receiver = never();
                return (values, false);
            }
        }
    }
    (values, true)
}
