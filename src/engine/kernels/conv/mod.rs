//! Convolution with its three gradients, 3×3 and 1×1, and the linear layer, which is a 1×1
//! convolution of one long row of pixels.
//!
//! Forward pass and data gradient are the same correlation over a zero-bordered copy of one sample,
//! with the weights packed into panels of columns; the weight gradient is a sum of outer products. 3×3
//! convolutions of stride 1 take Winograd's way where it gains. In mixed precision, processors with tiles of bf16 take neither
//! (`amx`).

#[cfg_attr(not(any(test, target_arch = "x86_64")), allow(dead_code))]
mod amx;
mod correlation;
mod form;
mod geometry;
mod groups;
mod kept;
mod narrow;
mod norm_op;
mod op;
mod out;
mod panels;
mod prepared;
mod samples;
mod source;
mod upsample_op;
mod weight_gradient;
mod winograd;
mod winograd_bf16;

pub(crate) use geometry::Geometry;
pub(crate) use groups::{groups, samples_at_once};
pub(crate) use kept::forward as prepared_forward;
pub use kept::{KeptWeights, keeping_weights};
pub(crate) use norm_op::NormConvolution;
pub(crate) use op::{Convolution, Linear};
pub(crate) use out::Add;
pub(crate) use prepared::{Prepared, WeightSum, push_pixel_sums, rows_or_sum};
pub(crate) use upsample_op::{UpsampleConvolution, doubled};
