//! The residual block as one operation: normalization, SiLU and convolution twice, and the way round,
//! over one input or two that lie side by side (the skip connections of a U-Net).
//!
//! It goes through the batch a few samples at a time: what one step leaves is in the cache when the
//! next one reads it, and only the block's input, its middle and its output are ever whole in memory.
//! The normalized activations are made again on the way back.

mod backward;
mod forward;
mod op;
mod plan;

pub(crate) use op::Residual;
pub(crate) use plan::Plan;
pub use plan::ResidualBlock;
