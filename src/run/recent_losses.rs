//! The loss per timestep of late: the newest rows of timestep_loss.jsonl as one column.

use std::collections::VecDeque;
use std::path::Path;

use anyhow::Result;

use super::logged::{UnreadLines, logged_timestep_loss};
use super::records::TimestepLossRow;
use crate::explain::bound::BinLosses;

/// So many rows make the column at most: with the usual 50 steps a row, 500 steps.
const ROWS: usize = 10;
/// And no rows from before this share of the training: early on the loss falls too fast for a mean of old and new.
const OF_LATE: f64 = 0.8;

/// The newest rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecentLosses {
    rows: VecDeque<TimestepLossRow>,
    /// The step of the row before them.
    before: u64,
}

impl RecentLosses {
    /// Those of the run in `dir`, and the lines of its file that are none.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn of(dir: &Path) -> Result<(Self, UnreadLines)> {
        let (mut recent, logged) = (Self::default(), logged_timestep_loss(dir)?);
        logged.records.into_iter().for_each(|row| recent.push(row));
        Ok((recent, logged.unread))
    }

    pub fn push(&mut self, row: TimestepLossRow) {
        self.rows.push_back(row);
        if self.rows.len() > ROWS {
            self.before = self.rows.pop_front().map_or(0, |row| row.step);
        }
    }

    /// The means over them, each weighed by its count; `None` where there are none yet.
    pub fn column(&self) -> Option<BinLosses> {
        let last = self.rows.back()?;
        let bins = last.mean.len();
        let old = self.rows.partition_point(|row| row.step as f64 <= OF_LATE * last.step as f64);
        let before = old.checked_sub(1).map_or(self.before, |i| self.rows[i].step);
        let (mut sums, mut count) = (vec![0.0; bins], vec![0_u64; bins]);
        for row in self.rows.iter().skip(old).filter(|row| row.mean.len() == bins && row.count.len() == bins) {
            for bin in (0..bins).filter(|&bin| row.count[bin] > 0) {
                sums[bin] += f64::from(row.mean[bin]) * f64::from(row.count[bin]);
                count[bin] += u64::from(row.count[bin]);
            }
        }
        let mean = sums.iter().zip(&count).map(|(sum, &n)| (n > 0).then(|| sum / n as f64)).collect();
        Some(BinLosses { mean, count, steps: (before + 1, last.step) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_weighed_by_their_counts_and_old_ones_forgotten() {
        let row =
            |step, mean: [f32; 2], count: [u32; 2]| TimestepLossRow { step, mean: mean.into(), count: count.into() };
        let mut recent = RecentLosses::default();
        assert_eq!(recent.column(), None);
        recent.push(row(50, [1.0, f32::NAN], [1, 0]));
        recent.push(row(100, [4.0, f32::NAN], [2, 0]));
        let want = BinLosses { mean: vec![Some(4.0), None], count: vec![2, 0], steps: (51, 100) };
        assert_eq!(recent.column(), Some(want));
        (3..=12).for_each(|i| recent.push(row(50 * i, [2.0, 8.0], [1, 1])));
        let want = BinLosses { mean: vec![Some(2.0), Some(8.0)], count: vec![3, 3], steps: (451, 600) };
        assert_eq!(recent.column(), Some(want));
        recent.push(row(10_000, [1.0, 2.0], [1, 1]));
        recent.push(row(10_050, [4.0, 8.0], [2, 2]));
        let want = BinLosses { mean: vec![Some(3.0), Some(6.0)], count: vec![3, 3], steps: (601, 10_050) };
        assert_eq!(recent.column(), Some(want), "each by its count");
    }
}
