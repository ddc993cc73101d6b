//! A scheduler for an export that diffusers can sample with.

use anyhow::Result;

use crate::config::{DiffusionConfig, SampleConfig, SigmaRange, TimestepSpacing};
use crate::diffusion::Schedule;
use crate::nn::diffusers::{self, ExportedScheduler, class_of, divides_by_zero_from};
use crate::sampling::{SamplerSettings, levels};

/// The scheduler that samples as the run does, or, where diffusers breaks off with it, the one with plain timesteps; a
/// note says so.
///
/// A spacing of σ may come out at the same whole timestep in its first two levels, as on the cosine schedule, whose
/// last step spans a wide range of σ. diffusers looks its place up by the timestep and takes the second of two equal ones
/// (`index_for_timestep`), so that it runs out of levels one step before the end: an IndexError, or in UniPC an
/// AssertionError. Where the last step leads from sigma_min to sigma_min, it may divide by its length
/// ([`divides_by_zero_from`]).
///
/// # Errors
/// As [`diffusers::scheduler_config`].
pub fn scheduler_that_runs(diffusion: &DiffusionConfig, sample: &SampleConfig) -> Result<ExportedScheduler> {
    let scheduler = diffusers::scheduler_config(diffusion, sample)?;
    let steps = sample.steps.min(diffusion.timesteps);
    let why = if begins_twice(&scheduler, steps) {
        "makes the same whole timestep of its first two levels and breaks off with an IndexError"
    } else if divides_by_zero_from(sample).is_some_and(|from| steps >= from) {
        "divides by the length of the last step, from sigma_min to sigma_min, and makes NaN"
    } else {
        return Ok(scheduler);
    };
    let plain = SampleConfig {
        spacing: TimestepSpacing::Linspace,
        sigma_min: 0.0,
        sigma_max: 0.0,
        sigma_range: SigmaRange::Whole,
        ..sample.clone()
    };
    let mut instead = diffusers::scheduler_config_with(diffusion, &plain, sample)?;
    instead.notes.push(format!(
        "the run's spacing is {}, and in {steps} steps diffusers' {} {why}: the exported one has timestep_spacing = \
         \"linspace\" instead, and samples otherwise than the run",
        sample.spacing.name(),
        class_of(scheduler.nearest())
    ));
    Ok(instead)
}

/// Are the first two timesteps equal that diffusers makes of these settings?
fn begins_twice(scheduler: &ExportedScheduler, steps: usize) -> bool {
    let mut settings = scheduler.nearest().clone();
    if let Some(settings) = settings.as_object_mut() {
        // What diffusers passes over.
        settings.remove("_difflab");
    }
    let visited = || -> Result<Vec<f64>> {
        let read = diffusers::scheduling(class_of(&settings), &settings)?;
        if !read.sample.spacing.divides_sigmas() {
            return Ok(Vec::new());
        }
        let schedule = Schedule::from_config(&read.diffusion)?;
        let levels = levels(&schedule, &SamplerSettings::from(&SampleConfig { steps, ..read.sample }))?;
        Ok(levels.into_iter().map(|level| level.t).take(2).collect())
    };
    visited().is_ok_and(|t| t.len() == 2 && t[0] == t[1])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{FinalSigmasType, SamplerName, ScheduleName};

    fn made(schedule: ScheduleName, sampler: SamplerName, spacing: TimestepSpacing) -> ExportedScheduler {
        let diffusion = DiffusionConfig { schedule, timesteps: 1000, ..DiffusionConfig::default() };
        let sample = SampleConfig { sampler, spacing, steps: 10, clip_sample: false, ..SampleConfig::default() };
        scheduler_that_runs(&diffusion, &sample).unwrap()
    }

    #[test]
    fn where_diffusers_breaks_off_the_timesteps_are_plain_and_it_is_said() {
        use SamplerName::{Deis, Dpmpp2m, Dpmpp2s, UniPc};
        use TimestepSpacing::{Beta, Exponential, Karras};
        for (sampler, spacing) in
            [(Dpmpp2m, Karras), (Dpmpp2m, Exponential), (UniPc, Karras), (Deis, Karras), (Dpmpp2s, Beta)]
        {
            let made = made(ScheduleName::Cosine, sampler, spacing);
            let nearest = made.nearest();
            for key in ["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"] {
                assert_eq!(nearest[key], false, "{sampler:?} {spacing:?}");
            }
            let said = made.notes.iter().filter(|note| note.contains("IndexError") && note.contains("linspace"));
            assert_eq!(said.count(), 1, "{:?}", made.notes);
            // difflab itself comes back to the run's own.
            assert_eq!(made.settings["_difflab"]["sample"]["spacing"], json!(spacing.name()));
        }
    }

    #[test]
    fn where_diffusers_would_make_nan_of_a_last_step_without_length_the_timesteps_are_plain() {
        let exported = |sampler, steps| {
            let diffusion =
                DiffusionConfig { schedule: ScheduleName::Linear, timesteps: 1000, ..DiffusionConfig::default() };
            let spacing = TimestepSpacing::Karras;
            let final_sigmas_type = FinalSigmasType::SigmaMin;
            let sample = SampleConfig {
                sampler,
                spacing,
                steps,
                final_sigmas_type,
                clip_sample: false,
                ..SampleConfig::default()
            };
            scheduler_that_runs(&diffusion, &sample).unwrap()
        };
        // DPMSolverMultistepScheduler(solver_order=3, use_karras_sigmas=True, final_sigmas_type="sigma_min"): finite in 14
        // steps, NaN in 15; of second order always finite.
        assert_eq!(exported(SamplerName::Dpmpp3m, 14).nearest()["use_karras_sigmas"], true);
        assert_eq!(exported(SamplerName::Dpmpp2m, 20).nearest()["use_karras_sigmas"], true);
        let plain = exported(SamplerName::Dpmpp3m, 15);
        assert_eq!(plain.nearest()["use_karras_sigmas"], false);
        assert_eq!(plain.notes.iter().filter(|note| note.contains("NaN")).count(), 1, "{:?}", plain.notes);
    }

    #[test]
    fn where_diffusers_samples_as_the_run_does_the_spacing_stays() {
        // DPMSolverMultistepScheduler(use_karras_sigmas=True), set_timesteps(10) begins 999, 937; on the cosine schedule
        // Euler's timesteps are fractional.
        let linear = made(ScheduleName::Linear, SamplerName::Dpmpp2m, TimestepSpacing::Karras);
        let euler = made(ScheduleName::Cosine, SamplerName::Euler, TimestepSpacing::Karras);
        for made in [linear, euler] {
            assert_eq!(made.nearest()["use_karras_sigmas"], true);
            assert!(!made.notes.iter().any(|note| note.contains("IndexError")), "{:?}", made.notes);
        }
    }
}
