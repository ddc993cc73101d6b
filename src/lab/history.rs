//! The past of a resumed run.

use std::path::Path;

use anyhow::Result;

use super::protocol::{Event, HistoryMark, StepRecord, TimestepLossRow};
use crate::run::read_events;

/// What the run folder remembers up to `step`: `past` is what is known of its steps and rows already.
///
/// # Errors
/// When a file cannot be read.
pub fn history(run: &Path, step: u64, past: (Vec<StepRecord>, Vec<TimestepLossRow>)) -> Result<Event> {
    let mut marks: Vec<HistoryMark> = read_events(run)?
        .into_iter()
        .filter(|event| event.step <= step)
        .filter(|event| matches!(event.kind.as_str(), "snapshot" | "checkpoint" | "resume" | "setting"))
        .map(|event| HistoryMark { step: event.step, kind: event.kind, what: event.what })
        .collect();
    marks.sort_by_key(|mark| mark.step);
    let (steps, rows) = past;
    Ok(Event::History { steps, rows, marks })
}
