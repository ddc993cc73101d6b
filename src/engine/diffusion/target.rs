//! Targets, and the linear maps between them, given (x_t, α, σ).
//!
//! Every target y that a network can learn is a mixture y = a·x_0 + b·ε, and so is
//! x_t = α·x_0 + σ·ε. Two equations with two unknowns: from (x_t, y) follow x_0 and ε.

use anyhow::{Result, ensure};
use candle_core::Tensor;

use super::NoiseLevel;
use crate::config::PredictionType;

/// A target as the mixture `x_0`·x_0 + `epsilon`·ε at one noise level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    pub x_0: f64,
    pub epsilon: f64,
}

/// What a network's output means: ((p, q), (r, s)) with x_0 = p·x_t + q·y and ε = r·x_t + s·y.
pub type Inverse = ((f64, f64), (f64, f64));

impl Target {
    /// The mixture of a prediction type at a level. `derivative` is (dα/du, dσ/du) there, which only
    /// `flow` reads; `sigma_data` only `edm`.
    pub fn of(prediction_type: PredictionType, at: NoiseLevel, derivative: (f64, f64), sigma_data: f64) -> Self {
        let (alpha, sigma) = (at.alpha, at.sigma);
        match prediction_type {
            // Ho et al. 2020, eq. 14.
            PredictionType::Epsilon => Self { x_0: 0.0, epsilon: 1.0 },
            PredictionType::Sample => Self { x_0: 1.0, epsilon: 0.0 },
            // Salimans & Ho 2022, "Progressive Distillation", v = α ε − σ x_0; the root makes it the same
            // number for the same σ/α whatever the scale of x_t.
            PredictionType::VPrediction => {
                let norm = (alpha * alpha + sigma * sigma).sqrt();
                Self { x_0: -sigma / norm, epsilon: alpha / norm }
            }
            // The score is −ε/σ; the network learns σ times it (Song et al. 2021, appendix C.1).
            PredictionType::Score => Self { x_0: 0.0, epsilon: -1.0 },
            // Lipman et al. 2023, eq. 13: the velocity of the path through x_0 and ε.
            PredictionType::Flow => Self { x_0: derivative.0, epsilon: derivative.1 },
            // Karras et al. 2022, eq. 7 and table 1, with σ/α for σ and x_t/α for x:
            // F = (x_0 − c_skip x_t/α)/c_out.
            PredictionType::Edm => {
                let total = sigma * sigma + sigma_data * sigma_data * alpha * alpha;
                let c_skip = sigma_data * sigma_data * alpha / total;
                let c_out = sigma * sigma_data / total.sqrt();
                Self { x_0: (1.0 - c_skip * alpha) / c_out, epsilon: -c_skip * sigma / c_out }
            }
        }
    }

    /// Inverts the mixture. None where x_t and y say the same thing: ε at α = 0, x_0 at σ = 0.
    pub fn invert(self, alpha: f64, sigma: f64) -> Option<Inverse> {
        let det = alpha * self.epsilon - sigma * self.x_0;
        let ok = det != 0.0 && det.is_finite();
        ok.then(|| ((self.epsilon / det, -sigma / det), (-self.x_0 / det, alpha / det)))
    }

    /// The target's value, `[N, H, W, C]` like image and noise.
    ///
    /// # Errors
    /// When the shapes disagree.
    pub fn mix(self, x_0: &Tensor, epsilon: &Tensor) -> Result<Tensor> {
        combine(self.x_0, x_0, self.epsilon, epsilon)
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

    fn tensor(values: &[f32]) -> Tensor {
        Tensor::from_slice(values, (1, 1, 1, values.len()), &Device::Cpu).unwrap()
    }

    const AT: NoiseLevel = NoiseLevel { t: 0.0, alpha: 0.6, sigma: 0.8 };

    #[test]
    fn v_is_the_rotation_of_image_and_noise() {
        let target = Target::of(PredictionType::VPrediction, AT, (0.0, 0.0), 0.5);
        assert!((target.x_0 + 0.8).abs() < 1e-12 && (target.epsilon - 0.6).abs() < 1e-12);
        let ((p, q), (r, s)) = target.invert(0.6, 0.8).unwrap();
        for (got, expected) in [(p, 0.6), (q, -0.8), (r, 0.8), (s, 0.6)] {
            assert!((got - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn v_is_the_same_number_on_the_exploding_path() {
        // σ/α = 4/3 both times; diffusers' schedulers in sigma space read v this way.
        let at = NoiseLevel { t: 0.0, alpha: 1.0, sigma: 4.0 / 3.0 };
        let target = Target::of(PredictionType::VPrediction, at, (0.0, 0.0), 0.5);
        assert!((target.x_0 + 0.8).abs() < 1e-12 && (target.epsilon - 0.6).abs() < 1e-12);
    }

    #[test]
    fn edm_is_the_preconditioning_of_table_1() {
        let (sigma, sigma_data) = (0.7, 0.5);
        let at = NoiseLevel { t: 0.0, alpha: 1.0, sigma };
        let ((p, q), _) = Target::of(PredictionType::Edm, at, (0.0, 0.0), sigma_data).invert(1.0, sigma).unwrap();
        let total: f64 = sigma * sigma + sigma_data * sigma_data;
        assert!((p - sigma_data * sigma_data / total).abs() < 1e-12, "c_skip");
        assert!((q - sigma * sigma_data / total.sqrt()).abs() < 1e-12, "c_out");
    }

    #[test]
    fn the_edm_target_of_unit_data_has_unit_variance_at_every_level() {
        for ratio in [0.01, 0.3, 1.0, 7.0, 80.0] {
            let at = NoiseLevel { t: 0.0, alpha: 1.0, sigma: ratio };
            let target = Target::of(PredictionType::Edm, at, (0.0, 0.0), 0.5);
            // x_0 with standard deviation 0.5, ε with 1.
            let variance = target.x_0 * target.x_0 * 0.25 + target.epsilon * target.epsilon;
            assert!((variance - 1.0).abs() < 1e-9, "{ratio}: {variance}");
        }
    }

    #[test]
    fn shapes_that_differ_are_an_error() {
        assert!(combine(1.0, &tensor(&[1.0]), 1.0, &tensor(&[1.0, 2.0])).is_err());
    }
}
