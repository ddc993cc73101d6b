//! Turns: several runs of one process train step for step, one at a time.
//!
//! Each run has its own thread and folder, as it would have alone. Before a step its worker waits here until no other
//! is behind it; after the step it passes the turn on. So only one trains at a time, on the same workers, and none gets
//! ahead. A run that pauses, waits for room or has ended doesn't hold the others up.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Who is where. Clones are the same.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    places: Mutex<Places>,
    changed: Condvar,
}

#[derive(Debug)]
struct Places {
    /// Steps done by each run; `None` where it isn't racing at present.
    done: Vec<Option<u64>>,
    /// Who has the turn.
    running: Option<usize>,
    /// Runs that have yet to be opened: the others wait, so that all begin together.
    missing: usize,
}

/// One run's place.
#[derive(Debug)]
pub struct Turn {
    turns: Turns,
    own: usize,
    has_it: bool,
    joined: bool,
}

impl Turns {
    /// For so many runs.
    pub fn new(runs: usize) -> Self {
        let places = Places { done: vec![None; runs], running: None, missing: runs };
        Self(Arc::new(Shared { places: Mutex::new(places), changed: Condvar::new() }))
    }

    /// The place of run `own`, counted from 0.
    pub fn of(&self, own: usize) -> Turn {
        Turn { turns: self.clone(), own, has_it: false, joined: false }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// May run `own` take its next step? The one that is furthest behind goes first, of several the first.
    fn is_next(&self, own: usize) -> bool {
        let first = self.done.iter().enumerate().filter_map(|(i, done)| Some(((*done)?, i))).min();
        self.running.is_none() && self.missing == 0 && first.is_some_and(|(_, i)| i == own)
    }
}

impl Turn {
    /// Takes the turn for the step after `done`, waiting for it up to `patience`: `false` when it hasn't come, and the
    /// run should see to its commands and ask again.
    pub fn take(&mut self, done: u64, patience: Duration) -> bool {
        let shared = self.turns.0.clone();
        let mut places = self.turns.places();
        // At once with its place among the others: between the two they would go on without it.
        Self::join(&mut self.joined, &mut places);
        if places.done[self.own] != Some(done) {
            places.done[self.own] = Some(done);
            shared.changed.notify_all();
        }
        let waits = |places: &mut Places| !places.is_next(self.own);
        let (mut places, _) =
            shared.changed.wait_timeout_while(places, patience, waits).unwrap_or_else(PoisonError::into_inner);
        self.has_it = places.is_next(self.own);
        if self.has_it {
            places.running = Some(self.own);
        }
        self.has_it
    }

    /// Passes the turn on, with so many steps done.
    pub fn pass_on(&mut self, done: u64) {
        if std::mem::take(&mut self.has_it) {
            let mut places = self.turns.places();
            (places.running, places.done[self.own]) = (None, Some(done));
            self.turns.0.changed.notify_all();
        }
    }

    /// The run trains no more for now: the others don't wait for it. [`Self::take`] lets it in again.
    pub fn stand_aside(&mut self) {
        let mut places = self.turns.places();
        Self::join(&mut self.joined, &mut places);
        if std::mem::take(&mut self.has_it) {
            places.running = None;
        }
        places.done[self.own] = None;
        self.turns.0.changed.notify_all();
    }

    fn join(joined: &mut bool, places: &mut Places) {
        if !std::mem::replace(joined, true) {
            places.missing = places.missing.saturating_sub(1);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.stand_aside();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const SOON: Duration = Duration::from_millis(5);

    #[test]
    fn steps_come_in_turns_whatever_each_takes_and_nobody_waits_for_one_that_has_ended() {
        let turns = Turns::new(3);
        let order = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for (own, steps) in [(0, 4), (1, 4), (2, 2)] {
                let (mut turn, order) = (turns.of(own), &order);
                scope.spawn(move || {
                    for done in 0..steps {
                        while !turn.take(done, SOON) {}
                        order.lock().unwrap().push((done, own));
                        thread::sleep(SOON * (own as u32 + 1) / 2);
                        turn.pass_on(done + 1);
                    }
                });
            }
        });
        let order = order.into_inner().unwrap();
        assert_eq!(order, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (3, 0), (3, 1)]);
    }

    #[test]
    fn all_begin_together_one_that_is_behind_catches_up_and_one_that_pauses_holds_nobody_up() {
        let turns = Turns::new(2);
        let (mut one, mut other) = (turns.of(0), turns.of(1));
        assert!(!one.take(0, SOON), "the other has yet to be opened");
        assert!(!other.take(0, SOON) && one.take(0, SOON));
        assert!(!other.take(0, SOON), "one at a time");
        one.pass_on(1);
        assert!(!one.take(1, SOON) && other.take(0, SOON));
        other.stand_aside();
        assert!(one.take(1, SOON));
        one.pass_on(2);
        assert!(!other.take(1, SOON) || !one.take(2, SOON));
        other.pass_on(2);
        drop(other);
        assert!(one.take(2, SOON));
    }
}
