//! What a sampler is.

use anyhow::Result;
use candle_core::Tensor;

use super::{NoiseSource, Prediction, SamplerUpdate};
use crate::diffusion::NoiseLevel;

/// What one network call led to.
pub struct Step {
    /// Where the network is asked next; the sample itself at the end. `[N, H, W, C]`.
    pub x_t: Tensor,
    /// The level of that call; `None`: the sample is finished.
    pub next: Option<NoiseLevel>,
    /// By which rule x_t came about; `None` where that is no rule of one of the samplers.
    pub update: Option<SamplerUpdate>,
}

/// One sampler: it decides where the network is asked, and what to make of each answer. A sampler with
/// several calls a step (Heun, adaptive solvers) keeps what it needs between them.
pub trait Sampler: Send {
    /// The levels that it was given, at least one, the noisiest first. Those that choose their steps on the way
    /// are given the first alone.
    fn levels(&self) -> &[NoiseLevel];

    /// The level of the first call.
    fn first(&self) -> NoiseLevel {
        self.levels()[0]
    }

    /// Network calls of the whole trajectory: one at each level, unless the sampler says otherwise. Samplers
    /// that choose their steps on the way say what they expect by now.
    fn calls(&self) -> usize {
        self.levels().len()
    }

    /// What unit noise is multiplied by to stand at the first level, where that is not
    /// [`Schedule::noise_scale`](crate::diffusion::Schedule::noise_scale).
    fn noise_scale(&self) -> Option<f64> {
        None
    }

    /// Does it look at x̂_0 clamped, where the settings ask for that? Those that diffusers never clamps
    /// don't.
    fn clips(&self) -> bool {
        true
    }

    /// Does it look at x̂_0 thresholded, where the settings ask for that? Those that diffusers never thresholds,
    /// because they clamp nothing, don't.
    fn thresholds(&self) -> bool {
        true
    }

    /// Moves on, given the network's answer for `x_t` at the level that was asked for last.
    ///
    /// # Errors
    /// When shapes disagree or the device fails.
    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, noise: &mut dyn NoiseSource) -> Result<Step>;
}
