//! Why training stopped by itself.

/// Something that ends a run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// The loss or a gradient is NaN or infinite. The weights were not touched.
    #[error(
        "training diverged at step {step}: {seen} (loss {loss}, gradient norm {grad_norm}, learning rate {lr:.3e})\n  \
         the weights were left as they were before this step; the last checkpoint is untouched\n  \
         try: a smaller train.learning_rate (a tenth), a longer train.warmup_steps, or train.max_grad_norm = 1"
    )]
    NotFinite {
        /// The step that could not be done, counted from 1.
        step: u64,
        /// "the loss is NaN", "the gradient of conv_in.weight is infinite".
        seen: String,
        loss: f64,
        grad_norm: f64,
        lr: f64,
    },
    /// A weight is NaN or infinite; seen before a checkpoint would have kept it.
    #[error(
        "training diverged: after step {step} the weight {name} is no longer finite\n  \
         no checkpoint was written from these weights; the last one is untouched\n  \
         try: a smaller train.learning_rate (a tenth), a longer train.warmup_steps, or train.max_grad_norm = 1"
    )]
    WeightNotFinite { step: u64, name: String },
}
