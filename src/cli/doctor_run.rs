//! `difflab doctor RUN`: does the run's network use the time it is told?

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor};
use serde_json::json;

use crate::config::SamplerName;
use crate::kernels::Workers;
use crate::run::{self, LoadedModel};
use crate::sampling::{SamplerSettings, Trajectory, network_denoiser, sample, starting_noise};
use crate::speak;
use crate::train::{TimeUse, percent};

/// Images that the network is asked about, and the steps in which it draws them itself.
const IMAGES: usize = 8;
const STEPS: usize = 10;

/// Measures the newest good checkpoint of a run and prints a table of its blocks with a verdict, or JSON.
///
/// # Errors
/// When there is no such run, or its network can't be asked, or answers with NaN.
pub fn run(name: &str, as_json: bool) -> Result<()> {
    let dir = run::find(name)?;
    run::check_draws(&dir, "it is told no time that could be tested")?;
    let model = LoadedModel::open(&dir, None)?;
    for warning in &model.warnings {
        speak::warn(warning);
    }
    let time_use = TimeUse::measure(&model.net, &model.parameterization, &own_samples(&model)?, true)?;
    if !time_use.is_measured() {
        if as_json {
            speak::print(&to_json(&model, &time_use)?)?;
        }
        let ill = model.ill(None)?.unwrap_or_else(|| time_use.verdict());
        bail!("{} (step {}): {ill}", model.checkpoint.display(), model.step);
    }
    if let Some(broken) = model.broken_weights()? {
        speak::warn(format_args!("some weights are not finite, though not in the part that was tested: {broken}"));
    }
    let text = if as_json { to_json(&model, &time_use)? } else { to_text(&model, &time_use) };
    Ok(speak::print(&text)?)
}

/// Clean images as the network itself draws them, so that the run's data need not be there.
fn own_samples(model: &LoadedModel) -> Result<Tensor> {
    let workers = Arc::new(Workers::new(0)?);
    let denoiser = network_denoiser(&model.net, &model.parameterization, None, 0.0, workers)?;
    let settings = SamplerSettings {
        sampler: SamplerName::Ddim,
        steps: STEPS.min(model.parameterization.schedule.timesteps()),
        eta: 0.0,
        clip_sample: false,
        ..SamplerSettings::from(&model.config.sample)
    };
    let (h, w, c) = model.sample_shape;
    let noise = starting_noise(IMAGES, h, w, c, 0, &Device::Cpu)?;
    let schedule = model.parameterization.schedule.clone();
    let samples = sample(Trajectory::new(denoiser, schedule, &settings, noise.clone(), 0)?)?;
    // A clamp could make numbers of NaN. Noise is told apart from noise as well, if less sharply.
    let finite = samples.affine(0.0, 0.0)?.sum_all()?.to_scalar::<f32>()? == 0.0;
    Ok(if finite { samples } else { noise }.clamp(-1f32, 1f32)?)
}

fn to_text(model: &LoadedModel, time_use: &TimeUse) -> String {
    let mut text = format!("{} (step {})\n\n", model.checkpoint.display(), model.step);
    let whole = ("whole network".to_string(), time_use.output);
    let rows: Vec<&(String, f64)> = time_use.blocks.iter().chain(std::iter::once(&whole)).collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    // Writing into a string doesn't fail.
    let _ = writeln!(text, "{:width$}  change of its output when told another t", "block");
    for (name, change) in rows {
        let _ = writeln!(text, "{name:width$}  {:>9}", percent(*change));
    }
    let warning = if time_use.is_used() { "" } else { "warning: " };
    let _ = writeln!(text, "\n{warning}{}", time_use.verdict());
    let deaf: Vec<&str> =
        time_use.blocks.iter().filter(|(_, change)| *change == 0.0).map(|(name, _)| name.as_str()).collect();
    if time_use.is_used() && !deaf.is_empty() {
        let _ = writeln!(text, "warning: the time does not reach {}", deaf.join(", "));
    }
    text
}

fn to_json(model: &LoadedModel, time_use: &TimeUse) -> Result<String> {
    let blocks: Vec<_> =
        time_use.blocks.iter().map(|(name, change)| json!({"name": name, "output_change": change})).collect();
    let value = json!({
        "checkpoint": model.checkpoint,
        "step": model.step,
        "time_use": {
            "output_change": time_use.output,
            "used": time_use.is_used(),
            "verdict": time_use.verdict(),
            "blocks": blocks,
        },
    });
    Ok(serde_json::to_string_pretty(&value).context("writing the report as JSON")? + "\n")
}
