//! Which keys of [sample] change nothing beside the others, and what they are for: one table for configs, flags and
//! `--set`.

use super::{
    DiffusionConfig, FinalSigmasType, InterpolationType, PathName, SampleConfig, SamplerName, SigmaRange, SolverType,
    TimestepSpacing,
};

/// A key that changes nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleKey {
    /// Dotted: "sample.eta".
    pub path: &'static str,
    /// "sampler ddim".
    pub is_for: &'static str,
}

impl IdleKey {
    /// "--eta has no effect here: it is for sampler ddim", of a key or of the flag that sets it.
    pub fn words(&self, called: &str) -> String {
        format!("{called} has no effect here: it is for {}", self.is_for)
    }
}

/// Below so many steps lower_order_final makes dpmpp_2m, dpmpp_3m, dpmpp_2m_sde and deis end with lower order.
const FEW_STEPS: usize = 15;

impl SampleConfig {
    /// The keys of `[sample]`, and of `[diffusion]` those that sampling alone may change, that change nothing on this path
    /// beside the others' values. `whole_way`: sampling begins with noise, and not at a strength below 1.
    ///
    /// Exact: `sampling::idle_keys_tests` tries every key with every sampler.
    pub fn idle_keys(&self, diffusion: &DiffusionConfig, whole_way: bool) -> Vec<IdleKey> {
        use SamplerName::*;
        // No `..`: a new key has to take its place here, or does not compile.
        let Self {
            sampler,
            steps,
            rtol: _,
            atol: _,
            corrector_snr: _,
            corrector_steps,
            eta: _,
            spacing,
            steps_offset: _,
            set_alpha_to_one: _,
            equal_strides: _,
            rho: _,
            sigma_min,
            sigma_max,
            sigma_range,
            interpolation_type,
            lambda_min_clipped: _,
            shift_terminal: _,
            timesteps,
            solver_order,
            solver_type,
            lower_order_final,
            euler_at_final: _,
            final_sigmas_type,
            predict_x0,
            disable_corrector: _,
            skip_prk_steps: _,
            pndm_velocity: _,
            s_churn,
            s_tmin: _,
            s_tmax: _,
            s_noise: _,
            guidance_scale,
            guidance_rescale: _,
            guidance_interval: _,
            negative_class: _,
            clip_sample,
            clip_sample_range: _,
            thresholding,
            dynamic_thresholding_ratio: _,
            sample_max_value,
            num: _,
            precision: _,
        } = self;
        let (steps, solver_order) = (*steps, *solver_order);
        let is = |samplers: &[SamplerName]| samplers.contains(sampler);
        let (vp, flow) = (diffusion.path == PathName::Vp, diffusion.path == PathName::Flow);

        let listed = !timesteps.is_empty();
        let visited = if listed { timesteps.len() } else { steps };
        let divides = !listed && spacing.divides_sigmas();
        let counts = !listed && !divides;
        let leading = counts && *spacing == TimestepSpacing::Leading;
        let both_ends = *sigma_min != 0.0 && *sigma_max != 0.0;
        let ranged = divides && vp && *sigma_range != SigmaRange::Whole && !both_ends;
        // Of all levels an adaptive sampler takes the first, which is the noisiest of the path unless these say so.
        let adaptive = sampler.is_adaptive();
        let given_first = divides && !flow && *sigma_max != 0.0;
        let leading_first = leading || ranged && *sigma_range == SigmaRange::Leading && *sigma_max == 0.0;
        let walks = !adaptive || whole_way && leading_first;
        // What these multiply the starting noise by hangs on whether the spacing, or the range, is leading.
        let scales_noise = vp && is(&[Euler, Heun, Edm, Lms, Dpm2, Dpm2A, EulerA]);

        let dpmpp = is(&[Dpmpp2m, Dpmpp3m, Dpmpp2mSde]);
        let multistep = dpmpp || is(&[Dpmpp2s, UniPc, Deis]);
        let unclamped = is(&[Euler, Lms, Dpm2, Dpm2A, Pndm]);
        let clips = !unclamped && !multistep;
        let thresholds = !unclamped && (*predict_x0 || !is(&[UniPc]));
        let order = match solver_order {
            0 if is(&[Dpmpp3m]) => 3,
            0 => 2,
            order => order,
        };
        let log_linear = is(&[Euler]) && vp && counts && *interpolation_type == InterpolationType::LogLinear;
        let ends_noisy = *final_sigmas_type == FinalSigmasType::SigmaMin;
        // Does the last step lead anywhere but to the clean image, and not to where it begins?
        let to_cleanest = match diffusion.path {
            PathName::Vp => divides && *sigma_min == 0.0 && *sigma_range == SigmaRange::Whole,
            PathName::Flow => false,
            _ => divides && *sigma_min == 0.0 || counts && !leading,
        };
        let at_end = to_cleanest || divides && is(&[UniPc, Deis]);
        let ends_apart = ends_noisy && !at_end;
        // Where the last step leads to the clean image it is of first order in any case.
        let lowers = match sampler {
            UniPc => ends_apart || order > 2,
            Dpmpp2s => ends_noisy && order > 1 && visited.is_multiple_of(order),
            _ => visited < FEW_STEPS && (ends_apart || order > 2),
        };
        let already_lower = *lower_order_final && visited < FEW_STEPS;
        let fits = match solver_type {
            SolverType::Bh1 | SolverType::Bh2 => is(&[UniPc]),
            SolverType::Midpoint | SolverType::Heun => (dpmpp || is(&[Dpmpp2s])) && order > 1,
            SolverType::Auto => is(&[UniPc]) || (dpmpp || is(&[Dpmpp2s])) && order > 1,
        };
        let guided = *guidance_scale != 0.0;
        let churned = is(&[Edm]) && *s_churn != 0.0;
        const GUIDANCE: &str = "guidance: a guidance_scale other than 0";
        const THRESHOLDED: &str = "thresholding = true, with a sampler that does it";
        const DIVIDING: &str = "the spacings karras, exponential, beta and lu on other paths than flow";
        const CHURNED: &str = "sampler edm with an s_churn above 0";

        [
            ("sample.sampler", true, ""),
            (
                "sample.steps",
                !listed && walks,
                if listed {
                    "sampling without a list of timesteps"
                } else {
                    "samplers that do not choose their own steps"
                },
            ),
            ("sample.rtol", adaptive, "sampler pf_ode"),
            ("sample.atol", adaptive, "sampler pf_ode"),
            ("sample.corrector_snr", is(&[Pc]) && *corrector_steps > 0, "sampler pc with corrector_steps above 0"),
            ("sample.corrector_steps", is(&[Pc]), "sampler pc"),
            ("sample.eta", is(&[Ddim]), "sampler ddim"),
            (
                "sample.spacing",
                if listed {
                    scales_noise && *spacing == TimestepSpacing::Leading
                } else {
                    walks || whole_way && given_first
                },
                if listed {
                    "sampling without a list of timesteps"
                } else {
                    "samplers that do not choose their own steps"
                },
            ),
            (
                "sample.steps_offset",
                (leading && vp || ranged && *sigma_range == SigmaRange::Leading) && walks,
                "spacing leading on path vp, or sigma_range leading",
            ),
            ("sample.set_alpha_to_one", is(&[Ddim, Pndm]) && vp, "the samplers ddim and pndm on path vp"),
            (
                "sample.equal_strides",
                is(&[Ddim, Pndm]) && vp && !leading,
                "the samplers ddim and pndm on path vp with another spacing than leading, whose strides are equal",
            ),
            (
                "sample.rho",
                divides && *spacing == TimestepSpacing::Karras && !adaptive && steps > 2,
                "spacing karras, of 3 steps or more, with samplers that do not choose their own steps",
            ),
            ("sample.sigma_min", divides && !flow && !adaptive && steps > 1, DIVIDING),
            ("sample.sigma_max", divides && !flow && (!adaptive || whole_way), DIVIDING),
            (
                "sample.sigma_range",
                divides && vp && walks && (!both_ends || scales_noise),
                "the spacings karras, exponential, beta and lu on path vp, without both sigma_min and sigma_max",
            ),
            (
                "sample.interpolation_type",
                is(&[Euler]) && vp && counts,
                "sampler euler on path vp with spacing leading, trailing or linspace",
            ),
            (
                "sample.lambda_min_clipped",
                (dpmpp || is(&[Dpmpp2s])) && vp && (counts || ranged),
                "the samplers dpmpp_2m, dpmpp_3m, dpmpp_2m_sde and dpmpp_2s on path vp with spacing leading, trailing \
                 or linspace",
            ),
            (
                "sample.shift_terminal",
                flow && !listed && !leading && !adaptive && steps > 1,
                "path flow with another spacing than leading, and samplers that do not choose their own steps",
            ),
            ("sample.timesteps", !adaptive || whole_way, "samplers that do not choose their own steps"),
            (
                "sample.solver_order",
                multistep || is(&[Lms]),
                "the samplers dpmpp_2m, dpmpp_3m, dpmpp_2m_sde, dpmpp_2s, unipc, deis and lms",
            ),
            (
                "sample.solver_type",
                fits,
                "the samplers dpmpp_2m, dpmpp_3m, dpmpp_2m_sde and dpmpp_2s beyond order 1 (midpoint, heun), and \
                 unipc (bh1, bh2)",
            ),
            (
                "sample.lower_order_final",
                multistep && lowers,
                "the samplers dpmpp_2m, dpmpp_3m, dpmpp_2m_sde, dpmpp_2s, unipc and deis, where they end in few steps \
                 at order 3, or with final_sigmas_type sigma_min",
            ),
            (
                "sample.euler_at_final",
                dpmpp && ends_apart && order > 1 && !already_lower,
                "the samplers dpmpp_2m, dpmpp_3m and dpmpp_2m_sde with final_sigmas_type sigma_min, where \
                 lower_order_final does not do it already",
            ),
            (
                "sample.final_sigmas_type",
                multistep || is(&[Euler, Lms]) && !log_linear,
                "the samplers euler, lms, dpmpp_2m, dpmpp_3m, dpmpp_2m_sde, dpmpp_2s, unipc and deis",
            ),
            ("sample.predict_x0", is(&[UniPc]), "sampler unipc"),
            ("sample.disable_corrector", is(&[UniPc]), "sampler unipc"),
            ("sample.skip_prk_steps", is(&[Pndm]), "sampler pndm"),
            ("sample.pndm_velocity", is(&[Pndm]), "sampler pndm"),
            ("sample.s_churn", is(&[Edm]), "sampler edm"),
            ("sample.s_tmin", churned, CHURNED),
            ("sample.s_tmax", churned, CHURNED),
            ("sample.s_noise", churned, CHURNED),
            ("sample.guidance_scale", true, ""),
            ("sample.guidance_rescale", guided, GUIDANCE),
            ("sample.guidance_interval", guided, GUIDANCE),
            ("sample.negative_class", guided, GUIDANCE),
            (
                "sample.clip_sample",
                clips && !thresholding,
                if *thresholding {
                    "sampling without thresholding, which takes its place"
                } else {
                    "other samplers than euler, lms, dpm_2, dpm_2_a, pndm, dpmpp_2m, dpmpp_3m, dpmpp_2m_sde, dpmpp_2s, \
                     unipc and deis, which take x_0 as it is"
                },
            ),
            (
                "sample.clip_sample_range",
                *clip_sample && clips && !thresholding,
                "clip_sample = true without thresholding, with a sampler that clamps",
            ),
            (
                "sample.thresholding",
                thresholds,
                "other samplers than euler, lms, dpm_2, dpm_2_a and pndm, which take x_0 as it is, and for unipc with \
                 predict_x0",
            ),
            (
                "sample.dynamic_thresholding_ratio",
                *thresholding && thresholds && *sample_max_value > 1.0,
                "thresholding = true with a sample_max_value above 1, and a sampler that does it",
            ),
            ("sample.sample_max_value", *thresholding && thresholds, THRESHOLDED),
            ("sample.num", true, ""),
            ("sample.precision", true, ""),
            (
                "diffusion.shift",
                flow && !listed && !leading && !adaptive,
                "path flow with another spacing than leading, and samplers that do not choose their own steps",
            ),
            ("diffusion.variance_type", is(&[Ddpm]), "sampler ddpm"),
        ]
        .into_iter()
        .filter(|(_, used, _)| !used)
        .map(|(path, _, is_for)| IdleKey { path, is_for })
        .collect()
    }

    /// Does sampling draw noise on its way, so that a seed says more than where it begins?
    pub fn draws_noise(&self) -> bool {
        use SamplerName::*;
        match self.sampler {
            Ddpm | EulerA | Dpm2A | Dpmpp2mSde | Pc => true,
            Ddim => self.eta > 0.0,
            Edm => self.s_churn > 0.0,
            Euler | Heun | Dpmpp2m | Dpmpp3m | UniPc | Dpmpp2s | Deis | Pndm | Lms | Dpm2 | PfOde | FlowEuler
            | FlowMidpoint | FlowHeun => false,
        }
    }

    /// The keys whose values differ: "sample.eta".
    pub fn differing_keys(&self, other: &Self) -> Vec<String> {
        // Plain structs of numbers, words and lists: nothing that TOML could refuse.
        let table = |config: &Self| toml::Table::try_from(config).unwrap_or_default();
        let (own, other) = (table(self), table(other));
        own.iter()
            .filter(|(key, value)| other.get(*key) != Some(value))
            .map(|(key, _)| format!("sample.{key}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::{Config, keys};

    #[test]
    fn every_key_of_sampling_has_its_place() {
        // Each key is idle somewhere, but those that never are.
        let mut idle = BTreeSet::from(["sample.sampler", "sample.guidance_scale", "sample.num", "sample.precision"]);
        for sampler in SamplerName::ALL {
            for whole_way in [true, false] {
                let sample = SampleConfig { sampler, ..SampleConfig::default() };
                idle.extend(sample.idle_keys(&DiffusionConfig::default(), whole_way).iter().map(|key| key.path));
            }
        }
        let known = keys().iter().map(|key| key.path.as_str()).filter(|path| path.starts_with("sample."));
        for key in known {
            assert!(idle.contains(key), "{key} is missing in the table of idle keys");
        }
        for key in &idle {
            assert!(keys().iter().any(|known| known.path == *key), "{key} is no key");
        }
    }

    #[test]
    fn keys_that_differ_are_found() {
        let set = ["sample.eta=0.5", "sample.timesteps=[9, 3]", "sample.steps=50"].map(String::from);
        let changed = Config::default().with_overrides(&set).unwrap().sample;
        assert_eq!(changed.differing_keys(&SampleConfig::default()), ["sample.eta", "sample.timesteps"]);
    }
}
