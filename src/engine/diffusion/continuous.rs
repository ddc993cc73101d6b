//! The paths of continuous time u ∈ [0, 1], u = 0 at the data: α(u), σ(u), their derivatives and inverse.

use anyhow::{Result, ensure};

use crate::config::{DiffusionConfig, PathName};

/// A path given by formulas rather than by a list of β.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Continuous {
    /// dx = −½β(u)x du + √β(u) dw with β(u) = β_min + u(β_max − β_min): Song et al. 2021, "Score-Based
    /// Generative Modeling through Stochastic Differential Equations", eq. 11 and 33.
    VpSde { beta_min: f64, beta_max: f64 },
    /// The same drift with less noise on the way, σ = 1 − α²: Song et al. 2021, eq. 12 and 35.
    SubVpSde { beta_min: f64, beta_max: f64 },
    /// α = 1, σ from σ_min to σ_max in equal ratios: Song et al. 2021, eq. 9 and 31. EDM walks the same
    /// path; it weighs and steps differently.
    Ve { sigma_min: f64, sigma_max: f64 },
    /// α = 1 − u, σ = u: Liu et al. 2023, "Flow Straight and Fast"; the optimal-transport path of Lipman
    /// et al. 2023, "Flow Matching for Generative Modeling", eq. 20 with σ_min = 0.
    Flow,
}

/// σ_min and σ_max where the config leaves them at 0: NCSN's for images in [-1, 1], and EDM's table 1.
const VE_SIGMAS: (f64, f64) = (0.01, 50.0);
const EDM_SIGMAS: (f64, f64) = (0.002, 80.0);
/// Below this u the VP and sub-VP paths have so little noise that ε and velocity grow out of f32's reach
/// (Song et al. 2021, appendix C, stop sampling here too).
const LEAST_U: f64 = 1e-3;

impl Continuous {
    /// The continuous path that a config names; `None` for path vp, which is a list of β.
    ///
    /// # Errors
    /// When its β or σ make no path.
    pub fn from_config(config: &DiffusionConfig) -> Result<Option<Self>> {
        let (beta_min, beta_max) = (config.beta_min, config.beta_max);
        let sigmas = |(min, max): (f64, f64)| -> Result<Self> {
            let or = |given: f64, usual: f64| if given == 0.0 { usual } else { given };
            let (sigma_min, sigma_max) = (or(config.sigma_min, min), or(config.sigma_max, max));
            ensure!(
                sigma_min > 0.0 && sigma_min < sigma_max && sigma_max.is_finite(),
                "noise has to grow from diffusion.sigma_min to diffusion.sigma_max, both above 0, but they are \
                 {sigma_min} and {sigma_max}"
            );
            Ok(Self::Ve { sigma_min, sigma_max })
        };
        Ok(match config.path {
            PathName::Vp => None,
            PathName::VpSde | PathName::SubVpSde => {
                ensure!(
                    beta_min >= 0.0 && beta_min < beta_max && beta_max.is_finite(),
                    "β has to grow from diffusion.beta_min to diffusion.beta_max, but they are {beta_min} and {beta_max}"
                );
                Some(match config.path {
                    PathName::VpSde => Self::VpSde { beta_min, beta_max },
                    _ => Self::SubVpSde { beta_min, beta_max },
                })
            }
            PathName::Ve => Some(sigmas(VE_SIGMAS)?),
            PathName::Edm => Some(sigmas(EDM_SIGMAS)?),
            PathName::Flow => Some(Self::Flow),
        })
    }

    /// (α, σ) at u.
    pub fn alpha_sigma(self, u: f64) -> (f64, f64) {
        match self {
            Self::VpSde { beta_min, beta_max } => {
                let log_alpha = log_alpha(u, beta_min, beta_max);
                (log_alpha.exp(), (-(2.0 * log_alpha).exp_m1()).sqrt())
            }
            Self::SubVpSde { beta_min, beta_max } => {
                let log_alpha = log_alpha(u, beta_min, beta_max);
                (log_alpha.exp(), -(2.0 * log_alpha).exp_m1())
            }
            Self::Ve { sigma_min, sigma_max } => (1.0, sigma_min * (sigma_max / sigma_min).powf(u)),
            Self::Flow => (1.0 - u, u),
        }
    }

    /// β(u), the rate of the drift; `None` on paths that have none.
    pub fn beta(self, u: f64) -> Option<f64> {
        match self {
            Self::VpSde { beta_min, beta_max } | Self::SubVpSde { beta_min, beta_max } => {
                Some(beta_min + u * (beta_max - beta_min))
            }
            Self::Ve { .. } | Self::Flow => None,
        }
    }

    /// (dα/du, dσ/du) at u.
    pub fn derivative(self, u: f64) -> (f64, f64) {
        let (alpha, sigma) = self.alpha_sigma(u);
        match self {
            Self::VpSde { beta_min, beta_max } => {
                let beta = beta_min + u * (beta_max - beta_min);
                (-0.5 * beta * alpha, 0.5 * beta * alpha * alpha / sigma)
            }
            Self::SubVpSde { beta_min, beta_max } => {
                let beta = beta_min + u * (beta_max - beta_min);
                (-0.5 * beta * alpha, beta * alpha * alpha)
            }
            Self::Ve { sigma_min, sigma_max } => (0.0, sigma * (sigma_max / sigma_min).ln()),
            Self::Flow => (-1.0, 1.0),
        }
    }

    /// The u at which σ/α is `ratio` (0 or more, ∞ included), within 0..=1.
    pub fn u_of(self, ratio: f64) -> f64 {
        let u = match self {
            Self::VpSde { beta_min, beta_max } => {
                // α² = 1/(1 + ratio²).
                u_of_log_alpha(-0.5 * (ratio * ratio).ln_1p(), beta_min, beta_max)
            }
            Self::SubVpSde { beta_min, beta_max } => {
                // ratio = (1 − α²)/α.
                let alpha = 2.0 / (ratio + (ratio * ratio + 4.0).sqrt());
                u_of_log_alpha(alpha.ln(), beta_min, beta_max)
            }
            Self::Ve { sigma_min, sigma_max } => (ratio / sigma_min).ln() / (sigma_max / sigma_min).ln(),
            Self::Flow if ratio == f64::INFINITY => 1.0,
            Self::Flow => ratio / (1.0 + ratio),
        };
        u.clamp(0.0, 1.0)
    }

    /// The least u that networks are trained and asked at.
    pub fn least_u(self) -> f64 {
        match self {
            Self::VpSde { .. } | Self::SubVpSde { .. } => LEAST_U,
            Self::Ve { .. } => 0.0,
            Self::Flow => LEAST_U,
        }
    }
}

/// −½∫β du.
fn log_alpha(u: f64, beta_min: f64, beta_max: f64) -> f64 {
    -0.25 * u * u * (beta_max - beta_min) - 0.5 * u * beta_min
}

/// The root u ≥ 0 of [`log_alpha`] = `log_alpha`, in the form that loses no digits near 0.
fn u_of_log_alpha(log_alpha: f64, beta_min: f64, beta_max: f64) -> f64 {
    let (a, b, c) = (0.25 * (beta_max - beta_min), 0.5 * beta_min, -log_alpha);
    2.0 * c / (b + (b * b + 4.0 * a * c).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Continuous; 4] = [
        Continuous::VpSde { beta_min: 0.1, beta_max: 20.0 },
        Continuous::SubVpSde { beta_min: 0.1, beta_max: 20.0 },
        Continuous::Ve { sigma_min: 0.01, sigma_max: 50.0 },
        Continuous::Flow,
    ];

    #[test]
    fn derivatives_are_those_of_alpha_and_sigma() {
        for path in ALL {
            for u in [0.01, 0.2, 0.5, 0.9, 0.99] {
                let h = 1e-6;
                let ((a0, s0), (a1, s1)) = (path.alpha_sigma(u - h), path.alpha_sigma(u + h));
                let (da, ds) = path.derivative(u);
                let close = |a: f64, b: f64| (a - b).abs() < 1e-6 * (1.0 + b.abs());
                assert!(close((a1 - a0) / (2.0 * h), da) && close((s1 - s0) / (2.0 * h), ds), "{path:?} at {u}");
            }
        }
    }

    #[test]
    fn the_inverse_leads_back() {
        for path in ALL {
            for u in [0.001, 0.02, 0.37, 0.8, 1.0] {
                let (alpha, sigma) = path.alpha_sigma(u);
                let back = path.u_of(sigma / alpha);
                assert!((back - u).abs() < 1e-9, "{path:?}: {u} came back as {back}");
            }
        }
    }

    #[test]
    fn the_equations_of_the_papers_hold() {
        // Song et al. 2021: VP keeps the variance of unit data, sub-VP stays below, σ_sub = σ_vp².
        for u in [0.1, 0.5, 1.0] {
            let (alpha, sigma) = ALL[0].alpha_sigma(u);
            assert!((alpha * alpha + sigma * sigma - 1.0).abs() < 1e-14);
            let (sub_alpha, sub_sigma) = ALL[1].alpha_sigma(u);
            assert!(sub_alpha == alpha && (sub_sigma - sigma * sigma).abs() < 1e-14);
        }
        // ∫β du = β_min + ½(β_max − β_min) at u = 1.
        assert!((ALL[0].alpha_sigma(1.0).0.ln() + 0.5 * (0.1 + 0.5 * 19.9)).abs() < 1e-12);
        assert_eq!(ALL[2].alpha_sigma(0.0), (1.0, 0.01));
        assert!((ALL[2].alpha_sigma(0.5).1 - (0.01f64 * 50.0).sqrt()).abs() < 1e-12);
    }
}
