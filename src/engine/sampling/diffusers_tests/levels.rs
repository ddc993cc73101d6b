//! Timesteps, sigmas and the scale of the starting noise.

use std::sync::Arc;

use super::super::ends::starting_scale;
use super::super::{SamplerSettings, levels, make};
use super::goldens::{GOLDENS, SPACINGS, numbers, rounded};
use crate::config::{SampleConfig, SamplerName, TimestepSpacing};
use crate::diffusion::NoiseLevel;

fn settings(sampler: SamplerName, spacing: TimestepSpacing, steps: usize) -> SamplerSettings {
    SamplerSettings { sampler, spacing, steps, ..SamplerSettings::from(&SampleConfig::default()) }
}

/// Diffusers repeats the middle levels of Heun's method, one entry a network call.
fn as_diffusers_lists(sampler: SamplerName, levels: &[NoiseLevel]) -> Vec<NoiseLevel> {
    let calls = if sampler == SamplerName::Heun { 2 } else { 1 };
    let repeated = levels[1..].iter().flat_map(|level| std::iter::repeat_n(*level, calls));
    std::iter::once(levels[0]).chain(repeated).collect()
}

fn assert_close(ours: f64, golden: f64, what: &str) {
    assert!((ours - golden).abs() <= 1e-6 * golden.abs(), "{what}: {ours} against {golden}");
}

#[test]
fn timesteps_sigmas_and_initial_scales_are_diffusers() {
    let schedule = rounded("linear");
    let mut compared = 0;
    for (scheduler, sampler) in [
        ("DDPMScheduler", SamplerName::Ddpm),
        ("DDIMScheduler", SamplerName::Ddim),
        ("EulerDiscreteScheduler", SamplerName::Euler),
        ("HeunDiscreteScheduler", SamplerName::Heun),
        ("DPMSolverMultistepScheduler", SamplerName::Dpmpp2m),
        ("DPMSolverMultistepScheduler", SamplerName::Dpmpp3m),
        ("DPMSolverMultistepScheduler", SamplerName::Dpmpp2mSde),
        ("UniPCMultistepScheduler", SamplerName::UniPc),
    ] {
        for (name, spacing) in SPACINGS {
            for n in [4, 10] {
                let what = format!("{scheduler} {name} {n}");
                let golden = &GOLDENS["timesteps"][format!("{scheduler},{name},{n}")];
                let settings = settings(sampler, spacing, n);
                let visited = levels(&schedule, &settings).unwrap();
                let listed = as_diffusers_lists(sampler, &visited);
                // The file has the first twelve at most.
                let t: Vec<f64> = listed.iter().map(|level| level.t).take(12).collect();
                assert_eq!(t, numbers(&golden["timesteps"]), "{what}");
                compared += 1;

                let scale = starting_scale(&schedule, &settings, visited[0]).unwrap_or(1.0);
                let ours = match sampler {
                    SamplerName::Euler | SamplerName::Heun => scale / visited[0].alpha,
                    _ => make(&Arc::new(schedule.clone()), &settings).unwrap().noise_scale().unwrap_or(1.0),
                };
                assert_close(ours, golden["init_noise_sigma"].as_f64().unwrap(), &what);

                // Six, an ellipsis, and the last three, of which the very last is the end of the loop.
                let Some(sigmas) = golden["sigmas"].as_array() else { continue };
                let at = |i: usize| sigmas[i].as_f64().unwrap();
                let dots = sigmas.iter().position(|sigma| sigma == "...").unwrap();
                for (i, level) in listed.iter().enumerate().take(dots) {
                    assert_close(level.noise_to_signal(), at(i), &what);
                }
                for back in 2..=3 {
                    assert_close(listed[listed.len() + 1 - back].noise_to_signal(), at(sigmas.len() - back), &what);
                }
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 8 * 6 + 6 * 6);
}

#[test]
fn karras_spacing_is_diffusers() {
    let schedule = rounded("linear");
    for (scheduler, sampler, whole) in [
        ("EulerDiscreteScheduler", SamplerName::Euler, false),
        ("DPMSolverMultistepScheduler", SamplerName::Dpmpp2m, true),
    ] {
        let golden = &GOLDENS["timesteps"][format!("{scheduler},karras,10")];
        let visited = levels(&schedule, &settings(sampler, TimestepSpacing::Karras, 10)).unwrap();
        let (t, sigmas) = (numbers(&golden["timesteps"]), numbers(&golden["sigmas"]));
        for (i, level) in visited.iter().enumerate() {
            assert_close(level.noise_to_signal(), sigmas[i], scheduler);
            // Diffusers has the logarithms of its sigmas in f32.
            let allowed = if whole { 0.0 } else { 1e-3 };
            assert!((level.t - t[i]).abs() <= allowed, "{scheduler}: {} against {}", level.t, t[i]);
        }
    }
}
