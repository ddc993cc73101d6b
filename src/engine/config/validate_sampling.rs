//! Can a sampler walk like that?

use super::validate::{ensure, not_negative, positive};
use super::{Config, ConfigError};

impl Config {
    /// The levels that samplers visit, and edm's churn.
    pub(super) fn check_levels(&self) -> Result<(), ConfigError> {
        let sample = &self.sample;
        positive("sample.rho", sample.rho, "use a number above 0; 7 is usual")?;
        for (key, value) in [
            ("sample.s_churn", sample.s_churn),
            ("sample.s_tmin", sample.s_tmin),
            ("sample.s_tmax", sample.s_tmax),
            ("sample.s_noise", sample.s_noise),
        ] {
            not_negative(key, value, "use a finite number, 0 or more")?;
        }
        for (key, value) in [("sample.sigma_min", sample.sigma_min), ("sample.sigma_max", sample.sigma_max)] {
            not_negative(key, value, "use a finite number above 0, or 0 for the schedule's own")?;
        }
        ensure(
            sample.sigma_min == 0.0 || sample.sigma_max == 0.0 || sample.sigma_min < sample.sigma_max,
            "sample.sigma_min",
            sample.sigma_min,
            format!("it has to lie below sample.sigma_max = {}", sample.sigma_max),
        )?;
        ensure(
            sample.lambda_min_clipped <= 0.0 && sample.lambda_min_clipped.is_finite(),
            "sample.lambda_min_clipped",
            sample.lambda_min_clipped,
            "use a finite number below 0, -5.1 is usual, or 0 for no clip",
        )?;
        ensure(
            (0.0..1.0).contains(&sample.shift_terminal),
            "sample.shift_terminal",
            sample.shift_terminal,
            "the last u lies above 0 and below 1; 0 leaves the levels as they are",
        )?;
        let last = self.diffusion.timesteps.saturating_sub(1) as f64;
        let falling = sample.timesteps.windows(2).all(|pair| pair[0] > pair[1]);
        ensure(
            falling && sample.timesteps.iter().all(|t| (0.0..=last).contains(t)),
            "sample.timesteps",
            format!("{:?}", sample.timesteps),
            match last {
                0.0 => "there is one timestep, 0".into(),
                _ => format!(
                    "list timesteps from the noisiest to the cleanest, each below the one before, within 0 to {last}"
                ),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate(set: &[&str]) -> Result<Vec<String>, ConfigError> {
        let set: Vec<String> = set.iter().map(|s| s.to_string()).collect();
        Config::default().with_overrides(&set).unwrap().validate()
    }

    #[test]
    fn every_spacing_is_possible_on_every_path() {
        for spacing in ["karras", "exponential", "beta", "lu"] {
            let spacing = format!("sample.spacing={spacing}");
            assert!(validate(&[&spacing, "sample.timesteps=[999, 400.5, 0]"]).is_ok());
            assert!(validate(&[&spacing, "diffusion.path=flow", "diffusion.prediction_type=flow"]).is_ok());
        }
    }

    #[test]
    fn levels_that_are_none_are_refused_by_key() {
        for set in [
            &["sample.sigma_min=-1"][..],
            &["sample.sigma_min=5", "sample.sigma_max=2"],
            &["sample.lambda_min_clipped=3"],
            &["sample.shift_terminal=1"],
        ] {
            let error = validate(set).unwrap_err().to_string();
            assert!(error.contains(set[0].split_once('=').unwrap().0), "{error}");
        }
    }
}
