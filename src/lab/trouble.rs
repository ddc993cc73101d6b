//! Writes that fail: when to try again, when to say so, and when training has to wait.

use std::time::{Duration, Instant};

use crate::run::WriteFailure;

/// Time before the second try; it doubles from try to try.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Most time between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Time before it is said again that writing still fails; it doubles each time.
const FIRST_REMINDER: Duration = Duration::from_secs(60);
const LONGEST_REMINDER: Duration = Duration::from_secs(3600);

/// A row of writes that have failed, until one succeeds.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    present: Option<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    failure: WriteFailure,
    since: Instant,
    wait: Duration,
    next: Instant,
    reminder: Duration,
    remind: Instant,
    /// Causes that were told.
    told: Vec<String>,
}

impl Trouble {
    /// A write has failed at `now`. Is it news: another cause, or long enough since it was last told?
    pub fn failed(&mut self, failure: WriteFailure, now: Instant) -> bool {
        let Some(row) = &mut self.present else {
            self.present = Some(Row {
                since: now,
                wait: FIRST_WAIT,
                next: now + FIRST_WAIT,
                reminder: FIRST_REMINDER,
                remind: now + FIRST_REMINDER,
                told: vec![failure.cause.clone()],
                failure,
            });
            return true;
        };
        row.wait = (row.wait * 2).min(LONGEST_WAIT);
        row.next = now + row.wait;
        let new = !row.told.contains(&failure.cause);
        if new {
            row.told.push(failure.cause.clone());
        }
        row.failure = failure;
        if new || now >= row.remind {
            row.reminder = (row.reminder * 2).min(LONGEST_REMINDER);
            row.remind = now + row.reminder;
            return true;
        }
        false
    }

    /// Everything is written: returns how long it could not be, where it could not.
    pub fn over(&mut self, now: Instant) -> Option<Duration> {
        self.present.take().map(|row| now - row.since)
    }

    /// Does writing fail at present?
    pub fn is_on(&self) -> bool {
        self.present.is_some()
    }

    /// Is there something to try again at `now`?
    pub fn is_due(&self, now: Instant) -> bool {
        self.present.as_ref().is_some_and(|row| now >= row.next)
    }

    /// Somebody asks to try at once.
    pub fn hurry(&mut self, now: Instant) {
        if let Some(row) = &mut self.present {
            (row.next, row.wait) = (now, FIRST_WAIT);
        }
    }

    /// For how long writing has failed.
    pub fn lasts(&self, now: Instant) -> Duration {
        self.present.as_ref().map_or(Duration::ZERO, |row| now - row.since)
    }

    /// What stands in the way.
    pub fn failure(&self) -> Option<&WriteFailure> {
        self.present.as_ref().map(|row| &row.failure)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    fn full() -> WriteFailure {
        WriteFailure::of(&Error::from(ErrorKind::StorageFull))
    }

    #[test]
    fn tries_become_rarer_and_it_is_said_once_and_then_at_growing_intervals() {
        let start = Instant::now();
        let (mut trouble, mut tries, mut told) = (Trouble::default(), Vec::new(), Vec::new());
        let mut now = start;
        let end = start + Duration::from_secs(600);
        while now < end {
            if !trouble.is_on() || trouble.is_due(now) {
                tries.push((now - start).as_secs());
                if trouble.failed(full(), now) {
                    told.push((now - start).as_secs());
                }
            }
            now += Duration::from_millis(100);
        }
        assert_eq!(tries[..6], [0, 1, 3, 7, 15, 31]);
        assert!(tries.len() < 30, "{tries:?}");
        assert!(told.len() == 4 && told[0] == 0, "{told:?}");
        assert!(told.windows(3).all(|w| w[2] - w[1] > w[1] - w[0]), "{told:?}");
        assert!(trouble.lasts(now) >= Duration::from_secs(599));
        assert!(trouble.over(now).is_some() && !trouble.is_on());
        assert_eq!(trouble.over(now), None);
    }

    #[test]
    fn another_cause_is_news_but_not_each_time_that_it_comes_back() {
        let now = Instant::now();
        let read_only = || WriteFailure::of(&Error::from(ErrorKind::ReadOnlyFilesystem));
        let mut trouble = Trouble::default();
        let told: Vec<bool> =
            (0..6).map(|i| trouble.failed(if i % 2 == 0 { full() } else { read_only() }, now)).collect();
        assert_eq!(told, [true, true, false, false, false, false]);
        assert_eq!(trouble.failure(), Some(&read_only()));
    }

    #[test]
    fn who_asks_need_not_wait() {
        let now = Instant::now();
        let mut trouble = Trouble::default();
        (0..8).for_each(|_| _ = trouble.failed(full(), now));
        assert!(!trouble.is_due(now));
        trouble.hurry(now);
        assert!(trouble.is_due(now));
    }
}
