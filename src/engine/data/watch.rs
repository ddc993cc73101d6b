//! How far loading is, for whoever waits.

use std::time::{Duration, Instant};

use super::DataError;
use crate::process::interrupt;
use crate::thousands::thousands;

/// Time between two counts.
const EVERY: Duration = Duration::from_millis(100);

/// How far loading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// What is being done with them: "looking at", "loading".
    pub doing: &'static str,
    pub done: usize,
    pub total: usize,
}

impl std::fmt::Display for Count {
    /// "loading 12,400 of 60,000 pictures".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} of {} pictures", self.doing, thousands(self.done), thousands(self.total))
    }
}

/// Tells at most ten times a second how far loading is, and asks each time whether it shall go on.
pub(super) struct Watch<'a> {
    tell: &'a mut dyn FnMut(Count),
    next: Instant,
}

impl<'a> Watch<'a> {
    pub fn new(tell: &'a mut dyn FnMut(Count)) -> Self {
        Self { tell, next: Instant::now() + EVERY }
    }

    /// So many are done.
    ///
    /// # Errors
    /// [`DataError::Interrupted`] where the program was told to stop.
    pub fn at(&mut self, doing: &'static str, done: usize, total: usize) -> Result<(), DataError> {
        let now = Instant::now();
        if now >= self.next {
            self.next = now + EVERY;
            (self.tell)(Count { doing, done, total });
        }
        Ok(interrupt::check()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_at_most_ten_times_a_second_and_read_as_people_write_them() {
        let mut told = Vec::new();
        let mut tell = |count| told.push(count);
        let mut watch = Watch::new(&mut tell);
        let started = Instant::now();
        let mut done = 0;
        while started.elapsed() < Duration::from_millis(250) {
            done += 1;
            watch.at("loading", done, 60_000_000).unwrap();
        }
        assert!((1..=3).contains(&told.len()), "{told:?}");
        let count = Count { doing: "loading", done: 12_400, total: 60_000 };
        assert_eq!(count.to_string(), "loading 12,400 of 60,000 pictures");
    }
}
