//! The numbers of a question, drawn from its address: seed, station, task.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::random::{Stream, generator};

/// Draws what one question needs. Another task, added before or after, changes nothing.
pub struct TaskDraws(ChaCha8Rng);

impl TaskDraws {
    pub fn of(seed: u64, station: &str, task: &str) -> Self {
        let digest = Sha256::digest(format!("{station}/{task}"));
        let address = digest.iter().take(8).fold(0, |address, byte| (address << 8) | u64::from(*byte));
        Self(generator(seed, Stream::Course, address))
    }

    /// A whole number from `least` to `most`, both included.
    pub fn whole(&mut self, least: usize, most: usize) -> usize {
        self.0.random_range(least..=most.max(least))
    }

    /// One of `all`, of which there is at least one.
    pub fn one_of<const N: usize>(&mut self, all: [f64; N]) -> f64 {
        all[self.whole(0, N - 1)]
    }

    /// A positive number with one decimal, `least` and `most` in tenths.
    pub fn tenths(&mut self, least: usize, most: usize) -> f64 {
        self.whole(least, most) as f64 / 10.0
    }

    /// The same with a sign.
    pub fn signed(&mut self, least: usize, most: usize) -> f64 {
        let size = self.tenths(least, most);
        if self.whole(0, 1) == 0 { -size } else { size }
    }

    /// In a new order (Fisher and Yates).
    pub fn shuffled<T>(&mut self, mut all: Vec<T>) -> Vec<T> {
        for last in (1..all.len()).rev() {
            all.swap(last, self.whole(0, last));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gives_the_same_numbers_and_others_differ() {
        let draw = |seed, station: &str, task: &str| {
            let mut drawn = TaskDraws::of(seed, station, task);
            (0..20).map(|_| drawn.whole(0, 999)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, "a", "b"), draw(1, "a", "b"));
        assert_ne!(draw(1, "a", "b"), draw(2, "a", "b"));
        assert_ne!(draw(1, "a", "b"), draw(1, "a", "c"));
        assert_ne!(draw(1, "a", "b"), draw(1, "c", "b"));
    }

    #[test]
    fn every_order_comes_up() {
        let orders: std::collections::BTreeSet<_> =
            (0..100).map(|seed| TaskDraws::of(seed, "a", "b").shuffled(vec![1, 2, 3])).collect();
        assert_eq!(orders.len(), 6);
        assert!((0..100).all(|seed| TaskDraws::of(seed, "a", "b").signed(1, 20).abs() >= 0.1));
    }
}
