//! Images a second, lately.

use std::collections::VecDeque;
use std::time::Duration;

/// The window: long enough to be steady, short enough to show a change.
const WINDOW: Duration = Duration::from_secs(5);
/// Steps kept at most, for very fast ones.
const MOST_STEPS: usize = 1000;

/// Throughput of training alone over the last seconds of it.
#[derive(Clone, Debug, Default)]
pub struct Throughput {
    steps: VecDeque<(usize, Duration)>,
    images: usize,
    time: Duration,
}

impl Throughput {
    /// A step with `images` images took `time`; returns images a second over the window.
    pub fn add(&mut self, images: usize, time: Duration) -> f64 {
        self.steps.push_back((images, time));
        self.images += images;
        self.time += time;
        while self.steps.len() > 1 && (self.time > WINDOW || self.steps.len() > MOST_STEPS) {
            if let Some((images, time)) = self.steps.pop_front() {
                self.images -= images;
                self.time = self.time.saturating_sub(time);
            }
        }
        self.images as f64 / self.time.as_secs_f64().max(1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_follows_a_change_within_the_window() {
        let mut throughput = Throughput::default();
        for _ in 0..100 {
            throughput.add(64, Duration::from_millis(320));
        }
        assert!((throughput.add(64, Duration::from_millis(320)) - 200.0).abs() < 1e-6);
        let mut last = 0.0;
        for _ in 0..40 {
            last = throughput.add(64, Duration::from_millis(160));
        }
        assert!((last - 400.0).abs() < 1e-6, "{last}");
    }

    #[test]
    fn one_step_longer_than_the_window_still_has_a_rate() {
        let rate = Throughput::default().add(64, Duration::from_secs(64));
        assert!((rate - 1.0).abs() < 1e-9);
    }
}
