//! What a step reports.

/// What one step did.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// Steps done, this one included.
    pub step: u64,
    /// Images seen / training images.
    pub epoch: f64,
    /// What is optimized: the mean over the samples of their mean squared error, weighted as the config says
    /// (Ho et al. 2020, eq. 14, without weights).
    pub loss: f64,
    /// Learning rate of this step.
    pub lr: f64,
    /// Global gradient norm before clipping.
    pub grad_norm: f64,
    /// Timestep and mean squared error of every sample, without weights.
    pub samples: Vec<(f64, f64)>,
}
