//! The loss per timestep over the whole run: a bounded number of columns.

use super::decimated::{Decimated, Merge};
use crate::lab::TimestepLossRow;

const COLUMNS: usize = 512;
/// Samples of a bin that make its starting value.
const BASELINE_SAMPLES: u32 = 64;
/// How much of the profile remains when a new row comes.
const PROFILE_DECAY: f64 = 0.8;

/// Sums of one or more rows.
#[derive(Clone, Debug)]
pub struct HeatColumn {
    pub first_step: u64,
    pub last_step: u64,
    sum: Vec<f32>,
    count: Vec<u32>,
}

impl HeatColumn {
    /// Mean loss of a bin, `None` where no sample fell.
    pub fn mean(&self, bin: usize) -> Option<f64> {
        let count = *self.count.get(bin)?;
        (count > 0).then(|| f64::from(self.sum[bin]) / f64::from(count))
    }

    /// Samples in a bin.
    pub fn count(&self, bin: usize) -> u32 {
        self.count.get(bin).copied().unwrap_or(0)
    }

    /// Mean loss and samples of neighbouring bins together.
    pub fn mean_of(&self, bins: std::ops::Range<usize>) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0u32);
        for bin in bins {
            sum += f64::from(self.sum.get(bin).copied().unwrap_or(0.0));
            count += self.count(bin);
        }
        (count > 0).then(|| sum / f64::from(count))
    }
}

impl Merge for HeatColumn {
    fn merge(&mut self, next: Self) {
        self.last_step = next.last_step;
        for (a, b) in self.sum.iter_mut().zip(&next.sum) {
            *a += b;
        }
        for (a, b) in self.count.iter_mut().zip(&next.count) {
            *a = a.saturating_add(*b);
        }
    }
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Heat {
    bins: usize,
    columns: Decimated<HeatColumn>,
    /// Sum and count of the first samples of each bin.
    baseline: Vec<(f64, u32)>,
    /// Decaying sum and weight of the newest samples of each bin.
    recent: Vec<(f64, f64)>,
}

impl Default for Heat {
    fn default() -> Self {
        Self { bins: 0, columns: Decimated::new(COLUMNS), baseline: Vec::new(), recent: Vec::new() }
    }
}

impl Heat {
    /// Takes in one row. Rows with another number of bins than the first are ignored, as are means
    /// that aren't finite.
    pub fn push(&mut self, row: &TimestepLossRow) {
        let bins = row.mean.len();
        if bins == 0 || row.count.len() != bins || (self.bins != 0 && self.bins != bins) {
            return;
        }
        if self.bins == 0 {
            self.bins = bins;
            self.baseline = vec![(0.0, 0); bins];
            self.recent = vec![(0.0, 0.0); bins];
        }
        let valid = |i: usize| row.count[i] > 0 && row.mean[i].is_finite();
        let count: Vec<u32> = (0..bins).map(|i| if valid(i) { row.count[i] } else { 0 }).collect();
        let sum: Vec<f32> = (0..bins).map(|i| if valid(i) { row.mean[i] * row.count[i] as f32 } else { 0.0 }).collect();
        for i in 0..bins {
            let (baseline, seen) = &mut self.baseline[i];
            if *seen < BASELINE_SAMPLES {
                *baseline += f64::from(sum[i]);
                *seen += count[i];
            }
            let (recent, weight) = &mut self.recent[i];
            if count[i] > 0 {
                *recent = *recent * PROFILE_DECAY + f64::from(sum[i]);
                *weight = *weight * PROFILE_DECAY + f64::from(count[i]);
            }
        }
        self.columns.push(HeatColumn { first_step: row.step, last_step: row.step, sum, count });
    }

    /// Number of bins over t; 0 before the first row.
    pub fn bins(&self) -> usize {
        self.bins
    }

    /// Oldest first.
    pub fn columns(&self) -> &[HeatColumn] {
        self.columns.buckets()
    }

    /// What a bin's loss was at the start.
    pub fn baseline(&self, bin: usize) -> Option<f64> {
        self.baseline.get(bin).filter(|(_, n)| *n > 0).map(|(sum, n)| sum / f64::from(*n))
    }

    /// What a bin's loss is now: the newest rows, weighted by their samples.
    pub fn recent(&self, bin: usize) -> Option<f64> {
        self.recent.get(bin).filter(|(_, w)| *w > 0.0).map(|(sum, w)| sum / w)
    }

    /// The column that holds a step, or the nearest; `None` while there is none.
    pub fn column_at(&self, step: u64) -> Option<usize> {
        let columns = self.columns();
        let index = columns.partition_point(|c| c.last_step < step);
        (!columns.is_empty()).then(|| index.min(columns.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64, mean: f32, count: u32) -> TimestepLossRow {
        TimestepLossRow { step, mean: vec![mean, f32::NAN, mean * 2.0], count: vec![count, 0, count] }
    }

    #[test]
    fn merged_columns_are_weighted_by_their_samples() {
        let mut heat = Heat::default();
        for i in 0..=COLUMNS as u64 {
            heat.push(&if i % 2 == 0 { row(i, 1.0, 30) } else { row(i, 4.0, 10) });
        }
        assert!(heat.columns().len() <= COLUMNS);
        let mean = heat.columns()[0].mean(0).unwrap();
        assert!((mean - (30.0 + 40.0) / 40.0).abs() < 1e-6, "{mean}");
        assert_eq!(heat.columns()[0].mean(1), None);
        assert_eq!(heat.columns()[0].count(0), 40);
    }

    #[test]
    fn the_start_is_remembered_and_the_profile_follows() {
        let mut heat = Heat::default();
        for i in 0..5000 {
            heat.push(&row(i, if i < 10 { 1.0 } else { 0.25 }, 10));
        }
        assert!((heat.baseline(0).unwrap() - 1.0).abs() < 1e-9);
        assert!((heat.recent(0).unwrap() - 0.25).abs() < 1e-6);
        assert_eq!(heat.recent(1), None);
    }

    #[test]
    fn rows_of_another_shape_are_ignored() {
        let mut heat = Heat::default();
        heat.push(&row(1, 1.0, 1));
        heat.push(&TimestepLossRow { step: 2, mean: vec![1.0], count: vec![1] });
        heat.push(&TimestepLossRow { step: 3, mean: vec![1.0; 3], count: vec![1] });
        assert_eq!(heat.columns().len(), 1);
        assert_eq!(heat.column_at(99), Some(0));
    }
}
