//! As many rows of losses per timestep as a screen can show.

use super::records::TimestepLossRow;

/// Most rows that are kept.
const MOST: usize = 2_000;

/// Merges rows as they are read: each of those kept stands for as many as the others.
pub struct MergedRows {
    /// How many rows one stands for: a power of two.
    each: usize,
    /// One that stands for fewer yet, and for how many.
    begun: Option<(TimestepLossRow, usize)>,
    rows: Vec<TimestepLossRow>,
}

impl Default for MergedRows {
    fn default() -> Self {
        Self { each: 1, begun: None, rows: Vec::new() }
    }
}

impl MergedRows {
    pub fn push(&mut self, row: TimestepLossRow) {
        let (row, count) = match self.begun.take() {
            Some((begun, count)) => (merged(&begun, row), count + 1),
            None => (row, 1),
        };
        if count < self.each {
            self.begun = Some((row, count));
            return;
        }
        self.rows.push(row);
        if self.rows.len() > MOST {
            let mut rows = std::mem::take(&mut self.rows).into_iter();
            while let Some(row) = rows.next() {
                match rows.next() {
                    Some(next) => self.rows.push(merged(&row, next)),
                    None => self.begun = Some((row, self.each)),
                }
            }
            self.each *= 2;
        }
    }

    /// The rows, oldest first.
    pub fn finish(mut self) -> Vec<TimestepLossRow> {
        self.rows.extend(self.begun.take().map(|(row, _)| row));
        self.rows
    }
}

/// Both in one, by their counts, at the step of the second; rows with other bins can't be merged, and the second stays.
fn merged(a: &TimestepLossRow, b: TimestepLossRow) -> TimestepLossRow {
    if a.mean.len() != b.mean.len() {
        return b;
    }
    let sum = |row: &TimestepLossRow, bin: usize| match row.count[bin] {
        0 => 0.0,
        n => row.mean[bin] as f64 * n as f64,
    };
    let count: Vec<u32> = a.count.iter().zip(&b.count).map(|(x, y)| x.saturating_add(*y)).collect();
    let mean = (0..a.mean.len()).map(|bin| ((sum(a, bin) + sum(&b, bin)) / count[bin] as f64) as f32).collect();
    TimestepLossRow { step: b.step, mean, count }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(rows: impl IntoIterator<Item = TimestepLossRow>) -> Vec<TimestepLossRow> {
        let mut merged = MergedRows::default();
        rows.into_iter().for_each(|row| merged.push(row));
        merged.finish()
    }

    #[test]
    fn rows_are_merged_by_their_counts_and_the_newest_step_stays() {
        let row = |step: usize| TimestepLossRow {
            step: step as u64,
            mean: vec![step as f32, if step.is_multiple_of(2) { f32::NAN } else { 1.0 }],
            count: vec![1 + (step % 2) as u32 * 2, (step % 2) as u32],
        };
        let rows = all((1..=2 * MOST).map(row));
        assert_eq!(rows.len(), MOST);
        assert_eq!(rows[0].count, [4, 1]);
        assert_eq!(rows[0].mean, [1.25, 1.0]);
        assert_eq!(rows[MOST - 1].step, 2 * MOST as u64);
        assert_eq!(all((1..=MOST).map(row)).len(), MOST, "so many are kept as they are");
    }

    #[test]
    fn nothing_is_lost_of_any_number_of_rows() {
        for n in [0, 1, 2, 1999, 2000, 2001, 2002, 4001, 4002, 4003, 9999, 40_000] {
            let rows = all((0..n).map(|step| TimestepLossRow { step, mean: vec![2.0], count: vec![1] }));
            assert!(rows.len() <= MOST + 1, "{n}: {}", rows.len());
            assert_eq!(rows.iter().map(|row| row.count[0] as u64).sum::<u64>(), n);
            assert_eq!(rows.last().map(|row| row.step), n.checked_sub(1));
            assert!(rows.is_sorted_by(|a, b| a.step < b.step));
        }
    }
}
