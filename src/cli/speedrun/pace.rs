//! How many steps a second are.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::training::Training;
use crate::process::interrupt;
use crate::run::newest_metrics;

/// So long the steps are counted, once they have begun.
const COUNTED: Duration = Duration::from_secs(3);
/// After so long without a second step, a checkpoint is as rare as steps are.
const PATIENCE: Duration = Duration::from_secs(60);

/// Steps that take about `every` seconds, by a training of some seconds that nothing else is made of.
///
/// # Errors
/// A training that fails, or that a signal has broken off.
pub fn steps_in(training: &Training, folder: &Path, every: f64) -> Result<u64> {
    // No checkpoint but the last.
    let under_way = training.begin(folder, "pace", 0, &["train.checkpoint_every=1000000000".into()])?;
    let (mut first, mut last) = (None, None);
    loop {
        interrupt::check()?;
        let over = under_way.is_over()?;
        let step = newest_metrics(&under_way.run, 0).ok().flatten().map_or(0, |(record, _)| record.step);
        let now = Instant::now();
        if step > 0 && last.is_none_or(|(seen, _)| step > seen) {
            first = first.or(Some((step, now)));
            last = Some((step, now));
        }
        let counted = first.is_some_and(|(_, since)| now.duration_since(since) >= COUNTED);
        if over || counted || under_way.started.elapsed() >= PATIENCE {
            let begun = (0, under_way.started);
            return Ok(steps(first.unwrap_or(begun), last.unwrap_or(begun), under_way.started, every));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Steps that take about `every` seconds, seen two of them and when; one at least.
fn steps(first: (u64, Instant), last: (u64, Instant), started: Instant, every: f64) -> u64 {
    // Over before two looks could tell them apart: from the start of the process.
    let first = if last.0 > first.0 { first } else { (0, started) };
    let seconds = last.1.duration_since(first.1).as_secs_f64();
    let rate = if seconds > 0.0 { (last.0 - first.0) as f64 / seconds } else { 0.0 };
    ((rate * every).round() as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_as_many_steps_as_were_seen_in_one() {
        let started = Instant::now();
        let at = |step: u64, seconds: f64| (step, started + Duration::from_secs_f64(seconds));
        assert_eq!(steps(at(10, 1.0), at(70, 4.0), started, 1.0), 20);
        assert_eq!(steps(at(10, 1.0), at(70, 4.0), started, 0.25), 5);
        assert_eq!(steps(at(1, 1.0), at(2, 21.0), started, 1.0), 1, "slower than a step a second");
        assert_eq!(steps(at(40, 2.0), at(40, 2.0), started, 1.0), 20, "over before the second look");
        assert_eq!(steps((0, started), (0, started), started, 1.0), 1, "no step was seen");
    }
}
