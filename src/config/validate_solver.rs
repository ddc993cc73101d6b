//! Do the keys of the multistep solvers, and what bounds x_0, mean something?

use super::validate::{ensure, positive};
use super::{
    Config, ConfigError, FinalSigmasType, InterpolationType, PathName, SampleConfig, SamplerName, SigmaRange,
    SolverType,
};

/// The highest order of a multistep solver, of LMS.
const HIGHEST_ORDER: usize = 4;
const LEAST_PRK_STEPS: usize = 4;

/// A key, whether it is set, and what has to be for it to mean something: in words, and as it is.
type Meaning = (&'static str, bool, &'static str, bool);

impl Config {
    /// Refuses impossible numbers, and names the keys that are set and say nothing to this sampler on this path.
    pub(super) fn check_solver(&self, warnings: &mut Vec<String>) -> Result<(), ConfigError> {
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
        for (key, set, needed, met) in self.meanings() {
            if set && !met {
                warnings.push(format!("sample.{key} has no effect here: it is for {needed}"));
            }
        }
        Ok(())
    }

    /// Steps of the run's own sampling.
    fn visited(&self) -> usize {
        if self.sample.timesteps.is_empty() { self.sample.steps } else { self.sample.timesteps.len() }
    }

    fn meanings(&self) -> [Meaning; 20] {
        use SamplerName::*;
        let (sample, usual) = (&self.sample, SampleConfig::default());
        let is = |samplers: &[SamplerName]| samplers.contains(&sample.sampler);
        let on = |path: PathName| self.diffusion.path == path;
        let dpmpp = is(&[Dpmpp2m, Dpmpp3m, Dpmpp2mSde]);
        let multistep = dpmpp || is(&[Dpmpp2s, UniPc, Deis]);
        let divides = sample.spacing.divides_sigmas() && sample.timesteps.is_empty();
        let unclamped = is(&[Euler, Lms, Dpm2, Dpm2A, Pndm]);
        let midpoint = is(&[Dpmpp2m, Dpmpp2mSde, Dpmpp2s]);
        let fits = match sample.solver_type {
            SolverType::Auto => true,
            SolverType::Midpoint | SolverType::Heun => midpoint,
            SolverType::Bh1 | SolverType::Bh2 => is(&[UniPc]),
        };
        let (clip, thresholding) = (sample.clip_sample, sample.thresholding);
        [
            (
                "solver_order",
                sample.solver_order != 0,
                "the samplers dpmpp_2m, dpmpp_3m, dpmpp_2m_sde, dpmpp_2s, unipc, deis and lms",
                multistep || is(&[Lms]),
            ),
            (
                "solver_type",
                sample.solver_type != SolverType::Auto,
                "the samplers dpmpp_2m, dpmpp_2m_sde and dpmpp_2s (midpoint, heun) and unipc (bh1, bh2)",
                fits,
            ),
            (
                "lower_order_final",
                !sample.lower_order_final,
                "the samplers dpmpp_2m, dpmpp_3m, dpmpp_2m_sde, dpmpp_2s, unipc and deis",
                multistep,
            ),
            ("euler_at_final", sample.euler_at_final, "the samplers dpmpp_2m, dpmpp_3m and dpmpp_2m_sde", dpmpp),
            (
                "final_sigmas_type",
                sample.final_sigmas_type != FinalSigmasType::Zero,
                "the samplers euler, lms, dpmpp_2m, dpmpp_3m, dpmpp_2m_sde, dpmpp_2s, unipc and deis",
                multistep || is(&[Euler, Lms]),
            ),
            ("predict_x0", !sample.predict_x0, "sampler unipc", is(&[UniPc])),
            ("disable_corrector", !sample.disable_corrector.is_empty(), "sampler unipc", is(&[UniPc])),
            ("skip_prk_steps", !sample.skip_prk_steps, "sampler pndm", is(&[Pndm])),
            ("pndm_velocity", sample.pndm_velocity, "sampler pndm", is(&[Pndm])),
            (
                "sigma_min",
                sample.sigma_min != 0.0,
                "the spacings karras, exponential, beta and lu on other paths than flow",
                divides && !on(PathName::Flow),
            ),
            (
                "sigma_max",
                sample.sigma_max != 0.0,
                "the spacings karras, exponential, beta and lu on other paths than flow",
                divides && !on(PathName::Flow),
            ),
            (
                "sigma_range",
                sample.sigma_range != SigmaRange::Whole,
                "the spacings karras, exponential, beta and lu on path vp",
                divides && on(PathName::Vp),
            ),
            (
                "interpolation_type",
                sample.interpolation_type != InterpolationType::Linear,
                "sampler euler on path vp with spacing leading, trailing or linspace",
                is(&[Euler]) && on(PathName::Vp) && !divides && sample.timesteps.is_empty(),
            ),
            (
                "lambda_min_clipped",
                sample.lambda_min_clipped != 0.0,
                "the samplers dpmpp_2m, dpmpp_3m, dpmpp_2m_sde and dpmpp_2s on path vp with spacing leading, trailing \
                 or linspace",
                (dpmpp || is(&[Dpmpp2s])) && on(PathName::Vp) && !divides && sample.timesteps.is_empty(),
            ),
            (
                "shift_terminal",
                sample.shift_terminal != 0.0,
                "path flow with another spacing than leading",
                on(PathName::Flow) && sample.timesteps.is_empty() && sample.spacing != super::TimestepSpacing::Leading,
            ),
            (
                "thresholding",
                thresholding,
                "other samplers than euler, lms, dpm_2, dpm_2_a and pndm, which take x_0 as it is, and for unipc with \
                 predict_x0",
                !unclamped && (sample.predict_x0 || !is(&[UniPc])),
            ),
            (
                "clip_sample",
                clip && !thresholding,
                "other samplers than euler, lms, dpm_2, dpm_2_a, pndm, dpmpp_2m, dpmpp_3m, dpmpp_2m_sde, dpmpp_2s, \
                 unipc and deis, which take x_0 as it is",
                !unclamped && !multistep,
            ),
            (
                "clip_sample_range",
                sample.clip_sample_range != usual.clip_sample_range,
                "clip_sample = true without thresholding",
                clip && !thresholding,
            ),
            (
                "dynamic_thresholding_ratio",
                sample.dynamic_thresholding_ratio != usual.dynamic_thresholding_ratio,
                "thresholding = true",
                thresholding,
            ),
            (
                "sample_max_value",
                sample.sample_max_value != usual.sample_max_value,
                "thresholding = true",
                thresholding,
            ),
        ]
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
                let warnings = validate(&[&set, &format!("sample.sampler={sampler}")]).unwrap();
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
