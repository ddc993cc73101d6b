//! When a step was done: metrics.jsonl has the time that training took, events.jsonl the times of day.

use crate::run::records::{EventRecord, StepRecord};

/// Steps whose time of day is known, in order.
pub struct RunClock {
    /// Step, seconds since 1970, and the time spent training by then.
    known: Vec<(u64, f64, f64)>,
}

impl RunClock {
    /// From what both files say.
    pub fn of(events: &[EventRecord], steps: &[StepRecord]) -> Self {
        let mut known: Vec<(u64, f64, f64)> = Vec::new();
        for event in
            events.iter().filter(|event| matches!(event.kind.as_str(), "start" | "resume" | "fork" | "checkpoint"))
        {
            let Ok(time) = event.time.parse::<jiff::Timestamp>() else { continue };
            // What was trained again counts from when that was.
            while known.last().is_some_and(|(step, ..)| *step >= event.step) {
                known.pop();
            }
            let before = steps.partition_point(|record| record.step <= event.step);
            let elapsed = before.checked_sub(1).map_or(0.0, |last| steps[last].elapsed_s);
            known.push((event.step, time.as_microsecond() as f64 / 1e6, elapsed));
        }
        Self { known }
    }

    /// When a step was done that training had taken `elapsed_s` for, in seconds since 1970; where no time of day is known,
    /// the time that training took.
    pub fn at(&self, step: u64, elapsed_s: f64) -> f64 {
        let before = self.known.partition_point(|(known, ..)| *known < step);
        match before.checked_sub(1).or(if self.known.is_empty() { None } else { Some(0) }) {
            Some(last) => self.known[last].1 + (elapsed_s - self.known[last].2).max(0.0),
            None => elapsed_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_the_time_of_day_of_the_session_that_they_are_from() {
        let event = |kind: &str, step, time: &str| EventRecord {
            time: time.into(),
            step,
            kind: kind.into(),
            what: String::new(),
        };
        let events = [
            event("start", 0, "1970-01-01T01:00:00+01:00"),
            event("checkpoint", 10, "1970-01-01T00:00:11Z"),
            event("checkpoint", 20, "1970-01-01T00:00:21Z"),
            event("warning", 15, "1970-01-01T00:50:00Z"),
            event("resume", 10, "1970-01-01T01:00:00Z"),
        ];
        let steps: Vec<StepRecord> = (1..=30).map(StepRecord::at).collect();
        let clock = RunClock::of(&events, &steps);
        assert_eq!([5, 10, 11, 30].map(|step| clock.at(step, step as f64)), [5.0, 10.0, 3601.0, 3620.0]);
        assert_eq!(RunClock::of(&[], &steps).at(7, 7.5), 7.5);
    }
}
