//! What a run's folder says it came to.

use std::path::Path;

use anyhow::Result;

use crate::run::checkpoint::Progress;
use crate::run::{self, StepRecord};

/// The losses of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    pub steps: Vec<StepRecord>,
}

/// Which smoothing the tables' is: the screen has others.
pub fn smoothed_how() -> String {
    format!(
        "The smoothed loss is that of metrics.jsonl, a mean in which each step counts {} of the one after it; the screen's \
         Loss panel has smoothings of its own (S).",
        Progress::LOSS_DECAY
    )
}

impl Results {
    /// Of the run in `dir`; empty where it has none.
    ///
    /// # Errors
    /// When metrics.jsonl is there and cannot be read.
    pub fn of(dir: &Path) -> Result<Self> {
        Ok(Self { steps: run::read_metrics(dir)? })
    }

    /// Gives the last step its held-out loss, where train.eval_every passed it over: the mean of these errors, measured
    /// of its weights as training does.
    pub fn end_with(&mut self, held_out: &[f64]) {
        let Some(last) = self.steps.last_mut() else { return };
        if last.val_loss.is_none() && !held_out.is_empty() {
            last.val_loss = Some(held_out.iter().sum::<f64>() / held_out.len() as f64);
        }
    }

    /// Has it a last step, and that no held-out loss?
    pub fn lacks_held_out(&self) -> bool {
        self.steps.last().is_some_and(|last| last.val_loss.is_none())
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.steps.last().map_or(0, |record| record.step)
    }

    /// The newest smoothed loss.
    pub fn smoothed(&self) -> Option<f64> {
        self.steps.last().map(|record| record.loss_smoothed)
    }

    /// The newest held-out loss.
    pub fn held_out(&self) -> Option<f64> {
        self.steps.iter().rev().find_map(|record| record.val_loss)
    }

    /// (step, smoothed loss).
    pub fn smoothed_curve(&self) -> Vec<(f64, f64)> {
        self.steps.iter().map(|record| (record.step as f64, record.loss_smoothed)).collect()
    }

    /// (step, held-out loss), where it was measured.
    pub fn held_out_curve(&self) -> Vec<(f64, f64)> {
        self.steps.iter().filter_map(|record| Some((record.step as f64, record.val_loss?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_gets_its_held_out_loss_where_it_has_none() {
        let record = |step, val_loss| StepRecord {
            epoch: 0.0,
            loss: 1.0,
            loss_smoothed: 1.0,
            val_loss,
            lr: 0.0,
            grad_norm: 0.0,
            images_per_s: 0.0,
            elapsed_s: 0.0,
            ..StepRecord::at(step)
        };
        let mut results = Results { steps: vec![record(100, Some(0.5)), record(160, None)] };
        assert!(results.lacks_held_out());
        results.end_with(&[]);
        assert_eq!(results.held_out(), Some(0.5), "none are held out");
        results.end_with(&[0.1, 0.3]);
        assert_eq!((results.held_out(), results.lacks_held_out()), (Some(0.2), false));
        results.end_with(&[9.0]);
        assert_eq!(results.held_out_curve(), [(100.0, 0.5), (160.0, 0.2)]);
        Results::default().end_with(&[1.0]);
    }
}
