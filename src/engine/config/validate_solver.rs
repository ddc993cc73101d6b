//! Do the keys of the multistep solvers, and what bounds x_0, mean something?

use super::validate::{ensure, positive};
use super::{Config, ConfigError, SampleConfig, SamplerName};

/// The highest order of a multistep solver, of LMS.
const HIGHEST_ORDER: usize = 4;
const LEAST_PRK_STEPS: usize = 4;

impl Config {
    /// Refuses impossible numbers.
    pub(super) fn check_solver(&self) -> Result<(), ConfigError> {
        let sample = &self.sample;
        let highest = if sample.sampler == SamplerName::Lms { HIGHEST_ORDER } else { HIGHEST_ORDER - 1 };
        ensure(
            sample.solver_order <= highest,
            "sample.solver_order",
            sample.solver_order,
            format!("{} has an order of 1 to {highest}; 0 is its own", sample.sampler.name()),
        )?;
        ensure(
            sample.sampler != SamplerName::Pndm || sample.skip_prk_steps || self.visited() >= LEAST_PRK_STEPS,
            "sample.skip_prk_steps",
            false,
            "pndm then begins with three Runge-Kutta steps and needs sample.steps = 4 or more; set \
             sample.skip_prk_steps = true",
        )?;
        positive("sample.clip_sample_range", sample.clip_sample_range, "use a finite number above 0; 1 is usual")?;
        ensure(
            (0.0..=1.0).contains(&sample.dynamic_thresholding_ratio),
            "sample.dynamic_thresholding_ratio",
            sample.dynamic_thresholding_ratio,
            "a quantile lies from 0 to 1; 0.995 is usual",
        )?;
        ensure(
            sample.sample_max_value >= 1.0 && sample.sample_max_value.is_finite(),
            "sample.sample_max_value",
            sample.sample_max_value,
            "use a finite number, 1 or more",
        )?;
        Ok(())
    }

    /// The keys that were changed from their defaults and say nothing to this sampler on this path. To an autoencoder none
    /// of them says anything.
    pub(super) fn idle_warnings(&self) -> Vec<String> {
        if self.trains_autoencoder() {
            return Vec::new();
        }
        let changed = self.sample.differing_keys(&SampleConfig::default());
        let idle = self.sample.idle_keys(&self.diffusion, true).into_iter();
        idle.filter(|key| changed.iter().any(|path| path == key.path)).map(|key| key.words(key.path)).collect()
    }

    /// Steps of the run's own sampling.
    fn visited(&self) -> usize {
        if self.sample.timesteps.is_empty() { self.sample.steps } else { self.sample.timesteps.len() }
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
    fn impossible_numbers_are_refused_by_key() {
        for set in [
            &["sample.solver_order=4"][..],
            &["sample.solver_order=5", "sample.sampler=lms"],
            &["sample.skip_prk_steps=false", "sample.sampler=pndm", "sample.steps=3"],
            &["sample.clip_sample_range=0"],
            &["sample.dynamic_thresholding_ratio=1.5"],
            &["sample.sample_max_value=0.5"],
        ] {
            let error = validate(set).unwrap_err().to_string();
            assert!(error.contains(set[0].split_once('=').unwrap().0), "{error}");
        }
        assert!(validate(&["sample.solver_order=4", "sample.sampler=lms"]).is_ok());
    }

    #[test]
    fn a_key_that_says_nothing_to_the_sampler_is_named_and_one_that_does_is_not() {
        for (set, sampler) in [
            ("solver_order=1", "deis"),
            ("solver_type=heun", "dpmpp_2s"),
            ("solver_type=bh1", "unipc"),
            ("lower_order_final=false", "unipc"),
            ("euler_at_final=true", "dpmpp_2m_sde"),
            ("final_sigmas_type=sigma_min", "euler"),
            ("predict_x0=false", "unipc"),
            ("disable_corrector=[0]", "unipc"),
            ("skip_prk_steps=false", "pndm"),
            ("pndm_velocity=true", "pndm"),
            ("interpolation_type=log_linear", "euler"),
            ("lambda_min_clipped=-5.1", "dpmpp_3m"),
            ("thresholding=true", "ddim"),
        ] {
            let key = format!("sample.{} has no effect", set.split_once('=').unwrap().0);
            let set = format!("sample.{set}");
            let named = |sampler: &str| {
                // Two keys hang on a third.
                let third = match &*key {
                    "sample.lower_order_final has no effect" => "sample.solver_order=3",
                    "sample.euler_at_final has no effect" => "sample.final_sigmas_type=sigma_min",
                    _ => set.as_str(),
                };
                let warnings = validate(&[&set, third, &format!("sample.sampler={sampler}")]).unwrap();
                warnings.iter().any(|warning| warning.starts_with(&key))
            };
            let other = if set.contains("thresholding") { "euler" } else { "ddim" };
            assert!(!named(sampler) && named(other), "{set}");
        }
        let says = |set: &[&str], key: &str| {
            validate(set).unwrap().iter().any(|warning| warning.starts_with(&format!("sample.{key} has no effect")))
        };
        for key in ["sigma_min=0.1", "sigma_max=10", "sigma_range=leading"] {
            let set = format!("sample.{key}");
            let key = key.split_once('=').unwrap().0;
            assert!(says(&[&set], key) && !says(&[&set, "sample.spacing=beta"], key));
        }
        let flow = ["diffusion.path=flow", "diffusion.prediction_type=flow", "sample.shift_terminal=0.1"];
        assert!(says(&flow[2..], "shift_terminal") && !says(&flow, "shift_terminal"));
        assert!(says(&["sample.clip_sample_range=2"], "clip_sample_range"));
        assert!(says(&["sample.sample_max_value=2"], "sample_max_value"));
        assert!(validate(&[]).unwrap().is_empty());
    }
}
