//! The worker's side of the events: sending never blocks it and never grows memory.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError};

use super::protocol::Event;

/// Events kept while the channel is full, before steps are thinned out.
const MOST_WAITING: usize = 4096;

/// Events on their way to a consumer that may be slow, or gone.
pub struct EventOutbox {
    sender: Sender<Event>,
    waiting: VecDeque<Event>,
}

impl EventOutbox {
    pub fn new(sender: Sender<Event>) -> Self {
        Self { sender, waiting: VecDeque::new() }
    }

    /// Sends now, or keeps the event until the consumer has caught up.
    pub fn send(&mut self, event: Event) {
        self.waiting.push_back(event);
        self.flush();
        if self.waiting.len() > MOST_WAITING {
            self.thin_out();
        }
    }

    /// Sends what the channel takes.
    pub fn flush(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            match self.sender.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => return self.waiting.push_front(event),
                // Nobody listens any more.
                Err(TrySendError::Disconnected(_)) => return self.waiting.clear(),
            }
        }
    }

    /// Sends everything, waiting for the consumer up to `patience`.
    pub fn drain(&mut self, patience: Duration) {
        let end = Instant::now() + patience;
        while let Some(event) = self.waiting.pop_front() {
            if self.sender.send_deadline(event, end).is_err() {
                return;
            }
        }
    }

    /// Drops every second waiting step and row: curves stay, at half the resolution. Steps with a
    /// held-out loss, and all other events, stay.
    fn thin_out(&mut self) {
        let mut nth = 0;
        self.waiting.retain(|event| match event {
            Event::Step(record) if record.val_loss.is_some() => true,
            Event::Step(_) | Event::TimestepLoss(_) => {
                nth += 1;
                nth % 2 == 0
            }
            _ => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;

    use super::*;
    use crate::lab::{Phase, StepRecord};

    fn step(step: u64) -> Event {
        Event::Step(StepRecord {
            epoch: 0.0,
            loss: 0.0,
            loss_smoothed: 0.0,
            val_loss: step.is_multiple_of(1000).then_some(0.5),
            lr: 0.0,
            grad_norm: 0.0,
            images_per_s: 0.0,
            elapsed_s: 0.0,
            ..StepRecord::at(step)
        })
    }

    #[test]
    fn a_consumer_that_does_not_look_costs_neither_time_nor_memory() {
        let (sender, receiver) = bounded(16);
        let mut outbox = EventOutbox::new(sender);
        outbox.send(Event::Phase(Phase::Training));
        (1..=100_000).for_each(|i| outbox.send(step(i)));
        outbox.send(Event::Phase(Phase::Finished));
        assert!(outbox.waiting.len() <= MOST_WAITING, "{} waiting", outbox.waiting.len());
        drop(outbox.sender.clone());
        let mut seen = Vec::new();
        loop {
            outbox.flush();
            match receiver.try_recv() {
                Ok(event) => seen.push(event),
                Err(_) => break,
            }
        }
        let steps: Vec<u64> =
            seen.iter().filter_map(|e| if let Event::Step(r) = e { Some(r.step) } else { None }).collect();
        assert!(steps.is_sorted() && steps.contains(&50_000), "in order, with the held-out losses");
        assert!(matches!(seen.last(), Some(Event::Phase(Phase::Finished))), "other events are never lost");
    }

    #[test]
    fn a_consumer_that_is_gone_is_no_reason_to_keep_anything() {
        let (sender, receiver) = bounded(1);
        let mut outbox = EventOutbox::new(sender);
        drop(receiver);
        (1..=10).for_each(|i| outbox.send(step(i)));
        assert!(outbox.waiting.is_empty());
        outbox.drain(Duration::from_secs(60));
    }
}
