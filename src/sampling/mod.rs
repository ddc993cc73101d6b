//! Samplers, guidance and respacing.
//!
//! A sampler is an iterator over steps: [`trajectory`] takes a [`Denoiser`], a schedule and the
//! settings, and yields [`SampleFrame`]s. Preview, film, tests and `difflab sample` all consume that one
//! iterator. Guidance is a [`Denoiser`] that wraps a [`Denoiser`].

use anyhow::Result;
use candle_core::Tensor;

/// Where on the path a network is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseLevel {
    /// What the network is told: the timestep, t ∈ 0..T (may be fractional for some samplers).
    pub t: f64,
    pub alpha: f64,
    pub sigma: f64,
}

/// x̂_0 and ε̂ for one batch, each `[N, H, W, C]`.
#[derive(Clone, Debug)]
pub struct Prediction {
    pub x_0: Tensor,
    pub epsilon: Tensor,
}

/// Anything that can say what the clean image behind x_t is: a network, an exact solution, a guided
/// pair of either.
pub trait Denoiser {
    /// `x_t` is `[N, H, W, C]`.
    fn predict(&self, x_t: &Tensor, at: NoiseLevel) -> Result<Prediction>;
}

/// One frame of a trajectory.
#[derive(Clone, Debug)]
pub struct SampleFrame {
    /// 0 is the starting noise; `total` the finished sample.
    pub index: usize,
    /// Network calls of the whole trajectory.
    pub total: usize,
    /// Timestep at which x_t stands after this frame (0 at the end).
    pub t: usize,
    pub x_t: Tensor,
    /// The estimate that led here; the starting frame has the zero image.
    pub x_0: Tensor,
}
