//! Snapshots that were due and that a run which was killed has not written.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use crate::run::{EventRecord, read_events, snapshot};

/// What is missing of the snapshots of a run that goes on from a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// The weights that the run goes on from are those of one: it is written now.
    pub now: bool,
    /// Steps whose weights are gone.
    pub lost: Vec<u64>,
}

impl Missed {
    /// Looks through the run in `dir`, which goes on from `step`; snapshots are due every `every` steps (0: never).
    ///
    /// # Errors
    /// When events.jsonl cannot be read.
    pub fn of(dir: &Path, step: u64, every: u64) -> Result<Self> {
        Ok(Self::from(&read_events(dir)?, &snapshot::steps_of(dir), step, every))
    }

    fn from(events: &[EventRecord], written: &[u64], step: u64, every: u64) -> Self {
        let due = |at: u64| every > 0 && at > 0 && at.is_multiple_of(every);
        let of = |kinds: &[&str]| -> BTreeSet<u64> {
            events.iter().filter(|event| kinds.contains(&event.kind.as_str())).map(|event| event.step).collect()
        };
        let mut done = of(&["snapshot"]);
        done.extend(written);
        let begun = of(&["snapshot_begun"]);
        // Even where its loss is noted, or the kill came between the checkpoint and the snapshot of one step.
        let now = !done.contains(&step) && (begun.contains(&step) || due(step));
        done.extend(of(&["snapshot_lost"]));
        let mut missing: BTreeSet<u64> = begun.difference(&done).copied().collect();
        missing.remove(&step);
        // Training comes by those again that lie ahead.
        let lost = missing.into_iter().filter(|&at| at < step || !due(at)).collect();
        Self { now, lost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(step: u64, kind: &str) -> EventRecord {
        EventRecord { time: String::new(), step, kind: kind.into(), what: String::new() }
    }

    #[test]
    fn one_of_the_checkpoint_is_made_up_for_and_earlier_ones_are_lost() {
        let events = [
            event(100, "snapshot_begun"),
            event(100, "snapshot"),
            event(200, "snapshot_begun"),
            event(300, "snapshot_begun"),
            event(400, "snapshot_begun"),
        ];
        let missed = Missed::from(&events, &[100], 300, 100);
        assert_eq!(missed, Missed { now: true, lost: vec![200] }, "400 comes again");
        // Noted once, it is settled.
        let events = [&events[..], &[event(200, "snapshot_lost"), event(300, "snapshot")]].concat();
        assert_eq!(Missed::from(&events, &[100, 300], 300, 100), Missed::default());
    }

    #[test]
    fn one_that_was_due_but_not_begun_is_made_up_for_and_a_persons_own_is_not_forgotten() {
        assert!(Missed::from(&[], &[], 300, 100).now);
        assert!(!Missed::from(&[], &[300], 300, 100).now);
        assert!(!Missed::from(&[], &[], 300, 0).now);
        assert!(!Missed::from(&[], &[], 0, 100).now);
        let missed = Missed::from(&[event(350, "snapshot_begun")], &[], 300, 0);
        assert_eq!(missed.lost, [350]);
    }
}
