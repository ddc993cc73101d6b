//! Flags that were given and mean nothing beside the others: said, not passed over.

use super::command::Args;
use super::edit::Edit;
use super::plan::Plan;
use crate::config::{SamplerName, TimestepSpacing};

/// A sentence for each flag that changes nothing.
pub fn ignored(args: &Args, plan: &Plan) -> Vec<String> {
    let sampler = plan.settings.sampler;
    let name = sampler.name();
    let unguided = plan.guidance.scale == 0.0;
    let inverted = matches!(plan.edit, Some(Edit::Invert { .. }));
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
    ]
    .into_iter()
    .filter(|(said, ..)| *said)
    .map(|(_, flag, why)| format!("{flag} {why}"))
    .collect()
}
