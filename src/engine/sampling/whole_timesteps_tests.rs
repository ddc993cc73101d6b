//! The timesteps of diffusers 0.42.1's solvers on spacings of σ (NumPy 2.4, torch 2.15).

use super::{SamplerSettings, levels};
use crate::config::{DiffusionConfig, SampleConfig, SamplerName, ScheduleName, SigmaRange, TimestepSpacing};
use crate::diffusion::Schedule;

fn visited(diffusion: DiffusionConfig, sample: SampleConfig) -> Vec<f64> {
    let schedule = Schedule::from_config(&diffusion).unwrap();
    levels(&schedule, &SamplerSettings::from(&sample)).unwrap().iter().map(|level| level.t).collect()
}

#[test]
fn whole_timesteps_are_cut_off_where_diffusers_f32_cuts_them_off() {
    use ScheduleName::{Cosine, Linear, ScaledLinear};
    use TimestepSpacing::{Beta, Exponential, Karras, Lu};
    const LATENT: (f64, f64) = (0.00085, 0.012);
    const PIXEL: (f64, f64) = (1e-4, 0.02);
    for (name, (beta_start, beta_end), timesteps, sampler, spacing, expected) in [
        // scheduler(num_train_timesteps, beta_schedule, beta_start, beta_end), set_timesteps(10).
        (ScaledLinear, LATENT, 1000, SamplerName::Dpmpp2m, Exponential, [998, 874, 723, 538, 329, 152, 52, 14, 2, 0]),
        (ScaledLinear, LATENT, 1000, SamplerName::Deis, Beta, [998, 991, 972, 943, 902, 841, 746, 583, 257, 0]),
        (ScaledLinear, LATENT, 1000, SamplerName::Dpmpp2m, Karras, [999, 916, 815, 687, 523, 327, 146, 41, 7, 0]),
        (ScaledLinear, LATENT, 1000, SamplerName::Dpmpp2m, Lu, [999, 875, 724, 538, 330, 153, 52, 14, 3, 0]),
        (ScaledLinear, PIXEL, 1000, SamplerName::Dpmpp2s, Exponential, [999, 900, 776, 614, 407, 213, 88, 26, 4, 0]),
        (ScaledLinear, PIXEL, 500, SamplerName::Deis, Exponential, [498, 422, 326, 222, 132, 70, 32, 11, 2, 0]),
        (Linear, PIXEL, 1000, SamplerName::Dpmpp2m, Exponential, [999, 886, 757, 602, 409, 202, 72, 21, 4, 0]),
        (Linear, PIXEL, 500, SamplerName::Dpmpp2m, Beta, [498, 494, 483, 466, 442, 406, 354, 267, 120, 0]),
        (Linear, PIXEL, 100, SamplerName::Dpmpp2m, Exponential, [99, 66, 41, 24, 13, 7, 4, 1, 0, 0]),
        (Cosine, PIXEL, 1000, SamplerName::Dpmpp2m, Exponential, [998, 998, 998, 994, 974, 871, 476, 104, 14, 0]),
        (Cosine, PIXEL, 1000, SamplerName::Dpmpp2m, Karras, [998, 998, 998, 998, 997, 995, 983, 894, 259, 0]),
        (Cosine, PIXEL, 1000, SamplerName::Deis, Karras, [999, 999, 999, 998, 998, 995, 983, 895, 259, 0]),
        (Cosine, PIXEL, 1000, SamplerName::Dpmpp2m, Lu, [999, 998, 998, 994, 974, 871, 476, 104, 14, 0]),
        (Cosine, PIXEL, 100, SamplerName::Dpmpp2m, Exponential, [99, 98, 98, 97, 94, 82, 51, 17, 3, 0]),
        // In diffusers 499 and 35: torch's square root is not the nearest f32 everywhere (2.15: every fifth is one bit
        // off), and in these two that bit decides.
        (ScaledLinear, LATENT, 500, SamplerName::UniPc, Exponential, [498, 408, 305, 200, 112, 53, 21, 7, 1, 0]),
        (ScaledLinear, LATENT, 37, SamplerName::Dpmpp2m, Beta, [36, 34, 31, 27, 22, 17, 11, 5, 1, 0]),
    ] {
        let what = format!("{name:?} {beta_start} {timesteps} {sampler:?} {spacing:?}");
        let diffusion =
            DiffusionConfig { schedule: name, beta_start, beta_end, timesteps, ..DiffusionConfig::default() };
        let sample = SampleConfig { sampler, spacing, steps: 10, ..SampleConfig::default() };
        assert_eq!(visited(diffusion, sample), expected.map(f64::from), "{what}");
    }
}

#[test]
fn a_single_step_of_linspace_is_at_zero_as_in_diffusers() {
    // EulerDiscreteScheduler(use_karras_sigmas=True), set_timesteps(1): its timestep is 0, its σ 0.0100.
    for sampler in [SamplerName::Euler, SamplerName::Heun, SamplerName::Lms, SamplerName::Dpm2] {
        for spacing in [TimestepSpacing::Karras, TimestepSpacing::Exponential, TimestepSpacing::Beta] {
            let first = |sigma_range, steps| {
                let diffusion = DiffusionConfig { schedule: ScheduleName::Linear, ..DiffusionConfig::default() };
                visited(diffusion, SampleConfig { sampler, spacing, sigma_range, steps, ..SampleConfig::default() })[0]
            };
            assert_eq!(first(SigmaRange::Linspace, 1), 0.0, "{sampler:?} {spacing:?}");
            assert_eq!(first(SigmaRange::Linspace, 2), 999.0, "{sampler:?} {spacing:?}");
            assert_eq!(first(SigmaRange::Whole, 1), 999.0, "{sampler:?} {spacing:?}");
        }
    }
}
