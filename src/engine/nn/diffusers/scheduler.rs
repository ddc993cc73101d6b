//! Which of diffusers' schedulers samples as we do, and with which settings.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::classes::{Class, Preset};
use super::namesake::{Namesake, named_after};
use super::scheduling::{OURS, scheduling};
use crate::config::{DiffusionConfig, PathName, PredictionType, SampleConfig, SamplerName};
use crate::nn::json::bare;
use crate::nn::unet_config::DIFFUSERS_VERSION;

/// Why no scheduler of diffusers' `DDPMPipeline` can sample a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("diffusers' DDPMPipeline can't sample this model: {0}")]
pub struct NotExpressible(String);

impl NotExpressible {
    /// `reason` is the rest of "diffusers' DDPMPipeline can't sample this model: …".
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// How diffusers samples a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportedScheduler {
    /// The `scheduler_config.json`: a scheduler that `DDPMPipeline` calls as it means to be called. `_difflab`, which
    /// diffusers passes over, holds those of the run's settings that it has no words for.
    pub settings: Value,
    /// The scheduler that samples as the run does, where that is one that `DDPMPipeline` can't call, or calls wrongly.
    pub exact: Option<Value>,
    /// What is sampled otherwise than the run does, a sentence each.
    pub notes: Vec<String>,
}

impl ExportedScheduler {
    /// The scheduler nearest to the run.
    pub fn nearest(&self) -> &Value {
        self.exact.as_ref().unwrap_or(&self.settings)
    }
}

/// The class of settings.
pub fn class_of(settings: &Value) -> &str {
    settings["_class_name"].as_str().unwrap_or_default()
}

/// The scheduler under which diffusers samples as we do: the class that is the namesake of the run's sampler, with its
/// settings.
///
/// `DDPMPipeline` neither scales the starting noise and the network's input, as Euler's and its kin want it, nor can it
/// call schedulers whose `step` takes no generator; for those samplers the folder's own scheduler is DDIM, which is
/// right by itself, and `exact` the other.
///
/// diffusers knows the sigmoid schedule in its DDPM scheduler only; its β are written out in `trained_betas`, which
/// every scheduler takes and which overrides `beta_schedule`. So are the variances that path vp_sde adds from tick to
/// tick: at its T ticks it is one of DDPM's paths.
///
/// # Errors
/// [`NotExpressible`] with the reason; another error when the schedule is impossible, such as one of no
/// steps.
pub fn scheduler_config(diffusion: &DiffusionConfig, sample: &SampleConfig) -> Result<ExportedScheduler> {
    scheduler_config_with(diffusion, sample, sample)
}

/// The same where diffusers is to sample as `sample` says in place of the run's `own`, which `_difflab` keeps.
///
/// # Errors
/// As [`scheduler_config`].
pub fn scheduler_config_with(
    diffusion: &DiffusionConfig,
    sample: &SampleConfig,
    own: &SampleConfig,
) -> Result<ExportedScheduler> {
    check(diffusion)?;
    let Namesake { class, settings, notes } = named_after(diffusion, sample)?;
    let made = written(class, &settings);
    if called_by_pipeline(class.name) {
        return Ok(ExportedScheduler { settings: with_ours(made, own), exact: None, notes });
    }
    let plain = SampleConfig { sampler: SamplerName::Ddim, eta: 0.0, ..sample.clone() };
    let Namesake { class: other, settings, .. } = named_after(diffusion, &plain)?;
    let mut all = vec![format!(
        "DDPMPipeline's own call can't sample by {}, the match for the run's sampler {}: the folder's scheduler is {}, and \
         README.md shows how to sample with the other",
        class.name,
        sample.sampler.name(),
        other.name
    )];
    all.extend(notes);
    Ok(ExportedScheduler { settings: with_ours(written(other, &settings), own), exact: Some(made), notes: all })
}

fn check(diffusion: &DiffusionConfig) -> Result<()> {
    let target = diffusion.prediction_type;
    let refuse = |reason: String| Err(NotExpressible(reason).into());
    match (diffusion.path, target) {
        (
            PathName::Vp | PathName::VpSde,
            PredictionType::Epsilon | PredictionType::Sample | PredictionType::VPrediction,
        )
        | (PathName::Flow, PredictionType::Flow) => Ok(()),
        (PathName::Vp | PathName::VpSde | PathName::Flow, _) => refuse(format!(
            "on path {} its schedulers take predictions of {}, and this network predicts {}",
            diffusion.path.name(),
            if diffusion.path == PathName::Flow { "flow only" } else { "epsilon, sample and v_prediction" },
            target.name()
        )),
        (PathName::SubVpSde, _) => {
            refuse("on path sub_vp_sde σ is not √(1 − α²), and all of its schedulers take it to be so".into())
        }
        (PathName::Ve | PathName::Edm, _) => refuse(format!(
            "on path {} the network's input is scaled and its time told in units of its own (difflab tells 250·ln σ or t, \
             EDM's schedulers 0.25·ln σ), and a pipeline folder has no place to say so",
            diffusion.path.name()
        )),
    }
}

/// Does DDPMPipeline's loop do with a scheduler of this class what the class expects?
fn called_by_pipeline(class: &str) -> bool {
    matches!(
        class,
        "DDPMScheduler"
            | "DDIMScheduler"
            | "DPMSolverMultistepScheduler"
            | "DPMSolverSinglestepScheduler"
            | "FlowMatchEulerDiscreteScheduler"
            | "FlowMatchHeunDiscreteScheduler"
    )
}

/// All keys of the class, as diffusers writes them.
fn written(class: &Class, settings: &Map<String, Value>) -> Value {
    let mut all: Map<String, Value> =
        class.keys().map(|key| (key.name.to_string(), default_value(key.default))).collect();
    all.insert("_class_name".into(), class.name.into());
    all.insert("_diffusers_version".into(), DIFFUSERS_VERSION.into());
    all.extend(settings.iter().map(|(key, value)| (key.clone(), value.clone())));
    Value::Object(all)
}

/// A default as JSON.
pub fn default_value(default: Preset) -> Value {
    match default {
        Preset::Number(number) if number.fract() == 0.0 && number.abs() < 1e9 && number != 1.0 => {
            json!(number as i64)
        }
        Preset::Number(number) => bare(number),
        Preset::Flag(flag) => json!(flag),
        Preset::Word(word) => json!(word),
        Preset::Nothing => Value::Null,
        Preset::Empty => json!([]),
    }
}

/// The settings with those of the run that reading them again would not give.
fn with_ours(mut settings: Value, sample: &SampleConfig) -> Value {
    let read = scheduling(class_of(&settings), &settings).ok().map(|read| json!(read.sample));
    let differ: Map<String, Value> = match json!(sample) {
        Value::Object(own) => {
            own.into_iter().filter(|(key, value)| read.as_ref().is_none_or(|read| &read[key] != value)).collect()
        }
        _ => Map::new(),
    };
    if differ.is_empty() {
        return settings;
    }
    settings[OURS] = json!({"_class_name": class_of(&settings), "sample": differ});
    settings
}
