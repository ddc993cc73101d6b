//! Each setting of each class: what it becomes here, or that it is refused by its name.

use serde_json::{Value, json};

use super::classes::{CLASSES, Class, Fate, Preset};
use super::scheduler::default_value;
use super::{Scheduling, read_json, scheduling};
use crate::config::{
    FinalSigmasType, InterpolationType, PathName, PredictionType, SamplerName, ScheduleName, SigmaRange, SolverType,
    TimestepSpacing, VarianceType,
};

fn read(class: &str, settings: Value) -> Scheduling {
    scheduling(class, &settings).unwrap_or_else(|error| panic!("{class} {settings}: {error:#}"))
}

fn refusal(class: &str, settings: Value) -> String {
    match scheduling(class, &settings) {
        Ok(read) => panic!("{class} {settings} is not refused but becomes {read:?}"),
        Err(error) => format!("{error:#}"),
    }
}

/// All keys written out, as diffusers saves them.
fn whole(class: &Class) -> Value {
    class.keys().map(|key| (key.name.to_string(), default_value(key.default))).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn keys_left_out_are_the_class_s_defaults() {
    for class in CLASSES {
        let (short, long) = (read(class.name, json!({})), read(class.name, whole(class)));
        assert_eq!(short, long, "{}", class.name);
        assert!(long.notes.is_empty(), "{}: {:?}", class.name, long.notes);
    }
}

#[test]
fn each_class_has_its_own_sampler_spacing_clamping_and_betas() {
    use SamplerName::*;
    use TimestepSpacing::*;
    for (class, sampler, spacing, clip, beta_end) in [
        ("DDPMScheduler", Ddpm, Leading, true, 0.02),
        ("DDPMParallelScheduler", Ddpm, Leading, true, 0.02),
        ("DDIMScheduler", Ddim, Leading, true, 0.02),
        ("DDIMParallelScheduler", Ddim, Leading, true, 0.02),
        ("PNDMScheduler", Pndm, Leading, false, 0.02),
        ("EulerDiscreteScheduler", Euler, Linspace, false, 0.02),
        ("EulerAncestralDiscreteScheduler", EulerA, Linspace, false, 0.02),
        ("HeunDiscreteScheduler", Heun, Linspace, false, 0.012),
        ("LMSDiscreteScheduler", Lms, Linspace, false, 0.02),
        ("KDPM2DiscreteScheduler", Dpm2, Linspace, false, 0.012),
        ("KDPM2AncestralDiscreteScheduler", Dpm2A, Linspace, false, 0.012),
        ("DPMSolverMultistepScheduler", Dpmpp2m, Linspace, false, 0.02),
        ("DPMSolverSinglestepScheduler", Dpmpp2s, Linspace, false, 0.02),
        ("DEISMultistepScheduler", Deis, Linspace, false, 0.02),
        ("UniPCMultistepScheduler", UniPc, Linspace, false, 0.02),
    ] {
        let Scheduling { sample, diffusion, .. } = read(class, json!({}));
        assert_eq!((sample.sampler, sample.spacing, sample.clip_sample), (sampler, spacing, clip), "{class}");
        assert_eq!((diffusion.schedule, diffusion.beta_end), (ScheduleName::Linear, beta_end), "{class}");
        assert_eq!(sample.steps, if sampler == Ddpm { 1000 } else { 50 }, "{class}");
    }
    assert!(!read("PNDMScheduler", json!({})).sample.set_alpha_to_one);
    assert!(!read("PNDMScheduler", json!({})).sample.skip_prk_steps);
    assert!(read("DDIMScheduler", json!({})).sample.set_alpha_to_one);
    // It has no key for it, and always ends there.
    assert_eq!(read("DEISMultistepScheduler", json!({})).sample.final_sigmas_type, FinalSigmasType::SigmaMin);
    let flow = read("FlowMatchHeunDiscreteScheduler", json!({"shift": 3.0, "num_train_timesteps": 500}));
    assert_eq!((flow.sample.sampler, flow.diffusion.path), (FlowHeun, PathName::Flow));
    assert_eq!((flow.diffusion.shift, flow.diffusion.timesteps), (3.0, 500));
}

#[test]
fn the_process_is_the_one_of_the_settings() {
    let settings = json!({
        "num_train_timesteps": 200, "beta_schedule": "scaled_linear", "beta_start": 0.001, "beta_end": 0.012,
        "clip_sample": false, "prediction_type": "v_prediction", "timestep_spacing": "trailing",
        "rescale_betas_zero_snr": true,
    });
    let Scheduling { diffusion, sample, .. } = read("DDIMScheduler", settings);
    assert_eq!((diffusion.schedule, diffusion.timesteps), (ScheduleName::ScaledLinear, 200));
    assert_eq!((diffusion.beta_start, diffusion.beta_end), (0.001, 0.012));
    assert!(diffusion.rescale_betas_zero_snr && !sample.clip_sample);
    assert_eq!(diffusion.prediction_type, PredictionType::VPrediction);
    assert_eq!((sample.sampler, sample.spacing), (SamplerName::Ddim, TimestepSpacing::Trailing));
    let given = read("DDPMScheduler", json!({"trained_betas": [0.1, 0.2], "num_train_timesteps": 2})).diffusion;
    assert_eq!((given.schedule, given.timesteps, given.betas), (ScheduleName::Given, 2, vec![0.1, 0.2]));
    for (word, expected) in [
        ("fixed_small", VarianceType::FixedSmall),
        ("fixed_small_log", VarianceType::FixedSmall),
        ("fixed_large", VarianceType::FixedLarge),
        ("learned_range", VarianceType::LearnedRange),
    ] {
        assert_eq!(read("DDPMScheduler", json!({"variance_type": word})).diffusion.variance_type, expected);
    }
    // DPM-Solver made from DDPM's settings keeps the word, and looks at learned variances alone.
    let dpm = |word: &str| read("DPMSolverMultistepScheduler", json!({"variance_type": word})).diffusion.variance_type;
    assert_eq!((dpm("fixed_large"), dpm("learned")), (VarianceType::FixedSmall, VarianceType::LearnedRange));
    // An offset would lead a step at each timestep beyond the last one.
    assert_eq!(read("DDPMScheduler", json!({"steps_offset": 1})).sample.steps, 999);
}

#[test]
fn clamping_and_thresholding_are_obeyed() {
    let clipped = read("HeunDiscreteScheduler", json!({"clip_sample": true, "clip_sample_range": 2.5})).sample;
    assert_eq!((clipped.clip_sample, clipped.clip_sample_range), (true, 2.5));
    let settings = json!({"thresholding": true, "dynamic_thresholding_ratio": 0.9, "sample_max_value": 1.5});
    for class in CLASSES.iter().filter(|class| class.key("thresholding").is_some()) {
        let sample = read(class.name, settings.clone()).sample;
        assert!(sample.thresholding, "{}", class.name);
        assert_eq!((sample.dynamic_thresholding_ratio, sample.sample_max_value), (0.9, 1.5), "{}", class.name);
    }
    assert!(refusal("DDIMScheduler", json!({"clip_sample_range": 0})).contains("clip_sample_range"));
    assert!(
        refusal("DDIMScheduler", json!({"thresholding": true, "sample_max_value": 0.5})).contains("sample_max_value")
    );
}

#[test]
fn solvers_have_their_orders_types_and_ends() {
    let dpm = |settings| read("DPMSolverMultistepScheduler", settings).sample;
    assert_eq!(dpm(json!({"solver_order": 1})).solver_order, 1);
    assert_eq!(dpm(json!({"solver_order": 3})).sampler, SamplerName::Dpmpp3m);
    let sde = dpm(json!({"algorithm_type": "sde-dpmsolver++", "solver_order": 3}));
    assert_eq!((sde.sampler, sde.solver_order), (SamplerName::Dpmpp2mSde, 3));
    assert_eq!(dpm(json!({"solver_type": "heun"})).solver_type, SolverType::Heun);
    assert_eq!(dpm(json!({"solver_type": "bh2"})).solver_type, SolverType::Auto, "as diffusers takes it");
    assert!(!dpm(json!({"lower_order_final": false})).lower_order_final);
    assert!(dpm(json!({"euler_at_final": true})).euler_at_final);
    assert_eq!(dpm(json!({"final_sigmas_type": "sigma_min"})).final_sigmas_type, FinalSigmasType::SigmaMin);
    let unipc = |settings| read("UniPCMultistepScheduler", settings).sample;
    assert_eq!(unipc(json!({"solver_order": 3})).solver_order, 3);
    assert_eq!(unipc(json!({"disable_corrector": [0, 2]})).disable_corrector, [0, 2]);
    let noise = unipc(json!({"predict_x0": false, "final_sigmas_type": "sigma_min", "solver_type": "bh1"}));
    assert_eq!((noise.predict_x0, noise.solver_type), (false, SolverType::Bh1));
    let pndm = read("PNDMScheduler", json!({"skip_prk_steps": true, "prediction_type": "v_prediction"})).sample;
    assert!(pndm.skip_prk_steps && pndm.pndm_velocity);
    assert_eq!(read("DEISMultistepScheduler", json!({"solver_order": 3})).sample.solver_order, 3);
    assert_eq!(
        read("DEISMultistepScheduler", json!({"algorithm_type": "dpmsolver++"})).sample.sampler,
        SamplerName::Deis
    );
}

#[test]
fn spacings_of_sigma_keep_their_ends() {
    for (key, spacing) in [
        ("use_karras_sigmas", TimestepSpacing::Karras),
        ("use_exponential_sigmas", TimestepSpacing::Exponential),
        ("use_beta_sigmas", TimestepSpacing::Beta),
    ] {
        for class in CLASSES.iter().filter(|class| class.key(key).is_some()) {
            assert_eq!(read(class.name, json!({key: true})).sample.spacing, spacing, "{} {key}", class.name);
        }
    }
    assert_eq!(
        read("DPMSolverMultistepScheduler", json!({"use_lu_lambdas": true})).sample.spacing,
        TimestepSpacing::Lu
    );
    let trailing = json!({"use_karras_sigmas": true, "timestep_spacing": "trailing"});
    assert_eq!(read("EulerDiscreteScheduler", trailing.clone()).sample.sigma_range, SigmaRange::Trailing);
    assert_eq!(read("LMSDiscreteScheduler", trailing.clone()).sample.sigma_range, SigmaRange::Trailing);
    assert_eq!(read("UniPCMultistepScheduler", trailing).sample.sigma_range, SigmaRange::Whole);
    let leading = json!({"use_beta_sigmas": true, "timestep_spacing": "leading", "steps_offset": 1});
    let sample = read("HeunDiscreteScheduler", leading).sample;
    assert_eq!((sample.sigma_range, sample.steps_offset), (SigmaRange::Leading, 1));
    let ends = json!({"use_karras_sigmas": true, "sigma_min": 0.05, "sigma_max": 20.0});
    for class in ["EulerDiscreteScheduler", "UniPCMultistepScheduler"] {
        let sample = read(class, ends.clone()).sample;
        assert_eq!((sample.sigma_min, sample.sigma_max), (0.05, 20.0), "{class}");
    }
    let unused = read("EulerDiscreteScheduler", json!({"sigma_min": 0.05})).sample;
    assert_eq!(unused.sigma_min, 0.0, "diffusers looks at it with a spacing of σ alone");
    let log = read("EulerDiscreteScheduler", json!({"interpolation_type": "log_linear"})).sample;
    assert_eq!(log.interpolation_type, InterpolationType::LogLinear);
    let flow = read("FlowMatchEulerDiscreteScheduler", json!({"use_karras_sigmas": true, "shift_terminal": 0.1}));
    assert_eq!((flow.sample.spacing, flow.sample.shift_terminal), (TimestepSpacing::Karras, 0.1));
    let dpm = |text: &str| read("DPMSolverMultistepScheduler", read_json(text).unwrap()).sample.lambda_min_clipped;
    assert_eq!(dpm("{\"lambda_min_clipped\": -Infinity}"), 0.0);
    assert_eq!(dpm("{\"lambda_min_clipped\": -5.1}"), -5.1);
}

#[test]
fn a_last_step_without_length_is_refused_where_diffusers_divides_by_it_and_said_where_it_may() {
    const MULTISTEP: &str = "DPMSolverMultistepScheduler";
    const UNIPC: &str = "UniPCMultistepScheduler";
    // What diffusers 0.42.1 gives in 10 steps and in 20, from noise, with T = 100: a number or NaN.
    for (class, order, solver_type, lower, in_10, in_20) in [
        (MULTISTEP, 2, "midpoint", false, true, true),
        (MULTISTEP, 2, "heun", false, false, false),
        (MULTISTEP, 2, "heun", true, true, false),
        (MULTISTEP, 3, "midpoint", false, false, false),
        (MULTISTEP, 3, "midpoint", true, true, false),
        ("DPMSolverSinglestepScheduler", 3, "heun", false, true, true),
        (UNIPC, 2, "bh2", false, true, true),
        (UNIPC, 3, "bh2", true, true, true),
        (UNIPC, 3, "bh2", false, false, false),
    ] {
        for spacing in ["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"] {
            let settings = json!({
                "solver_order": order, "solver_type": solver_type, "lower_order_final": lower,
                "final_sigmas_type": "sigma_min", spacing: true,
            });
            match scheduling(class, &settings) {
                Ok(read) => {
                    assert!(in_10, "{class} {settings}");
                    assert_eq!(read.notes.iter().any(|note| note.contains("15 steps or more")), !in_20, "{settings}");
                }
                Err(error) => assert!(!in_10 && format!("{error:#}").contains("lower_order_final"), "{error:#}"),
            }
        }
    }
}

#[test]
fn what_has_no_counterpart_is_refused_by_name() {
    const DDPM: &str = "DDPMScheduler";
    const DPM: &str = "DPMSolverMultistepScheduler";
    const UNIPC: &str = "UniPCMultistepScheduler";
    for (class, settings, named) in [
        ("EDMEulerScheduler", json!({}), "0.25"),
        ("ScoreSdeVeScheduler", json!({}), "ScoreSdeVeScheduler"),
        ("SASolverScheduler", json!({}), "SASolverScheduler"),
        (DDPM, json!({"prediction_type": "flow_prediction"}), "flow_prediction"),
        ("EulerAncestralDiscreteScheduler", json!({"prediction_type": "sample"}), "prediction_type"),
        (DDPM, json!({"beta_schedule": "laplace"}), "laplace"),
        ("DDIMScheduler", json!({"beta_schedule": "sigmoid"}), "beta_schedule"),
        (DDPM, json!({"timestep_spacing": "random"}), "random"),
        (DDPM, json!({"num_train_timesteps": 0}), "num_train_timesteps"),
        (DDPM, json!({"num_train_timesteps": "many"}), "num_train_timesteps"),
        (DDPM, json!({"trained_betas": "many"}), "trained_betas"),
        (DDPM, json!({"trained_betas": [0.1, 0.2]}), "trained_betas has 2 numbers and num_train_timesteps is 1000"),
        (DDPM, json!({"steps_offset": 1000}), "steps_offset = 1000"),
        (DDPM, json!({"clip_sample": 1}), "clip_sample = 1"),
        (DDPM, json!({"clip_sample": null}), "clip_sample = null"),
        (DDPM, json!({"variance_type": "learned"}), "variance_type"),
        (DDPM, json!({"variance_type": "fixed_large", "timestep_spacing": "trailing"}), "variance_type"),
        (DDPM, json!({"variance_type": "learned_range", "steps_offset": 1}), "steps_offset = 1"),
        (DPM, json!({"algorithm_type": "dpmsolver"}), "algorithm_type"),
        (DPM, json!({"solver_order": 4}), "solver_order"),
        (DPM, json!({"use_flow_sigmas": true}), "use_flow_sigmas"),
        (DPM, json!({"use_karras_sigmas": true, "use_beta_sigmas": true}), "use_karras_sigmas and use_beta_sigmas"),
        (DPM, json!({"lambda_min_clipped": 1.0}), "lambda_min_clipped"),
        (DPM, json!({"final_sigmas_type": "other"}), "final_sigmas_type"),
        (UNIPC, json!({"solver_type": "bh1"}), "solver_type"),
        (UNIPC, json!({"predict_x0": false}), "predict_x0"),
        (UNIPC, json!({"solver_p": ["diffusers", "DDIMScheduler"]}), "solver_p"),
        (UNIPC, json!({"shift_terminal": 0.1}), "shift_terminal"),
        (UNIPC, json!({"disable_corrector": [0.5]}), "disable_corrector"),
        (
            "EulerDiscreteScheduler",
            json!({"timestep_type": "continuous", "prediction_type": "v_prediction"}),
            "timestep_type",
        ),
        (
            "EulerDiscreteScheduler",
            json!({"use_beta_sigmas": true, "interpolation_type": "log_linear", "timestep_spacing": "leading"}),
            "interpolation_type",
        ),
        (DPM, json!({"algorithm_type": "deis"}), "algorithm_type"),
        ("FlowMatchEulerDiscreteScheduler", json!({"stochastic_sampling": true}), "stochastic_sampling"),
        ("FlowMatchEulerDiscreteScheduler", json!({"use_dynamic_shifting": true}), "use_dynamic_shifting"),
        ("FlowMatchEulerDiscreteScheduler", json!({"invert_sigmas": true}), "invert_sigmas"),
    ] {
        let message = refusal(class, settings.clone());
        assert!(message.contains(named), "{class} {settings}: {message}");
    }
}

/// Another value than the default, of the same type.
fn another(default: Preset) -> Value {
    match default {
        Preset::Number(number) if number.is_finite() => json!(if number == 0.0 { 1.0 } else { number / 2.0 }),
        Preset::Number(_) => json!(-1.0),
        Preset::Flag(flag) => json!(!flag),
        Preset::Word(_) => json!("something else"),
        Preset::Nothing => json!(0.5),
        Preset::Empty => json!([1]),
    }
}

#[test]
fn no_key_of_any_class_falls_through() {
    for class in CLASSES {
        for key in class.keys() {
            let settings = json!({key.name: another(key.default)});
            let changed = scheduling(class.name, &settings);
            match (key.fate, changed) {
                (Fate::DefaultOnly, changed) => {
                    let message = format!("{:#}", changed.unwrap_err());
                    assert!(message.contains(key.name), "{}: {message}", class.name);
                }
                (Fate::NoPart(_), changed) => {
                    let same = Scheduling { notes: Vec::new(), ..changed.unwrap() };
                    assert_eq!(same, read(class.name, json!({})), "{} {}", class.name, key.name);
                }
                // Those that decide nothing by themselves are refused or obeyed with others: the tests above.
                (Fate::Obeyed(_), Err(error)) => {
                    assert!(format!("{error:#}").contains(key.name), "{} {}: {error:#}", class.name, key.name);
                }
                (Fate::Obeyed(_), Ok(_)) => {}
            }
            let wrong = refusal_of_wrong_type(class, key.name, key.default);
            assert!(
                wrong.contains(key.name) || matches!(key.fate, Fate::NoPart(_)),
                "{} {}: {wrong}",
                class.name,
                key.name
            );
        }
    }
}

/// What is said of a value of a type that the key never has; nothing for keys that have no part.
fn refusal_of_wrong_type(class: &Class, key: &str, default: Preset) -> String {
    let value = if matches!(default, Preset::Flag(_)) { json!("yes") } else { json!({"a": 1}) };
    scheduling(class.name, &json!({key: value})).err().map(|error| format!("{error:#}")).unwrap_or_default()
}

#[test]
fn what_our_own_export_adds_is_taken_with_its_class_alone() {
    let ours = json!({"_class_name": "DDIMScheduler", "sample": {"sampler": "euler", "steps": 7, "eta": 0.25}});
    let sample = read("DDIMScheduler", json!({"_difflab": ours})).sample;
    assert_eq!((sample.sampler, sample.steps, sample.eta), (SamplerName::Euler, 7, 0.25));
    assert_eq!(read("DDPMScheduler", json!({"_difflab": ours})).sample.sampler, SamplerName::Ddpm);
    let wrong = json!({"_class_name": "DDIMScheduler", "sample": {"sampler": "no such"}});
    let read = read("DDIMScheduler", json!({"_difflab": wrong}));
    assert_eq!(read.sample.sampler, SamplerName::Ddim);
    assert!(read.notes[0].contains("_difflab"), "{:?}", read.notes);
}
