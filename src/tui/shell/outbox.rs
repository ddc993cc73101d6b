//! Commands on their way to the worker, without ever waiting for it.

use std::collections::VecDeque;
use std::mem::discriminant;

use crossbeam_channel::{Sender, TrySendError};

use crate::lab::Command;

/// Commands that the worker's small channel has no room for wait here, in order.
pub struct CommandQueue {
    commands: Sender<Command>,
    waiting: VecDeque<Command>,
}

impl CommandQueue {
    pub fn new(commands: Sender<Command>) -> Self {
        Self { commands, waiting: VecDeque::new() }
    }

    /// Queues a command. One that sets a value replaces the same one right before it, so that a held
    /// key doesn't fill the queue.
    pub fn push(&mut self, command: Command) {
        let sets_a_value = matches!(
            command,
            Command::SetLearningRateScale(_)
                | Command::SetPreviewEnabled(_)
                | Command::SetPreviewBudget(_)
                | Command::SetSampling(_)
        );
        match self.waiting.back_mut() {
            Some(last) if sets_a_value && discriminant(last) == discriminant(&command) => *last = command,
            _ => self.waiting.push_back(command),
        }
    }

    /// Sends what there is room for. A worker that has ended takes nothing any more.
    pub fn flush(&mut self) {
        while let Some(command) = self.waiting.pop_front() {
            match self.commands.try_send(command) {
                Ok(()) => {}
                Err(TrySendError::Full(command)) => return self.waiting.push_front(command),
                Err(TrySendError::Disconnected(_)) => return self.waiting.clear(),
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_channel_delays_commands_but_loses_none_and_keeps_their_order() {
        let (send, receive) = crossbeam_channel::bounded(1);
        let mut outbox = CommandQueue::new(send);
        for command in [Command::Pause, Command::Snapshot, Command::Resume] {
            outbox.push(command);
        }
        let mut received = Vec::new();
        while !outbox.is_empty() || !receive.is_empty() {
            outbox.flush();
            received.extend(receive.try_iter());
        }
        assert_eq!(received, [Command::Pause, Command::Snapshot, Command::Resume]);
    }

    #[test]
    fn of_a_value_set_many_times_only_the_last_is_sent() {
        let (send, receive) = crossbeam_channel::bounded(8);
        let mut outbox = CommandQueue::new(send);
        for i in 0..1000 {
            outbox.push(Command::SetLearningRateScale(f64::from(i)));
        }
        outbox.push(Command::Pause);
        outbox.flush();
        assert_eq!(receive.try_iter().collect::<Vec<_>>(), [Command::SetLearningRateScale(999.0), Command::Pause]);
    }

    #[test]
    fn a_worker_that_has_ended_leaves_nothing_waiting() {
        let (send, receive) = crossbeam_channel::bounded(1);
        drop(receive);
        let mut outbox = CommandQueue::new(send);
        outbox.push(Command::Pause);
        outbox.flush();
        assert!(outbox.is_empty());
    }
}
