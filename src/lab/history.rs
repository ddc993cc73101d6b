//! The past of a resumed run, bounded.

use std::path::Path;

use anyhow::Result;

use super::protocol::{Event, HistoryMark, StepRecord, TimestepLossRow};
use crate::run::{read_events, read_timestep_loss};

/// Most rows of losses per timestep.
const MOST_ROWS: usize = 2_000;

/// What the run folder remembers up to `step`, its rows and marks beside the `steps` that are known already, at a bounded
/// size.
///
/// # Errors
/// When a file cannot be read.
pub fn history(run: &Path, step: u64, steps: Vec<StepRecord>) -> Result<Event> {
    let mut marks: Vec<HistoryMark> = read_events(run)?
        .into_iter()
        .filter(|event| event.step <= step)
        .filter(|event| matches!(event.kind.as_str(), "snapshot" | "checkpoint" | "resume" | "setting"))
        .map(|event| HistoryMark { step: event.step, kind: event.kind, what: event.what })
        .collect();
    marks.sort_by_key(|mark| mark.step);
    Ok(Event::History { steps, rows: merge(read_timestep_loss(run)?), marks })
}

/// Merges neighbouring rows, pair by pair, until there are few enough.
fn merge(mut rows: Vec<TimestepLossRow>) -> Vec<TimestepLossRow> {
    while rows.len() > MOST_ROWS {
        rows = rows
            .chunks(2)
            .map(|pair| match pair {
                [a, b] if a.mean.len() == b.mean.len() => merged(a, b),
                _ => pair[pair.len() - 1].clone(),
            })
            .collect();
    }
    rows
}

fn merged(a: &TimestepLossRow, b: &TimestepLossRow) -> TimestepLossRow {
    let sum = |row: &TimestepLossRow, bin: usize| match row.count[bin] {
        0 => 0.0,
        n => row.mean[bin] as f64 * n as f64,
    };
    let count: Vec<u32> = a.count.iter().zip(&b.count).map(|(x, y)| x + y).collect();
    let mean = (0..a.mean.len()).map(|bin| ((sum(a, bin) + sum(b, bin)) / count[bin] as f64) as f32).collect();
    TimestepLossRow { step: b.step, mean, count }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_merged_by_their_counts_and_the_newest_step_stays() {
        let row = |step: usize| TimestepLossRow {
            step: step as u64,
            mean: vec![step as f32, if step.is_multiple_of(2) { f32::NAN } else { 1.0 }],
            count: vec![1 + (step % 2) as u32 * 2, (step % 2) as u32],
        };
        let rows = merge((1..=2 * MOST_ROWS).map(row).collect());
        assert_eq!(rows.len(), MOST_ROWS);
        assert_eq!(rows[0].count, [4, 1]);
        assert_eq!(rows[0].mean, [1.25, 1.0]);
        assert_eq!(rows[MOST_ROWS - 1].step, 2 * MOST_ROWS as u64);
    }
}
