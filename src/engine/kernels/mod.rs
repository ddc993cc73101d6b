//! Forward and backward operations of the networks.
//!
//! Everything is channels last: activations `[N, H, W, C]`, convolution weights
//! `[k, k, c_in, c_out]`, linear weights `[c_in, c_out]`, all f32 on a CPU. Biases and the affine
//! parameters of normalizations are `[C]`, or `[N, C]` where they differ from sample to sample (the
//! time embedding folds in there).

mod attention;
#[cfg(test)]
mod bf16_tests;
mod buffers;
mod bundle;
pub mod changes;
mod columns;
mod conv;
pub mod device;
#[cfg(test)]
mod device_tests;
mod dispatch;
mod dropout_mask;
mod elementwise;
mod factor;
mod group_norm;
pub mod memory;
pub mod muon;
#[cfg(test)]
mod non_finite_tests;
pub mod optimizer;
mod padding;
pub mod peak;
pub mod precision;
pub mod reference;
mod resample;
mod residual;
mod sides;
mod simd;
mod storage;
mod tape;
#[cfg(test)]
mod tests;
pub mod threads;
mod tile;
pub mod tree_sum;
mod workers;

pub use conv::{KeptWeights, keeping_weights};
pub use dispatch::{
    add, attention, concat_channels, conv2d, film, group_norm, linear, norm_silu_conv2d, residual_block,
    residual_block_dropping, silu, squared_error, upsample_conv2d, upsample_nearest2x,
};
pub use dropout_mask::DropoutMask;
pub use padding::Padding;
pub use residual::ResidualBlock;
pub use simd::Isa;
pub use tape::record;
pub use workers::{Workers, default_threads};
