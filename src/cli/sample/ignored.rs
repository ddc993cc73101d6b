//! Flags that were given and mean nothing beside the others: said, not passed over.

use super::args::Args;
use super::edit::Edit;
use super::plan::SamplePlan;
use crate::config::{SamplerName, TimestepSpacing};
use crate::sampling::null_class_otherwise;

/// A sentence for each flag that changes nothing.
pub fn ignored(args: &Args, plan: &SamplePlan, class_names: &[String]) -> Vec<String> {
    let sampler = plan.settings.sampler;
    let name = sampler.name();
    let unguided = plan.guidance.scale == 0.0;
    let inverted = matches!(plan.edit, Some(Edit::Invert { .. }));
    // Said where the flag was given: what an inversion leaves out is no surprise otherwise.
    let set = |key: &str| inverted && args.set.iter().any(|set| set.split('=').next().map(str::trim) == Some(key));
    let begun = plan.strength;
    let asked_strength = args.edit.strength.filter(|asked| (begun / asked - 1.0).abs() > 0.1);
    let classes = [("--class", &args.class), ("--negative-class", &args.negative_class)];
    let called_none = classes
        .into_iter()
        .filter_map(|(flag, asked)| Some((true, flag, null_class_otherwise(asked.as_deref()?, class_names)?)));
    let without_jumps = plan.edit.as_ref().and_then(|edit| edit.without_jumps(plan.settings.steps));
    let without_guidance = "changes nothing without guidance: give a --guidance-scale other than 0";
    [
        (
            args.eta.is_some_and(|eta| eta != 0.0) && sampler != SamplerName::Ddim,
            "--eta",
            format!("is ddim's: {name} has no η"),
        ),
        (
            args.eta.is_some_and(|eta| eta != 0.0) && inverted,
            "--eta",
            "is left out: only ddim without noise (η = 0) can be inverted".into(),
        ),
        (
            args.rho.is_some() && plan.settings.spacing != TimestepSpacing::Karras,
            "--rho",
            "is that of --spacing karras, and changes nothing elsewhere".into(),
        ),
        (
            args.s_churn.is_some_and(|churn| churn != 0.0) && sampler != SamplerName::Edm,
            "--s-churn",
            format!("is edm's: {name} adds no such noise"),
        ),
        (
            args.steps.is_some() && sampler.is_adaptive(),
            "--steps",
            format!("changes nothing: {name} chooses its steps"),
        ),
        (args.guidance_rescale.is_some() && unguided, "--guidance-rescale", without_guidance.into()),
        (!args.guidance_interval.is_empty() && unguided, "--guidance-interval", without_guidance.into()),
        (args.negative_class.is_some() && unguided, "--negative-class", without_guidance.into()),
        (
            set("sample.clip_sample") || set("sample.thresholding"),
            "--set sample.clip_sample, sample.thresholding",
            "are left out: clamping cannot be inverted".into(),
        ),
        (
            set("sample.set_alpha_to_one") || set("sample.equal_strides"),
            "--set sample.set_alpha_to_one, sample.equal_strides",
            "are left out: an inversion begins at the picture itself, and walks the levels of its spacing".into(),
        ),
        (
            asked_strength.is_some(),
            "--strength",
            format!("begins at {begun:.4} of the way, the timestep nearest to what was asked"),
        ),
    ]
    .into_iter()
    .chain(without_jumps.map(|why| (true, "--inpaint:", why)))
    .chain(called_none)
    .filter(|(said, ..)| *said)
    .map(|(_, flag, why)| format!("{flag} {why}"))
    .collect()
}
