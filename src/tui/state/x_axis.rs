//! What the steps of a run are counted in.

use crate::lab::StepRecord;

/// What the x axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum XAxis {
    Step,
    Epoch,
    /// Training images seen.
    Images,
    /// Time spent training, seconds.
    Time,
    /// Floating-point operations of training.
    Flops,
}

impl XAxis {
    /// The one after, round and round; the arithmetic only where it is `counted`.
    pub fn next(self, counted: bool) -> Self {
        match self {
            XAxis::Step => XAxis::Epoch,
            XAxis::Epoch => XAxis::Images,
            XAxis::Images => XAxis::Time,
            XAxis::Time if counted => XAxis::Flops,
            XAxis::Time | XAxis::Flops => XAxis::Step,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            XAxis::Step => "step",
            XAxis::Epoch => "epoch",
            XAxis::Images => "images",
            XAxis::Time => "time",
            XAxis::Flops => "FLOPs",
        }
    }
}

/// What a training step costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepCosts {
    /// Images of a batch.
    pub images: f64,
    /// Floating-point operations, forward and backward; 0 where nobody has counted them.
    pub flops: f64,
}

/// An axis, as it counts the steps of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunAxis {
    pub axis: XAxis,
    pub costs: StepCosts,
}

/// A moment of the run on all axes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moment {
    pub step: u64,
    pub epoch: f64,
    pub elapsed_s: f64,
}

impl Moment {
    pub fn of(record: &StepRecord) -> Self {
        Self { step: record.step, epoch: record.epoch, elapsed_s: record.elapsed_s }
    }

    /// The coordinate on one axis.
    pub fn on(&self, RunAxis { axis, costs }: RunAxis) -> f64 {
        match axis {
            XAxis::Step => self.step as f64,
            XAxis::Epoch => self.epoch,
            XAxis::Images => self.step as f64 * costs.images,
            XAxis::Time => self.elapsed_s,
            XAxis::Flops => self.step as f64 * costs.flops,
        }
    }
}
