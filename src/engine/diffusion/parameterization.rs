//! What a network is told on a path, and what its answer means.

use std::sync::Arc;

use anyhow::{Result, bail};
use candle_core::Tensor;

use super::target::Inverse;
use super::{NoiseLevel, Schedule, Target, combine};
use crate::config::{ConfigError, DiffusionConfig, PathName, PredictionType};

/// A path together with the target that the network predicts on it.
#[derive(Clone, Debug)]
pub struct Parameterization {
    pub schedule: Arc<Schedule>,
    pub prediction_type: PredictionType,
    /// Standard deviation of the data, for EDM's scalings.
    pub sigma_data: f64,
}

impl Parameterization {
    /// The path and target of a config.
    ///
    /// # Errors
    /// As [`Schedule::from_config`]; [`ConfigError::Impossible`] when the target says nothing somewhere on
    /// the path (see [`Parameterization::check`]).
    pub fn from_config(config: &DiffusionConfig) -> Result<Self> {
        let schedule = Arc::new(Schedule::from_config(config)?);
        let this = Self { schedule, prediction_type: config.prediction_type, sigma_data: config.sigma_data };
        this.check()?;
        Ok(this)
    }

    /// Is every level's x_0 and ε determined by what the network says there?
    ///
    /// # Errors
    /// [`ConfigError::Impossible`] with the reason and the cure.
    pub fn check(&self) -> Result<(), ConfigError> {
        let noisiest = self.schedule.noisiest();
        let path = self.schedule.label();
        let problem = match self.prediction_type {
            PredictionType::Epsilon | PredictionType::Score if noisiest.alpha == 0.0 => format!(
                "path {path} ends with no signal at all (α = 0), where x_0 can't be computed from ε (a division by 0); \
                 use diffusion.prediction_type = \"v_prediction\"{}",
                if self.schedule.path == PathName::Flow { " or \"flow\"" } else { ", or leave some signal" }
            ),
            PredictionType::Flow if matches!(self.schedule.path, PathName::Ve | PathName::Edm) => format!(
                "on path {path} the velocity is dσ/du·ε, the noise times numbers up to {:.0}, which no network learns \
                 well; use diffusion.prediction_type = \"epsilon\" or \"edm\"",
                self.schedule.derivative(noisiest.t).1
            ),
            _ => return Ok(()),
        };
        Err(ConfigError::Impossible {
            key: "diffusion.prediction_type".into(),
            value: format!("{:?}", self.prediction_type.name()),
            problem,
        })
    }

    /// The target at a level, as a mixture of x_0 and ε.
    pub fn target(&self, at: NoiseLevel) -> Target {
        let derivative = match self.prediction_type {
            PredictionType::Flow => self.schedule.derivative(at.t),
            _ => (0.0, 0.0),
        };
        Target::of(self.prediction_type, at, derivative, self.sigma_data)
    }

    /// How x̂_0 and ε̂ follow from x_t and the output at a level.
    ///
    /// # Errors
    /// When the output does not determine them (ε at α = 0, x_0 at σ = 0).
    pub fn inverse(&self, at: NoiseLevel) -> Result<Inverse> {
        match self.target(at).invert(at.alpha, at.sigma) {
            Some(inverse) => Ok(inverse),
            None => bail!(
                "a prediction of type {} says nothing about x_0 and ε at α = {}, σ = {}; with zero terminal SNR train \
                 with prediction_type = \"v_prediction\"",
                self.prediction_type.name(),
                at.alpha,
                at.sigma
            ),
        }
    }

    /// (x̂_0, ε̂) from the network's output at one noise level; tensors `[N, H, W, C]`.
    ///
    /// # Errors
    /// As [`Parameterization::inverse`], or when the shapes disagree.
    pub fn to_x_0_and_epsilon(&self, output: &Tensor, x_t: &Tensor, at: NoiseLevel) -> Result<(Tensor, Tensor)> {
        let ((p, q), (r, s)) = self.inverse(at)?;
        Ok((combine(p, x_t, q, output)?, combine(r, x_t, s, output)?))
    }

    /// The output that a network would give where another's estimate is (x̂_0, ε̂).
    ///
    /// # Errors
    /// When the shapes disagree.
    pub fn from_x_0_and_epsilon(&self, x_0: &Tensor, epsilon: &Tensor, at: NoiseLevel) -> Result<Tensor> {
        self.target(at).mix(x_0, epsilon)
    }

    /// What x_t is multiplied by before the network sees it: EDM's c_in, 1/√(α²σ_data² + σ²), where the
    /// noise explodes (Karras et al. 2022, table 1); 1 elsewhere.
    pub fn input_scale(&self, at: NoiseLevel) -> f64 {
        match self.schedule.path {
            PathName::Ve | PathName::Edm => {
                1.0 / (at.alpha * at.alpha * self.sigma_data * self.sigma_data + at.sigma * at.sigma).sqrt()
            }
            PathName::Vp | PathName::VpSde | PathName::SubVpSde | PathName::Flow => 1.0,
        }
    }

    /// The time that the network is told: t; on path flow T·u (as diffusers counts, 0 at the data); on
    /// path edm 1000·c_noise = 250·ln σ (Karras et al. 2022, table 1, in the units of a timestep embedding).
    pub fn network_time(&self, at: NoiseLevel) -> f64 {
        match self.schedule.path {
            PathName::Edm => 250.0 * at.sigma.ln(),
            PathName::Flow => at.t + 1.0,
            PathName::Vp | PathName::VpSde | PathName::SubVpSde | PathName::Ve => at.t,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ScheduleName;
    use candle_core::Device;
    use proptest::prelude::*;

    const PATHS: [PathName; 6] =
        [PathName::Vp, PathName::VpSde, PathName::SubVpSde, PathName::Ve, PathName::Edm, PathName::Flow];

    fn tensor(values: &[f32]) -> Tensor {
        Tensor::from_slice(values, (1, 1, 1, values.len()), &Device::Cpu).unwrap()
    }

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn on(path: PathName, prediction_type: PredictionType) -> Parameterization {
        let config = DiffusionConfig { path, prediction_type, timesteps: 100, ..DiffusionConfig::default() };
        let schedule = Arc::new(Schedule::from_config(&config).unwrap());
        Parameterization { schedule, prediction_type, sigma_data: 0.5 }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn every_target_gives_back_the_image_and_the_noise_on_every_path(
            x_0 in prop::collection::vec(-1f32..1.0, 4),
            epsilon in prop::collection::vec(-4f32..4.0, 4),
            t in 2f64..90.0,
        ) {
            let (x_0, epsilon) = (tensor(&x_0), tensor(&epsilon));
            for path in PATHS {
                for kind in PredictionType::ALL {
                    let here = on(path, kind);
                    let at = here.schedule.level(t);
                    let x_t = combine(at.alpha, &x_0, at.sigma, &epsilon).unwrap();
                    let target = here.target(at).mix(&x_0, &epsilon).unwrap();
                    let (x_0_hat, epsilon_hat) = here.to_x_0_and_epsilon(&target, &x_t, at).unwrap();
                    // f32 rounding of x_t and of the target grows by what each is multiplied with.
                    let ((p, q), (r, s)) = here.inverse(at).unwrap();
                    let size = |x: &Tensor| values(x).iter().fold(0f64, |m, v| m.max(f64::from(v.abs())));
                    let grows = |a: f64, b: f64| 1e-6 * (1.0 + a.abs() * size(&x_t) + b.abs() * size(&target)) as f32;
                    for (a, b) in values(&x_0).iter().zip(values(&x_0_hat)) {
                        prop_assert!((a - b).abs() < grows(p, q), "{:?} {:?} at {}: x_0 {} became {}", path, kind, t, a, b);
                    }
                    for (a, b) in values(&epsilon).iter().zip(values(&epsilon_hat)) {
                        prop_assert!((a - b).abs() < grows(r, s), "{:?} {:?} at {}: ε {} became {}", path, kind, t, a, b);
                    }
                }
            }
        }
    }

    #[test]
    fn noise_prediction_without_signal_is_refused_and_v_is_not() {
        let x = tensor(&[0.5, -0.5]);
        let end = NoiseLevel { t: 99.0, alpha: 0.0, sigma: 1.0 };
        let refused = on(PathName::Vp, PredictionType::Epsilon).to_x_0_and_epsilon(&x, &x, end).unwrap_err();
        assert!(refused.to_string().contains("v_prediction"));
        let (x_0, epsilon) = on(PathName::Vp, PredictionType::VPrediction).to_x_0_and_epsilon(&x, &x, end).unwrap();
        assert_eq!((values(&x_0), values(&epsilon)), (vec![-0.5, 0.5], vec![0.5, -0.5]));
    }

    #[test]
    fn targets_that_say_nothing_somewhere_are_refused_with_the_cure() {
        let config = |path, prediction_type| DiffusionConfig { path, prediction_type, ..DiffusionConfig::default() };
        let refusal = |config: &DiffusionConfig| Parameterization::from_config(config).unwrap_err().to_string();
        for target in [PredictionType::Epsilon, PredictionType::Score] {
            assert!(refusal(&config(PathName::Flow, target)).contains("or \"flow\""));
            let zero = DiffusionConfig { rescale_betas_zero_snr: true, ..config(PathName::Vp, target) };
            assert!(refusal(&zero).contains("v_prediction"));
        }
        assert!(refusal(&config(PathName::Ve, PredictionType::Flow)).contains("epsilon"));
        let allowed = PATHS
            .into_iter()
            .flat_map(|path| PredictionType::ALL.map(|target| config(path, target)))
            .filter(|config| Parameterization::from_config(config).is_ok())
            .count();
        assert_eq!(allowed, 36 - 4);
    }

    #[test]
    fn the_network_sees_numbers_of_about_unit_size() {
        let here = on(PathName::Edm, PredictionType::Edm);
        for t in [0, 50, 99] {
            let at = here.schedule.at(t);
            // Data with standard deviation 0.5 and unit noise.
            let deviation = (0.25 + at.sigma * at.sigma).sqrt();
            assert!((here.input_scale(at) * deviation - 1.0).abs() < 1e-12);
        }
        let flow = on(PathName::Flow, PredictionType::Flow);
        assert_eq!(flow.network_time(flow.schedule.noisiest()), 100.0);
        assert_eq!(flow.input_scale(flow.schedule.noisiest()), 1.0);
        let at = NoiseLevel { t: 3.0, alpha: 1.0, sigma: 0.002 };
        assert!((here.network_time(at) - 1000.0 * 0.002f64.ln() / 4.0).abs() < 1e-9);
        let linear = Schedule::named(ScheduleName::Linear, 10, 1e-3, 0.02).unwrap();
        let plain = Parameterization { schedule: Arc::new(linear), ..flow };
        assert_eq!(plain.network_time(plain.schedule.at(4)), 4.0);
    }
}
