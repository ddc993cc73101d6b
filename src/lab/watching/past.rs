//! The history of a run that is looked at, read in pieces.

use crate::lab::protocol::{Event, HistoryMark};
use crate::run::{StepRecord, TimestepLossRow};

/// Lines of metrics that are kept at most; beyond, two neighbours become one with the range of both.
const MOST: usize = 20_000;
/// Rows of losses per timestep that are kept at most: more than any screen has columns.
const MOST_ROWS: usize = 4_000;

/// What has been read so far.
#[derive(Debug, Default)]
pub struct PastLines {
    steps: Vec<StepRecord>,
    rows: Vec<TimestepLossRow>,
    marks: Vec<HistoryMark>,
    newest: Option<u64>,
}

impl PastLines {
    pub fn take(&mut self, steps: Vec<StepRecord>, rows: Vec<TimestepLossRow>, marks: Vec<HistoryMark>) {
        self.newest = steps.last().map(|record| record.step).or(self.newest);
        self.steps.extend(steps);
        self.rows.extend(rows);
        self.marks.extend(marks);
        while self.steps.len() > 2 * MOST {
            let before = self.steps.len();
            self.steps = halved(std::mem::take(&mut self.steps));
            // All of them were held-out losses: so be it.
            if self.steps.len() == before {
                break;
            }
        }
        if self.rows.len() > 2 * MOST_ROWS {
            let mut stays = false;
            self.rows.retain(|_| {
                stays = !stays;
                stays
            });
        }
    }

    /// The last step that was read.
    pub fn newest(&self) -> Option<u64> {
        self.newest
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.rows.is_empty() && self.marks.is_empty()
    }

    pub fn into_event(mut self) -> Event {
        self.marks.sort_by_key(|mark| mark.step);
        Event::History { steps: self.steps, rows: self.rows, marks: self.marks }
    }
}

/// Half as many records, of the ranges of two each. Those with a held-out loss stay as they are, and so does the newest.
fn halved(steps: Vec<StepRecord>) -> Vec<StepRecord> {
    let mut kept: Vec<StepRecord> = Vec::with_capacity(steps.len() / 2 + 1);
    let mut waiting: Option<StepRecord> = None;
    for record in steps {
        match waiting.take() {
            None if record.val_loss.is_some() => kept.push(record),
            None => waiting = Some(record),
            Some(before) if record.val_loss.is_some() => kept.extend([before, record]),
            Some(before) => kept.push(merged(&before, record)),
        }
    }
    kept.extend(waiting);
    kept
}

fn merged(before: &StepRecord, record: StepRecord) -> StepRecord {
    let least = |record: &StepRecord| record.loss_min.unwrap_or(record.loss).min(record.loss);
    let most = |record: &StepRecord| record.loss_max.unwrap_or(record.loss).max(record.loss);
    StepRecord {
        loss_min: Some(least(before).min(least(&record))),
        loss_max: Some(most(before).max(most(&record))),
        ..record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: u64) -> StepRecord {
        StepRecord {
            loss: if step == 77_777 { 9.0 } else { 1.0 / step as f64 },
            val_loss: step.is_multiple_of(500).then_some(0.5),
            ..StepRecord::at(step)
        }
    }

    #[test]
    fn a_long_history_keeps_its_range_its_held_out_losses_and_its_end() {
        let mut past = PastLines::default();
        for chunk in 0..100 {
            let steps = (chunk * 2000 + 1..=chunk * 2000 + 2000).map(record).collect();
            past.take(steps, Vec::new(), Vec::new());
        }
        assert_eq!(past.newest(), Some(200_000));
        let Event::History { steps, .. } = past.into_event() else { panic!() };
        assert!(steps.len() <= 2 * MOST && steps.len() > MOST / 2, "{}", steps.len());
        assert_eq!(steps.last().unwrap().step, 200_000);
        assert!(steps.windows(2).all(|pair| pair[0].step < pair[1].step));
        assert_eq!(steps.iter().filter(|record| record.val_loss.is_some()).count(), 400);
        let most = steps.iter().map(|record| record.loss_max.unwrap_or(record.loss)).fold(0.0, f64::max);
        assert_eq!(most, 9.0, "a single spike is kept");
    }
}
