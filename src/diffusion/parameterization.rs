//! Targets, and the linear maps between them, given (x_t, α, σ). Adds methods to
//! [`PredictionType`].

use anyhow::Result;
use candle_core::Tensor;

use crate::config::PredictionType;

impl PredictionType {
    /// What the network should output. `alpha` and `sigma` are `[N, 1, 1, 1]`.
    pub fn target(self, _x_0: &Tensor, _epsilon: &Tensor, _alpha: &Tensor, _sigma: &Tensor) -> Result<Tensor> {
        todo!()
    }

    /// (x̂_0, ε̂) from the network's output at one noise level.
    pub fn to_x_0_and_epsilon(
        self,
        _output: &Tensor,
        _x_t: &Tensor,
        _alpha: f64,
        _sigma: f64,
    ) -> Result<(Tensor, Tensor)> {
        todo!()
    }
}
