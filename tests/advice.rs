//! Every warning that says what to set: the command line takes it, and the warning goes.

use difflab::config::Config;
use difflab::diffusion::{Schedule, check_terminal_snr};
use difflab::sampling::check_config_stability;

/// Everything that a start warns of before it has seen the data.
fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = config.validate().unwrap();
    let schedule = Schedule::from_config(&config.diffusion).unwrap();
    warnings.extend(check_terminal_snr(&config.diffusion, &schedule));
    warnings.extend(check_config_stability(config));
    warnings
}

fn config(sets: &[String]) -> Config {
    Config::default().with_overrides(sets).unwrap()
}

/// "…; set a.b = 1 and a.c = 2, or a.d = "x" or "y"": [[a.b=1, a.c=2], [a.d="x"], [a.d="y"]].
fn advice(warning: &str) -> Vec<Vec<String>> {
    let verbs = ["Set ", "set ", "; use "];
    let Some(start) = verbs.iter().filter_map(|verb| warning.rfind(verb).map(|at| at + verb.len())).max() else {
        return Vec::new();
    };
    let text = warning[start..].replace(", or ", "|").replace(" or ", "|").replace(", ", "|");
    let mut key = String::new();
    let mut settings = |one: &str| -> Vec<String> {
        let mut found = Vec::new();
        for part in one.split(" and ") {
            let value = match part.split_once(" = ") {
                Some((name, value)) => {
                    key = name.trim().to_string();
                    value
                }
                None => part,
            };
            // What follows a value explains it.
            found.push(format!("{key}={}", value.split_whitespace().next().unwrap()));
        }
        found
    };
    text.split('|').map(&mut settings).collect()
}

#[test]
fn what_a_warning_advises_is_accepted_and_ends_it() {
    let table: &[&[&str]] = &[
        &["diffusion.timesteps=30", "train.timestep_bins=40", "preview.steps=20", "sample.steps=20"],
        &["train.steps=50"],
        &["train.steps=1", "train.warmup_steps=1"],
        &["model.class_conditional=true", "train.p_uncond=1"],
        &["model.class_conditional=true", "train.p_uncond=0", "sample.guidance_scale=1"],
        &["train.loss_weighting=vlb", "diffusion.path=edm", "sample.spacing=karras"],
        &["train.loss_weighting=min_snr", "diffusion.rescale_betas_zero_snr=true"],
        &["train.loss_weighting=p2", "diffusion.rescale_betas_zero_snr=true"],
        &["train.loss_weighting=p2", "diffusion.path=flow"],
        &["train.loss_weighting=min_snr", "diffusion.schedule=linear", "diffusion.beta_end=1"],
        &["diffusion.variance_type=learned_range", "train.vlb_weight=0"],
        // Schedules that never reach noise, with targets that need some signal and ones that do not.
        &["diffusion.schedule=linear", "diffusion.timesteps=100"],
        &["diffusion.schedule=linear", "diffusion.timesteps=100", "diffusion.prediction_type=epsilon"],
        &["diffusion.schedule=scaled_linear", "diffusion.timesteps=50"],
        &["diffusion.schedule=sigmoid", "diffusion.timesteps=50", "diffusion.prediction_type=epsilon"],
        &["diffusion.schedule=given", "diffusion.timesteps=4", "diffusion.betas=0.1,0.1,0.1,0.1"],
        &[
            "diffusion.schedule=given",
            "diffusion.timesteps=4",
            "diffusion.betas=0.1,0.1,0.1,0.1",
            "diffusion.prediction_type=epsilon",
        ],
        &["diffusion.path=ve", "diffusion.sigma_max=5", "sample.spacing=karras"],
        &["diffusion.path=edm", "diffusion.sigma_max=8", "sample.spacing=karras"],
        &["diffusion.path=vp_sde", "diffusion.beta_max=2"],
        // Samplers that make noise of a small error.
        &["diffusion.prediction_type=epsilon"],
        &["diffusion.prediction_type=epsilon", "sample.sampler=heun"],
        &["diffusion.prediction_type=score", "sample.sampler=dpmpp_2m"],
        &["diffusion.prediction_type=epsilon", "data.dataset=two_moons", "model.kind=mlp"],
        &["sample.sampler=heun", "sample.steps=20"],
    ];
    for sets in table {
        let mut sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
        // Few timesteps take few steps.
        if sets.contains(&"diffusion.timesteps=4".to_string()) {
            sets.extend(["train.timestep_bins=4", "preview.steps=4", "sample.steps=4"].map(String::from));
        }
        let told = warnings(&config(&sets));
        assert!(!told.is_empty(), "{sets:?} gave no warning");
        for warning in told {
            let all = advice(&warning);
            assert!(!all.is_empty(), "no advice in: {warning}");
            for one in all {
                let with: Vec<String> = sets.iter().chain(&one).cloned().collect();
                let after = Config::default().with_overrides(&with).unwrap_or_else(|e| panic!("{one:?}: {e}"));
                let left = after.validate().unwrap_or_else(|e| panic!("{warning}\n{one:?} is refused: {e}"));
                assert!(!left.contains(&warning), "{one:?} leaves: {warning}");
                // Not out of the frying pan into the fire.
                let (before, after) = (warnings(&config(&sets)), warnings(&after));
                let new: Vec<&String> = after.iter().filter(|w| !before.iter().any(|b| alike(b, w))).collect();
                assert!(new.is_empty(), "{one:?}, the cure of\n{warning}\nleads to\n{new:?}");
                assert!(!after.contains(&warning), "{one:?} leaves: {warning}");
            }
        }
    }
}

/// The same warning, with other numbers perhaps.
fn alike(a: &str, b: &str) -> bool {
    a.split(' ').zip(b.split(' ')).take(3).all(|(a, b)| a == b)
}
