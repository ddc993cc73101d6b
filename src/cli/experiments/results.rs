//! What a run's folder says it came to.

use std::path::Path;

use anyhow::Result;

use crate::run::{self, StepRecord};

/// The losses of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    pub steps: Vec<StepRecord>,
}

impl Results {
    /// Of the run in `dir`; empty where it has none.
    ///
    /// # Errors
    /// When metrics.jsonl is there and cannot be read.
    pub fn of(dir: &Path) -> Result<Self> {
        Ok(Self { steps: run::read_metrics(dir)? })
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
