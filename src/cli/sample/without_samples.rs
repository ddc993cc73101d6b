//! What helps where sampling came to no picture.

use anyhow::anyhow;

use super::plan::SamplePlan;
use crate::run::{LoadedModel, NotFinite};

/// What to do about samples that are none; other errors as they are.
pub fn without_samples(error: anyhow::Error, plan: &SamplePlan, model: &LoadedModel) -> anyhow::Error {
    if !error.is::<NotFinite>() {
        return error;
    }
    // A network that can't be asked again leaves the advice to sampling.
    if let Ok(Some(ill)) = model.ill(plan.classes.as_deref()) {
        return anyhow!("{error}: nothing was shown or written\n  {ill}\n  {}", model.cure());
    }
    let mut advice = Vec::new();
    if plan.guidance.scale.abs() > 1.0 {
        advice.push("a smaller --guidance-scale");
    }
    if !plan.settings.sampler.is_adaptive() {
        advice.push("more --steps");
    }
    advice.push("another --sampler");
    if !plan.settings.clip_sample && !plan.is_in_plane() && model.latents.is_none() {
        advice.push("--set sample.clip_sample=true");
    }
    anyhow!("{error}: nothing was shown or written\n  try {}", advice.join(", "))
}
