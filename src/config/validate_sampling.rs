//! Can a sampler walk like that?

use super::validate::{ensure, not_negative, positive};
use super::{Config, ConfigError, PathName, TimestepSpacing};

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
        ensure(
            !(sample.spacing == TimestepSpacing::Karras && self.diffusion.path == PathName::Flow),
            "sample.spacing",
            "\"karras\"",
            "it divides the range of σ/α, which on path flow has no end: no signal is left at u = 1; use \"linspace\"",
        )?;
        let last = self.diffusion.timesteps.saturating_sub(1) as f64;
        let falling = sample.timesteps.windows(2).all(|pair| pair[0] > pair[1]);
        ensure(
            falling && sample.timesteps.iter().all(|t| (0.0..=last).contains(t)),
            "sample.timesteps",
            format!("{:?}", sample.timesteps),
            format!("list timesteps from the noisiest to the cleanest, each below the one before, within 0 to {last}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn karras_spacing_is_refused_where_it_has_no_end() {
        let validate = |set: &[&str]| {
            let set: Vec<String> = set.iter().map(|s| s.to_string()).collect();
            Config::default().with_overrides(&set).unwrap().validate()
        };
        assert!(validate(&["sample.spacing=karras", "sample.timesteps=[999, 400.5, 0]"]).is_ok());
        let flow = ["diffusion.path=flow", "diffusion.prediction_type=flow"];
        let error = validate(&[&flow[..], &["sample.spacing=karras"]].concat()).unwrap_err().to_string();
        assert!(error.contains("sample.spacing") && error.contains("linspace"), "{error}");
        assert!(validate(&flow).is_ok());
    }
}
