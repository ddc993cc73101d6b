//! What a run leaves behind, line by line.

use serde::{Deserialize, Serialize};

/// One training step, as it is plotted and as a line of metrics.jsonl has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Steps done, this one included (1 after the first).
    pub step: u64,
    /// Images seen / training images.
    pub epoch: f64,
    pub loss: f64,
    /// The least and the largest loss since the line before, where `train.log_every` leaves steps out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_max: Option<f64>,
    /// Bias-corrected exponential average of the loss.
    pub loss_smoothed: f64,
    /// Held-out loss, when it was evaluated at this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_loss: Option<f64>,
    pub lr: f64,
    /// Global gradient norm before clipping.
    pub grad_norm: f64,
    /// Recent throughput of training alone (pauses excluded).
    pub images_per_s: f64,
    /// Memory of the process, MiB, and the share of the machine's processors that it has used lately: looked at about once
    /// a second, where the system tells them. Older runs lack both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_share: Option<f64>,
    /// The part of the step's time in which the processes that share it told each other losses and gradients, waiting for
    /// the slowest included, 0 to 1; none where one process trains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comm_share: Option<f64>,
    /// Time spent training, in seconds, over all sessions of the run. The last key of a line: `skim` finds its end by it.
    pub elapsed_s: f64,
}

/// A number of a line; `None` where it was not measured.
type Measured = fn(&StepRecord) -> Option<f64>;

impl StepRecord {
    /// What a line tells of its step: keys and numbers, in a line's order.
    pub const NUMBERS: [(&str, Measured); 13] = [
        ("epoch", |record| Some(record.epoch)),
        ("loss", |record| Some(record.loss)),
        ("loss_min", |record| record.loss_min),
        ("loss_max", |record| record.loss_max),
        ("loss_smoothed", |record| Some(record.loss_smoothed)),
        ("val_loss", |record| record.val_loss),
        ("lr", |record| Some(record.lr)),
        ("grad_norm", |record| Some(record.grad_norm)),
        ("images_per_s", |record| Some(record.images_per_s)),
        ("memory_mib", |record| record.memory_mib),
        ("cpu_share", |record| record.cpu_share),
        ("comm_share", |record| record.comm_share),
        ("elapsed_s", |record| Some(record.elapsed_s)),
    ];

    /// [`Self::NUMBERS`] of this line; `None` for one that was not measured.
    pub fn numbers(&self) -> impl Iterator<Item = (&'static str, Option<f64>)> {
        Self::NUMBERS.into_iter().map(|(key, number)| (key, number(self)))
    }
}

#[cfg(test)]
impl StepRecord {
    /// A line of a run that goes well, for tests to change what they are about.
    pub fn at(step: u64) -> Self {
        Self {
            step,
            epoch: 0.1,
            loss: 0.5,
            loss_min: None,
            loss_max: None,
            loss_smoothed: 0.6,
            val_loss: None,
            lr: 1e-3,
            grad_norm: 1.0,
            images_per_s: 100.0,
            memory_mib: None,
            cpu_share: None,
            comm_share: None,
            elapsed_s: step as f64,
        }
    }
}

/// Mean loss per bin over t, collected since the last row. Bin b covers t ∈ [b·T/B, (b+1)·T/B).
#[derive(Clone, Debug, PartialEq)]
pub struct TimestepLossRow {
    /// Step of the row (the last one it contains).
    pub step: u64,
    /// Mean loss of each bin; NaN where the count is 0.
    pub mean: Vec<f32>,
    /// Samples in each bin.
    pub count: Vec<u32>,
}

/// A line of timestep_loss.jsonl: a row with the first timestep of each bin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TimestepLossLine {
    pub step: u64,
    /// First t of each bin.
    pub t: Vec<usize>,
    /// `null` where nothing fell into the bin.
    pub mean: Vec<Option<f32>>,
    pub count: Vec<u32>,
}

impl TimestepLossLine {
    pub fn new(row: &TimestepLossRow, timesteps: usize) -> Self {
        let bins = row.mean.len().max(1);
        Self {
            step: row.step,
            t: (0..row.mean.len()).map(|b| (b * timesteps).div_ceil(bins)).collect(),
            mean: row.mean.iter().map(|&m| m.is_finite().then_some(m)).collect(),
            count: row.count.clone(),
        }
    }

    pub fn into_row(self) -> TimestepLossRow {
        let mean = self.mean.into_iter().map(|m| m.unwrap_or(f32::NAN)).collect();
        TimestepLossRow { step: self.step, mean, count: self.count }
    }
}

/// A line of events.jsonl: what happened when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Wall time, RFC 3339.
    pub time: String,
    pub step: u64,
    /// "start", "resume", "pause", "setting", "snapshot", "checkpoint", "preview", "warning",
    /// "error", "stop", "finish".
    pub kind: String,
    pub what: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_keys_of_a_line_and_what_stands_there() {
        let record = StepRecord {
            loss_min: Some(0.1),
            loss_max: Some(0.9),
            val_loss: Some(0.4),
            memory_mib: Some(30.0),
            cpu_share: Some(0.7),
            comm_share: Some(0.2),
            ..StepRecord::at(3)
        };
        let serde_json::Value::Object(mut line) = serde_json::to_value(&record).unwrap() else { unreachable!() };
        assert_eq!(line.remove("step"), Some(3.into()));
        for (key, number) in StepRecord::NUMBERS {
            assert_eq!(line.remove(key).and_then(|value| value.as_f64()), number(&record), "{key}");
        }
        assert!(line.is_empty(), "{line:?}");
        assert!(
            StepRecord::NUMBERS.iter().all(|(key, number)| *key != "val_loss" || number(&StepRecord::at(1)).is_none())
        );
    }
}
