//! Targets, and the linear maps between them, given (x_t, α, σ).
//!
//! Every target y that a network can learn is a mixture y = a·x_0 + b·ε, and so is
//! x_t = α·x_0 + σ·ε. Two equations with two unknowns: from (x_t, y) follow x_0 and ε. A further
//! target (score: a = 0, b = −1/σ; flow: a = dα/dt, b = dσ/dt) is one more line in
//! [`Target::of`].

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;

use crate::config::PredictionType;

/// A target as the mixture `x_0`·x_0 + `epsilon`·ε at one noise level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    pub x_0: f64,
    pub epsilon: f64,
}

impl Target {
    /// The mixture of a prediction type where the path is at (α, σ).
    pub fn of(prediction_type: PredictionType, alpha: f64, sigma: f64) -> Self {
        match prediction_type {
            // Ho et al. 2020, eq. 14.
            PredictionType::Epsilon => Self { x_0: 0.0, epsilon: 1.0 },
            PredictionType::Sample => Self { x_0: 1.0, epsilon: 0.0 },
            // Salimans & Ho 2022, "Progressive Distillation", v = α ε − σ x_0.
            PredictionType::VPrediction => Self { x_0: -sigma, epsilon: alpha },
        }
    }

    /// Inverts the mixture: ((p, q), (r, s)) with x_0 = p·x_t + q·y and ε = r·x_t + s·y. None where x_t
    /// and y say the same thing: ε at α = 0, x_0 at σ = 0.
    pub fn invert(self, alpha: f64, sigma: f64) -> Option<((f64, f64), (f64, f64))> {
        let det = alpha * self.epsilon - sigma * self.x_0;
        let ok = det != 0.0 && det.is_finite();
        ok.then(|| ((self.epsilon / det, -sigma / det), (-self.x_0 / det, alpha / det)))
    }
}

impl PredictionType {
    /// What the network should output: the target of L_simple. `x_0` and `epsilon` are
    /// `[N, H, W, C]`, `alpha` and `sigma` `[N, 1, 1, 1]`.
    ///
    /// # Errors
    /// When the shapes disagree.
    pub fn target(self, x_0: &Tensor, epsilon: &Tensor, alpha: &Tensor, sigma: &Tensor) -> Result<Tensor> {
        match self {
            PredictionType::Epsilon => Ok(epsilon.clone()),
            PredictionType::Sample => Ok(x_0.clone()),
            PredictionType::VPrediction => Ok((epsilon.broadcast_mul(alpha)? - x_0.broadcast_mul(sigma)?)?),
        }
    }

    /// (x̂_0, ε̂) from the network's output at one noise level.
    ///
    /// # Errors
    /// When the output does not determine them (ε at α = 0, x_0 at σ = 0), or the shapes disagree.
    pub fn to_x_0_and_epsilon(self, output: &Tensor, x_t: &Tensor, alpha: f64, sigma: f64) -> Result<(Tensor, Tensor)> {
        let Some(((p, q), (r, s))) = Target::of(self, alpha, sigma).invert(alpha, sigma) else {
            bail!(
                "a prediction of type {self:?} says nothing about x_0 and ε at α = {alpha}, σ = {sigma}; with zero \
                 terminal SNR train with prediction_type = \"v_prediction\""
            );
        };
        Ok((combine(p, x_t, q, output)?, combine(r, x_t, s, output)?))
    }

    /// The output that a network of this type would give where another's estimate is (x̂_0, ε̂).
    ///
    /// # Errors
    /// When the shapes disagree.
    pub fn from_x_0_and_epsilon(self, x_0: &Tensor, epsilon: &Tensor, alpha: f64, sigma: f64) -> Result<Tensor> {
        let target = Target::of(self, alpha, sigma);
        combine(target.x_0, x_0, target.epsilon, epsilon)
    }
}

/// a·x + b·y, without touching a tensor whose factor is 0.
///
/// # Errors
/// When the shapes disagree.
pub fn combine(a: f64, x: &Tensor, b: f64, y: &Tensor) -> Result<Tensor> {
    ensure!(x.dims() == y.dims(), "shapes {:?} and {:?} do not match", x.dims(), y.dims());
    let scaled = |factor: f64, v: &Tensor| if factor == 1.0 { Ok(v.clone()) } else { v.affine(factor, 0.0) };
    Ok(match (a == 0.0, b == 0.0) {
        (_, true) => scaled(a, x)?,
        (true, false) => scaled(b, y)?,
        (false, false) => (scaled(a, x)? + scaled(b, y)?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use proptest::prelude::*;

    const TYPES: [PredictionType; 3] = [PredictionType::Epsilon, PredictionType::Sample, PredictionType::VPrediction];

    fn tensor(values: &[f32]) -> Tensor {
        Tensor::from_slice(values, (1, 1, 1, values.len()), &Device::Cpu).unwrap()
    }

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    proptest! {
        #[test]
        fn every_target_gives_back_the_image_and_the_noise(
            x_0 in prop::collection::vec(-1f32..1.0, 4),
            epsilon in prop::collection::vec(-4f32..4.0, 4),
            angle in 0.05f64..1.5,
        ) {
            let (alpha, sigma) = (angle.cos(), angle.sin());
            let (x_0, epsilon) = (tensor(&x_0), tensor(&epsilon));
            let x_t = combine(alpha, &x_0, sigma, &epsilon).unwrap();
            let column = |v: f64| Tensor::full(v as f32, (1, 1, 1, 1), &Device::Cpu).unwrap();
            for kind in TYPES {
                let target = kind.target(&x_0, &epsilon, &column(alpha), &column(sigma)).unwrap();
                let (x_0_hat, epsilon_hat) = kind.to_x_0_and_epsilon(&target, &x_t, alpha, sigma).unwrap();
                // f32 rounding grows by 1/α or 1/σ where the map divides by it.
                let tolerance = 4e-6 / alpha.min(sigma) as f32;
                for (a, b) in values(&x_0).iter().zip(values(&x_0_hat)) {
                    prop_assert!((a - b).abs() < tolerance, "{:?}: x_0 {} became {}", kind, a, b);
                }
                for (a, b) in values(&epsilon).iter().zip(values(&epsilon_hat)) {
                    prop_assert!((a - b).abs() < tolerance, "{:?}: ε {} became {}", kind, a, b);
                }
                // And from one type to any other.
                for other in TYPES {
                    let direct = other.target(&x_0, &epsilon, &column(alpha), &column(sigma)).unwrap();
                    let converted = other.from_x_0_and_epsilon(&x_0_hat, &epsilon_hat, alpha, sigma).unwrap();
                    for (a, b) in values(&direct).iter().zip(values(&converted)) {
                        prop_assert!((a - b).abs() < 2.0 * tolerance, "{:?} to {:?}", kind, other);
                    }
                }
            }
        }
    }

    #[test]
    fn v_is_the_rotation_of_image_and_noise() {
        let target = Target::of(PredictionType::VPrediction, 0.6, 0.8);
        assert_eq!((target.x_0, target.epsilon), (-0.8, 0.6));
        let ((p, q), (r, s)) = target.invert(0.6, 0.8).unwrap();
        for (got, expected) in [(p, 0.6), (q, -0.8), (r, 0.8), (s, 0.6)] {
            assert!((got - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn noise_prediction_without_signal_is_refused_and_v_is_not() {
        let x = tensor(&[0.5, -0.5]);
        let refused = PredictionType::Epsilon.to_x_0_and_epsilon(&x, &x, 0.0, 1.0).unwrap_err();
        assert!(refused.to_string().contains("v_prediction"));
        let (x_0, epsilon) = PredictionType::VPrediction.to_x_0_and_epsilon(&x, &x, 0.0, 1.0).unwrap();
        assert_eq!((values(&x_0), values(&epsilon)), (vec![-0.5, 0.5], vec![0.5, -0.5]));
    }

    #[test]
    fn shapes_that_differ_are_an_error() {
        assert!(combine(1.0, &tensor(&[1.0]), 1.0, &tensor(&[1.0, 2.0])).is_err());
    }
}
