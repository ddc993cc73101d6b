//! Why training stopped by itself.

/// Something that ends a run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// The loss or a gradient is NaN or infinite. Weights, average and moments were not touched.
    #[error(
        "training diverged at step {step}: {seen} (loss {loss}, gradient norm {grad_norm}, learning rate {lr:.3e})\n  \
         the weights were left as they were before this step\n  try: {advice}"
    )]
    NotFinite {
        /// The step that could not be done, counted from 1.
        step: u64,
        /// "the loss is NaN", "the gradient of conv_in.weight is infinite".
        seen: String,
        loss: f64,
        grad_norm: f64,
        lr: f64,
        /// What may help, of what is not in force already.
        advice: String,
    },
    /// More processes share the work than there are parts of it.
    #[error("{0}")]
    TooManyRanks(String),
    /// A weight, its average or a moment is NaN or infinite; seen before a checkpoint would have kept it.
    #[error("training diverged: after step {step} {name} is no longer finite\n  try: {advice}")]
    WeightNotFinite {
        step: u64,
        /// "the weight conv_in.weight".
        name: String,
        advice: String,
    },
}
