//! Which scheduler a run is exported with, and that reading it back gives the run.

use serde_json::{Value, json};

use super::{NotExpressible, class_of, scheduler_config, scheduling};
use crate::config::{
    DiffusionConfig, FinalSigmasType, PathName, PredictionType, SampleConfig, SamplerName, ScheduleName, SolverType,
    TimestepSpacing, VarianceType,
};
use crate::diffusion::Schedule;

fn config(path: PathName, prediction_type: PredictionType) -> DiffusionConfig {
    DiffusionConfig { path, prediction_type, timesteps: 100, ..DiffusionConfig::default() }
}

fn vp() -> DiffusionConfig {
    config(PathName::Vp, PredictionType::Epsilon)
}

fn by(sampler: SamplerName, spacing: TimestepSpacing) -> SampleConfig {
    SampleConfig { sampler, spacing, steps: 10, guidance_scale: 0.0, ..SampleConfig::default() }
}

#[test]
fn only_what_diffusers_samples_as_we_do_has_a_scheduler() {
    let class = |path, target, sampler| {
        let config = scheduler_config(&config(path, target), &by(sampler, TimestepSpacing::Trailing));
        config.map(|config| class_of(&config.settings).to_string())
    };
    for target in [PredictionType::Epsilon, PredictionType::Sample, PredictionType::VPrediction] {
        assert_eq!(class(PathName::Vp, target, SamplerName::Ddpm).unwrap(), "DDPMScheduler");
        assert_eq!(class(PathName::VpSde, target, SamplerName::Ddim).unwrap(), "DDIMScheduler");
        assert!(class(PathName::Flow, target, SamplerName::Ddim).is_err());
    }
    let flow = |sampler| class(PathName::Flow, PredictionType::Flow, sampler).unwrap();
    assert_eq!(flow(SamplerName::FlowEuler), "FlowMatchEulerDiscreteScheduler");
    assert_eq!(flow(SamplerName::FlowHeun), "FlowMatchHeunDiscreteScheduler");
    for (path, target) in [
        (PathName::Vp, PredictionType::Flow),
        (PathName::Vp, PredictionType::Edm),
        (PathName::SubVpSde, PredictionType::Epsilon),
        (PathName::Ve, PredictionType::Epsilon),
        (PathName::Edm, PredictionType::Edm),
    ] {
        let error = class(path, target, SamplerName::Ddim).unwrap_err();
        assert!(error.is::<NotExpressible>() && error.to_string().contains(path.name()), "{error}");
    }
}

#[test]
fn schedules_that_diffusers_does_not_name_are_written_out() {
    let made = |diffusion: &DiffusionConfig| scheduler_config(diffusion, &SampleConfig::default()).unwrap().settings;
    for schedule in [ScheduleName::Sigmoid, ScheduleName::SigmoidJabri] {
        let value = made(&DiffusionConfig { schedule, ..vp() });
        assert_eq!(value["trained_betas"].as_array().unwrap().len(), 100);
    }
    let value = made(&config(PathName::VpSde, PredictionType::Epsilon));
    let mut product = 1.0;
    for beta in value["trained_betas"].as_array().unwrap() {
        product *= 1.0 - beta.as_f64().unwrap();
    }
    // β from 0.1 to 20: ᾱ(1) = exp(−(0.1 + 20)/2).
    assert!((product / (-10.05f64).exp() - 1.0).abs() < 1e-9, "{product}");
    let named = made(&vp());
    assert_eq!(named["trained_betas"], Value::Null);
    assert_eq!(named["beta_schedule"], "squaredcos_cap_v2");
    // diffusers has the cosine's shift and cap built in.
    for own in [DiffusionConfig { cosine_s: 0.02, ..vp() }, DiffusionConfig { max_beta: 0.99, ..vp() }] {
        let value = made(&own);
        let betas: Vec<f64> = value["trained_betas"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
        assert_eq!(betas, Schedule::from_config(&own).unwrap().betas);
    }
}

#[test]
fn a_sampler_is_exported_as_its_namesake_with_its_settings() {
    let nearest = |sample: &SampleConfig| {
        let made = scheduler_config(&vp(), sample).unwrap();
        (made.nearest().clone(), made.notes)
    };
    let (dpm, notes) = nearest(&SampleConfig {
        solver_order: 1,
        solver_type: SolverType::Heun,
        final_sigmas_type: FinalSigmasType::SigmaMin,
        euler_at_final: true,
        ..by(SamplerName::Dpmpp2m, TimestepSpacing::Karras)
    });
    assert!(notes.is_empty(), "{notes:?}");
    for (key, value) in [
        ("_class_name", json!("DPMSolverMultistepScheduler")),
        ("solver_order", json!(1)),
        ("solver_type", json!("heun")),
        ("final_sigmas_type", json!("sigma_min")),
        ("euler_at_final", json!(true)),
        ("use_karras_sigmas", json!(true)),
        ("algorithm_type", json!("dpmsolver++")),
    ] {
        assert_eq!(dpm[key], value, "{key}");
    }
    assert_eq!(nearest(&by(SamplerName::Dpmpp3m, TimestepSpacing::Linspace)).0["solver_order"], 3);
    let sde = nearest(&by(SamplerName::Dpmpp2mSde, TimestepSpacing::Trailing)).0;
    assert_eq!((&sde["algorithm_type"], &sde["timestep_spacing"]), (&json!("sde-dpmsolver++"), &json!("trailing")));
    let ddim = SampleConfig { set_alpha_to_one: false, ..by(SamplerName::Ddim, TimestepSpacing::Leading) };
    let (ddim, notes) = nearest(&ddim);
    assert_eq!((&ddim["set_alpha_to_one"], notes.len()), (&json!(false), 0));
}

#[test]
fn samplers_that_the_pipeline_does_not_call_rightly_leave_it_ddim_and_say_so() {
    use SamplerName::*;
    for (sampler, class) in [
        (Euler, "EulerDiscreteScheduler"),
        (EulerA, "EulerAncestralDiscreteScheduler"),
        (Heun, "HeunDiscreteScheduler"),
        (Lms, "LMSDiscreteScheduler"),
        (Dpm2, "KDPM2DiscreteScheduler"),
        (Dpm2A, "KDPM2AncestralDiscreteScheduler"),
        (UniPc, "UniPCMultistepScheduler"),
        (Deis, "DEISMultistepScheduler"),
        (Pndm, "PNDMScheduler"),
    ] {
        let made = scheduler_config(&vp(), &by(sampler, TimestepSpacing::Linspace)).unwrap();
        assert_eq!(class_of(&made.settings), "DDIMScheduler", "{class}");
        assert_eq!(class_of(made.exact.as_ref().unwrap()), class);
        assert!(made.notes[0].contains(class) && made.notes[0].contains("README"), "{:?}", made.notes);
    }
}

#[test]
fn what_would_be_sampled_otherwise_is_said() {
    let said = |diffusion: DiffusionConfig, sample: SampleConfig, word: &str| {
        let notes = scheduler_config(&diffusion, &sample).unwrap().notes.join("\n");
        assert!(notes.contains(word), "{word} is missing in {notes:?}");
    };
    let ddim = || by(SamplerName::Ddim, TimestepSpacing::Trailing);
    said(vp(), SampleConfig { eta: 0.5, ..ddim() }, "eta = 0.5");
    said(vp(), SampleConfig { timesteps: vec![90.0, 3.0], ..ddim() }, "sample.timesteps");
    said(vp(), by(SamplerName::Ddim, TimestepSpacing::Linspace), "⌊T/n⌋ = 10");
    said(vp(), SampleConfig { steps: 30, ..ddim() }, "⌊T/n⌋ = 3");
    said(vp(), by(SamplerName::Ddim, TimestepSpacing::Karras), "karras");
    said(vp(), SampleConfig { rho: 3.0, ..by(SamplerName::Dpmpp2m, TimestepSpacing::Karras) }, "ρ = 3");
    said(vp(), by(SamplerName::PfOde, TimestepSpacing::Trailing), "pf_ode");
    said(vp(), by(SamplerName::Pc, TimestepSpacing::Trailing), "no counterpart");
    let clipped = SampleConfig { clip_sample: true, ..by(SamplerName::EulerA, TimestepSpacing::Trailing) };
    said(vp(), clipped, "clip_sample");
    let large = DiffusionConfig { variance_type: VarianceType::FixedLarge, ..vp() };
    said(large, by(SamplerName::Ddpm, TimestepSpacing::Trailing), "noise in the finished image");
    let learned = DiffusionConfig { variance_type: VarianceType::LearnedRange, ..vp() };
    said(learned, ddim(), "the variance is learned");
    let zero = DiffusionConfig { rescale_betas_zero_snr: true, ..config(PathName::Vp, PredictionType::VPrediction) };
    said(zero, by(SamplerName::Heun, TimestepSpacing::Trailing), "zero terminal SNR");
    let sample = config(PathName::Vp, PredictionType::Sample);
    said(sample, by(SamplerName::Pndm, TimestepSpacing::Leading), "predictions of sample");
    let flow = || config(PathName::Flow, PredictionType::Flow);
    said(flow(), by(SamplerName::FlowMidpoint, TimestepSpacing::Linspace), "flow_midpoint");
    let clipped = SampleConfig { clip_sample: true, ..by(SamplerName::FlowEuler, TimestepSpacing::Linspace) };
    said(flow(), clipped, "clamps");
    for plain in [by(SamplerName::Ddpm, TimestepSpacing::Trailing), ddim()] {
        assert!(scheduler_config(&vp(), &plain).unwrap().notes.is_empty());
    }
}

#[test]
fn notes_name_no_spacing_but_the_run_s() {
    use TimestepSpacing::*;
    let large = DiffusionConfig { variance_type: VarianceType::FixedLarge, ..vp() };
    let learned = DiffusionConfig { variance_type: VarianceType::LearnedRange, ..vp() };
    for diffusion in [vp(), large, learned, config(PathName::Flow, PredictionType::Flow)] {
        for sampler in SamplerName::ALL {
            for spacing in [Leading, Trailing, Linspace, Karras, Exponential, Beta, Lu] {
                let made = scheduler_config(&diffusion, &by(sampler, spacing)).unwrap();
                let named: Vec<&String> =
                    made.notes.iter().filter(|note| note.contains("the run's spacing is")).collect();
                let own = format!("the run's spacing is {};", spacing.name());
                assert!(named.len() < 2 && named.iter().all(|note| note.contains(&own)), "{sampler:?}: {named:?}");
                let nearest = made.nearest();
                let quiet = nearest["variance_type"] == "fixed_small" || nearest["timestep_spacing"] != "trailing";
                assert!(class_of(nearest) != "DDPMScheduler" || quiet, "{spacing:?} leaves noise: {nearest}");
            }
        }
    }
}

#[test]
fn every_way_of_sampling_comes_back_from_its_export() {
    for sampler in SamplerName::ALL {
        let spacings = [TimestepSpacing::Leading, TimestepSpacing::Trailing, TimestepSpacing::Linspace];
        for spacing in spacings.into_iter().chain([TimestepSpacing::Karras, TimestepSpacing::Beta]) {
            let sample = SampleConfig {
                eta: 0.25,
                timesteps: vec![70.0, 3.5],
                rho: 5.0,
                guidance_scale: 1.5,
                clip_sample: true,
                clip_sample_range: 2.0,
                solver_order: 1,
                num: 3,
                ..by(sampler, spacing)
            };
            for diffusion in [vp(), config(PathName::Flow, PredictionType::Flow)] {
                let made = scheduler_config(&diffusion, &sample).unwrap().settings;
                let read = scheduling(class_of(&made), &made).unwrap();
                assert_eq!(read.sample, sample, "{} {} {:?}", sampler.name(), spacing.name(), diffusion.path);
                assert_eq!(read.diffusion, diffusion);
            }
        }
    }
}
