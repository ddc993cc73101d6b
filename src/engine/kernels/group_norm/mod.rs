//! Group normalization with its affine map and SiLU (Wu & He 2018, arXiv:1803.08494).
//!
//! x̂ = (x − μ) / √(σ² + eps) over the pixels and channels of a group, z = γ x̂ + β, y = z or
//! z · sigmoid(z).

mod forward;
mod gradient;
mod normalized;
mod op;
mod sample;
mod steps;
mod target;

pub(crate) use normalized::Normalized;
pub(crate) use op::{GroupNorm, backward, forward};
pub(crate) use sample::{Activation, AffineGradient, Batch, Moments, Settings, affine_gradient};
pub(crate) use steps::{Form, To, normalize, to_affine, to_input};
