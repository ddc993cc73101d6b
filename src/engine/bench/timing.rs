//! Repeated runs and their times.

use std::time::Instant;

use anyhow::Result;

/// A slow machine should not wait for minutes: a measurement that takes longer than this (in seconds)
/// ends, if it has been repeated [`LEAST_REPEATS`] times.
const LONG_ENOUGH: f64 = 20.0;
const LEAST_REPEATS: usize = 3;

/// How long something took, each time it ran; never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    seconds: Vec<f64>,
}

impl Times {
    /// Runs `work` `warm_up` times untimed, then up to `repeats` times (at least once) timed.
    ///
    /// # Errors
    /// The first that `work` returns.
    pub fn measure(warm_up: usize, repeats: usize, mut work: impl FnMut() -> Result<()>) -> Result<Self> {
        for _ in 0..warm_up {
            work()?;
        }
        let mut seconds = Vec::with_capacity(repeats);
        loop {
            let started = Instant::now();
            work()?;
            seconds.push(started.elapsed().as_secs_f64());
            let long = seconds.len() >= LEAST_REPEATS && seconds.iter().sum::<f64>() > LONG_ENOUGH;
            if seconds.len() >= repeats || long {
                return Ok(Self { seconds });
            }
        }
    }

    /// Times that were taken elsewhere, at least one.
    pub(super) fn of(seconds: Vec<f64>) -> Self {
        Self { seconds }
    }

    /// Every time in seconds, in the order of the runs.
    pub fn seconds(&self) -> &[f64] {
        &self.seconds
    }

    /// The median in seconds; of an even number of times the mean of the middle two.
    pub fn median(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
    }

    /// The shortest in seconds.
    pub fn min(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(seconds: &[f64]) -> Times {
        Times { seconds: seconds.to_vec() }
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(times(&[3.0, 1.0, 10.0]).median(), 3.0);
        assert_eq!(times(&[4.0, 1.0, 2.0, 10.0]).median(), 3.0);
        assert_eq!(times(&[4.0, 1.0, 2.0, 10.0]).min(), 1.0);
    }

    #[test]
    fn warming_up_is_not_timed_and_errors_end_it() {
        let mut runs = 0;
        let measured = Times::measure(2, 5, || {
            runs += 1;
            Ok(())
        });
        assert_eq!((measured.unwrap().seconds().len(), runs), (5, 7));
        let mut runs = 0;
        let failed = Times::measure(0, 5, || {
            runs += 1;
            anyhow::ensure!(runs < 3, "enough");
            Ok(())
        });
        assert_eq!((failed.unwrap_err().to_string().as_str(), runs), ("enough", 3));
    }

    #[test]
    fn asking_for_no_repeats_still_measures_once() {
        assert_eq!(Times::measure(0, 0, || Ok(())).unwrap().seconds().len(), 1);
    }
}
