//! Under which tags the things of a run stand.

use crate::run::records::{StepRecord, TimestepLossRow};

pub const PREVIEW: &str = "samples/preview";
pub const SNAPSHOT: &str = "samples/snapshot";

/// The quarters of t, the least noise first, as Nichol & Dhariwal's code logs them (`loss_q0` … `loss_q3`).
pub const QUARTERS: [&str; 4] = ["loss_by_t/q0", "loss_by_t/q1", "loss_by_t/q2", "loss_by_t/q3"];

/// The tag of a number of metrics.jsonl, by its key; the others are not written.
fn tag(key: &str) -> Option<&'static str> {
    Some(match key {
        "loss" => "loss/train",
        "loss_smoothed" => "loss/train_smoothed",
        "val_loss" => "loss/held_out",
        "lr" => "train/learning_rate",
        "grad_norm" => "train/gradient_norm",
        "epoch" => "train/epoch",
        "images_per_s" => "train/images_per_s",
        "memory_mib" => "train/memory_mib",
        "cpu_share" => "train/cpu_share",
        "comm_share" => "train/comm_share",
        _ => return None,
    })
}

/// What is written of a line of metrics.jsonl.
pub fn of_step(record: &StepRecord) -> Vec<(&'static str, f64)> {
    record.numbers().filter_map(|(key, number)| Some((tag(key)?, number?))).collect()
}

/// The mean loss in each quarter of t; `None` where no t fell into it.
pub fn by_quarter(row: &TimestepLossRow) -> [Option<f64>; 4] {
    let bins = row.mean.len();
    let (mut sums, mut counts) = ([0.0; 4], [0u64; 4]);
    for (bin, (&mean, &count)) in row.mean.iter().zip(&row.count).enumerate() {
        // By its first t; four bins or a multiple of them are cut exactly.
        let quarter = (4 * bin / bins).min(3);
        if count > 0 && mean.is_finite() {
            sums[quarter] += f64::from(mean) * f64::from(count);
            counts[quarter] += u64::from(count);
        }
    }
    std::array::from_fn(|i| (counts[i] > 0).then(|| sums[i] / counts[i] as f64))
}

/// What is written of a row.
pub fn of_row(row: &TimestepLossRow) -> Vec<(&'static str, f64)> {
    QUARTERS.into_iter().zip(by_quarter(row)).filter_map(|(tag, mean)| Some((tag, mean?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_the_mean_of_its_samples_and_an_empty_one_is_none() {
        let row = TimestepLossRow {
            step: 1,
            mean: vec![1.0, 4.0, 0.5, 0.5, f32::NAN, f32::NAN, 2.0, f32::NAN],
            count: vec![3, 1, 1, 1, 0, 0, 5, 0],
        };
        assert_eq!(by_quarter(&row), [Some(1.75), Some(0.5), None, Some(2.0)]);
        assert_eq!(of_row(&row), [("loss_by_t/q0", 1.75), ("loss_by_t/q1", 0.5), ("loss_by_t/q3", 2.0)]);
        let odd = TimestepLossRow { step: 1, mean: vec![1.0], count: vec![1] };
        assert_eq!(by_quarter(&odd), [Some(1.0), None, None, None]);
    }

    #[test]
    fn what_was_not_measured_has_no_tag() {
        let tags = |record: &StepRecord| of_step(record).into_iter().map(|(tag, _)| tag).collect::<Vec<_>>();
        assert!(!tags(&StepRecord::at(1)).contains(&"loss/held_out"));
        let measured = StepRecord { val_loss: Some(0.5), ..StepRecord::at(1) };
        assert!(of_step(&measured).contains(&("loss/held_out", 0.5)));
        assert_eq!(of_step(&StepRecord::at(1)).len(), 6);
    }
}
