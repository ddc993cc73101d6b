//! A channel for things of which only the newest matters: it never blocks and never grows.

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// The sending side.
pub struct LatestSender<T> {
    sender: Sender<T>,
    /// To take the unread one out again.
    unread: Receiver<T>,
}

/// A channel that holds one value: sending replaces an unread one.
pub fn latest_wins<T>() -> (LatestSender<T>, Receiver<T>) {
    let (sender, receiver) = bounded(1);
    (LatestSender { sender, unread: receiver.clone() }, receiver)
}

impl<T> LatestSender<T> {
    /// Puts `value` in the place of an unread one.
    pub fn send(&self, value: T) {
        let mut value = value;
        while let Err(TrySendError::Full(returned)) = self.sender.try_send(value) {
            let _ = self.unread.try_recv();
            value = returned;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_gets_the_newest_value() {
        let (sender, receiver) = latest_wins();
        (1..=5).for_each(|i| sender.send(i));
        assert_eq!(receiver.try_recv(), Ok(5));
        assert!(receiver.try_recv().is_err());
        sender.send(6);
        assert_eq!(receiver.try_recv(), Ok(6));
    }
}
