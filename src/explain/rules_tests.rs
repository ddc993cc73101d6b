//! The samplers' rules come to what the samplers did, on every path and with every option.

use super::numbers_tests::{Bench, at, close};
use super::rules::{PixelCall, Rule, rules};
use super::{markdown, sampling_step};
use crate::config::SamplerName;

/// All calls of a trajectory at the followed pixel, and how each is explained.
pub(super) struct Walk {
    pub calls: Vec<PixelCall>,
    pub rules: Vec<Vec<Rule>>,
}

impl Walk {
    pub fn of(bench: &Bench) -> Self {
        let subject = bench.subject();
        let step = sampling_step::take(&subject, at(0)).unwrap();
        let calls = step.at_pixel(&subject.followed(at(0)).unwrap()).unwrap();
        let rules = (0..calls.len()).map(|i| rules(&calls[..=i])).collect();
        Self { calls, rules }
    }

    /// Compares each call from `first` on with what a formula makes of it.
    pub fn compare(&self, first: usize, formula: impl Fn(&[PixelCall], usize) -> f64) {
        assert!(self.calls.len() > first + 3, "{}", self.calls.len());
        for i in first..self.calls.len() {
            let want = formula(&self.calls, i);
            close(self.rules[i].last().unwrap().sum(), want, 1e-4);
            close(self.calls[i].x_s, want, 1e-4);
        }
    }

    pub fn part(&self, call: usize, symbol: &str) -> f64 {
        let all = self.rules[call].iter().flat_map(|rule| &rule.parts);
        all.clone().find(|part| part.0 == symbol).unwrap_or_else(|| panic!("no {symbol} at call {call}")).1
    }
}

#[test]
fn on_every_path_each_rule_comes_to_what_the_sampler_did() {
    let mut seen = 0;
    for sampler in SamplerName::ALL {
        for path in ["vp", "vp_sde", "sub_vp_sde", "ve", "edm", "flow"] {
            let flows = sampler.name().starts_with("flow");
            if flows && path != "flow" || sampler == SamplerName::Pc && path == "flow" {
                continue;
            }
            let target = match path {
                "ve" => "epsilon",
                "edm" => "edm",
                _ => "v_prediction",
            };
            let sets = [
                format!("sample.sampler={}", sampler.name()),
                format!("diffusion.path={path}"),
                format!("diffusion.prediction_type={target}"),
            ];
            let sets: Vec<&str> =
                sets.iter().map(String::as_str).chain(["sample.rtol=0.05", "sample.atol=0.05"]).collect();
            seen += holds(&Bench::new(&sets), &sets.join(" "));
        }
    }
    assert!(seen > 1000, "{seen}");
}

#[test]
fn with_every_option_each_rule_comes_to_what_the_sampler_did() {
    for (sampler, more) in [
        ("ddpm", "diffusion.variance_type=fixed_small"),
        ("ddpm", "diffusion.variance_type=fixed_large"),
        ("ddim", "sample.eta=0.5"),
        ("ddim", "sample.equal_strides=true sample.steps=7 sample.spacing=leading"),
        ("ddim", "diffusion.rescale_betas_zero_snr=true"),
        ("ddpm", "diffusion.rescale_betas_zero_snr=true"),
        ("euler", "sample.final_sigmas_type=sigma_min"),
        ("heun", "sample.spacing=karras"),
        ("edm", "sample.s_churn=8 sample.s_noise=1.1"),
        ("dpm_2_a", "sample.spacing=exponential"),
        ("dpmpp_2m", "sample.solver_type=heun sample.final_sigmas_type=sigma_min"),
        ("dpmpp_2m", "sample.solver_order=1"),
        ("dpmpp_2m_sde", "sample.solver_order=3 sample.steps=20"),
        ("dpmpp_2m_sde", "sample.solver_type=heun"),
        ("dpmpp_3m", "sample.lower_order_final=false sample.steps=20"),
        ("dpmpp_2s", "sample.solver_order=3"),
        ("dpmpp_2s", "sample.solver_order=3 sample.solver_type=heun"),
        ("unipc", "sample.solver_order=3 sample.solver_type=bh1 sample.steps=20"),
        ("unipc", "sample.predict_x0=false sample.solver_order=3"),
        ("unipc", "sample.disable_corrector=[0, 2]"),
        ("deis", "sample.solver_order=3 sample.steps=20"),
        ("lms", "sample.solver_order=3"),
        ("pndm", "sample.skip_prk_steps=false sample.spacing=leading"),
        ("pndm", "sample.skip_prk_steps=true sample.pndm_velocity=true"),
        ("pc", "sample.corrector_steps=2"),
    ] {
        let sets: Vec<String> = std::iter::once(format!("sample.sampler={sampler}"))
            .chain(more.replace(", ", ",").split(' ').map(String::from))
            .collect();
        for clip in ["sample.clip_sample=true", "sample.clip_sample=false"] {
            let sets: Vec<&str> = sets.iter().map(String::as_str).chain([clip]).collect();
            assert!(holds(&Bench::new(&sets), &sets.join(" ")) >= 7);
        }
    }
}

/// How many calls there are; all of them have a rule that holds, and the step is told by it.
fn holds(bench: &Bench, name: &str) -> usize {
    let walk = Walk::of(bench);
    for (i, (call, rules)) in walk.calls.iter().zip(&walk.rules).enumerate() {
        let rule = rules.last().unwrap_or_else(|| panic!("{name}, call {i}: no rule"));
        let (sum, done) = (rule.sum(), call.x_s);
        assert!((sum - done).abs() <= 3e-4 * (1.0 + done.abs()), "{name}, call {i}: {sum}, not {done}: {rule:?}");
        assert!(!rule.formulas.is_empty() && !rule.source.is_empty());
    }
    for t in [0, 33, 60, 95] {
        let said = sampling_step::explain(&bench.subject(), at(t)).unwrap();
        let text = markdown::markdown(&said, 1, |_| String::new());
        assert!(!text.contains("least squares") && !text.contains("NaN"), "{name}, t = {t}: {text}");
        assert!(text.contains(r"^{\text{sampler}}"), "{name}, t = {t}: {text}");
    }
    walk.calls.len()
}
