//! What a batch costs, sample by sample.

use candle_core::Tensor;

/// Of each sample of a slice, `[N]` f32.
pub struct Losses {
    /// The plain mean squared error of the target.
    pub error: Tensor,
    /// What is optimized, before the correction for how the timesteps were drawn.
    pub term: Tensor,
}
