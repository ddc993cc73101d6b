//! A run's network as a folder that Python's diffusers opens.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::error::RunError;
use super::export_autoencoder::export_autoencoder;
use super::export_place::check_place;
use super::export_readme::{ReadmeFacts, ReadmeLatents, readme};
use super::export_spacing::scheduler_that_runs;
use super::fresh_folder::FreshFolder;
use super::{LoadedModel, Release};
use crate::config::{Config, PathName, PredictionType, VarianceType};
use crate::nn::autoencoder::{add_autoencoder, autoencoder_folder};
use crate::nn::diffusers::ExportedScheduler;
use crate::nn::{Net, Weights, diffusers};

/// Writes the averaged weights of `model`, of the run in `run`, as a `DDPMPipeline` folder, with the scheduler that samples as
/// this run does and a README that says how; of a run in latents as an `LDMPipeline` folder where it has no classes, else as
/// `vae/`, `unet/` and `scheduler/`. A network that predicts the score gets its last layer's sign
/// turned: σ times the score is −ε, which diffusers knows as epsilon. An autoencoder becomes a folder of its own kind.
///
/// `replace`: take the place of a pipeline that is there. Returns what the user should know.
///
/// # Errors
/// [`diffusers::NotExpressible`] when no scheduler of diffusers samples this model; [`RunError`] when the
/// place is taken; else what went wrong while writing, and then nothing is there.
pub fn export(run: &Path, model: &LoadedModel, dir: &Path, replace: bool) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let mut config = model.config.clone();
    if let Net::Mlp(_) = model.net {
        let reason = "it is an mlp for points, and UNet2DModel is for images; its weights lie in the checkpoint's mlp/";
        return Err(diffusers::NotExpressible::new(reason).into());
    }
    if model.is_from_history() {
        let problem = format!(
            "step {} is kept in the run's history, for sampling, in half precision; an export takes a checkpoint",
            model.step
        );
        return Err(RunError::NotTheSame(problem).into());
    }
    if let Net::Autoencoder(_) = model.net {
        return export_autoencoder(run, model, dir, replace);
    }
    let mut loaded = diffusers::open_unet(&model.checkpoint)?;
    if let Some(broken) = diffusers::not_finite(&loaded.weights)? {
        notes.push(format!("the weights are broken, and samples will be NaN: {broken}"));
    }
    if config.diffusion.prediction_type == PredictionType::Score && config.diffusion.path != PathName::SubVpSde {
        config.diffusion.prediction_type = PredictionType::Epsilon;
        loaded.weights = negated_output(&loaded.weights)?;
        notes.push(
            "the network predicts σ times the score, which is −ε: the sign of its last layer was turned, so that \
             the exported one predicts ε"
                .into(),
        );
    }
    if !config.model.noise_conditioning {
        loaded.weights = loaded.weights.with_zeroed_time(true)?;
        notes.push(
            "the network is not told t (model.noise_conditioning = false): diffusers passes it all the same, and the layer \
             that would read it is zero"
                .into(),
        );
    }
    let scheduler = scheduler_that_runs(&config.diffusion, &config.sample)?;
    if config.diffusion.path == PathName::VpSde {
        notes.push(format!(
            "the path is continuous: diffusers samples it at its T = {} whole timesteps",
            config.diffusion.timesteps
        ));
    }
    notes.extend(scheduler.notes.iter().cloned());
    notes.extend(guidance(&config));
    check_place(dir, replace, "model_index.json")?;
    let folder = FreshFolder::begin(dir)?;
    diffusers::save_pipeline(folder.path(), &loaded.config, &loaded.weights, Some(&scheduler.settings))?;
    if let Some(latents) = &model.latents {
        add_autoencoder(folder.path(), (latents.config(), latents.weights()), model.net.num_classes().is_some())?;
    }
    let release = Release::of_run(run, &model.config, &model.classes);
    let text = readme(&facts(model, &config, &scheduler, (&notes, &release)));
    fs::write(folder.path().join("README.md"), text).context("writing README.md")?;
    folder.finish()?;
    Ok(notes)
}

/// What README.md's loop does otherwise than the run's guidance.
fn guidance(config: &Config) -> Vec<String> {
    let sample = &config.sample;
    if !config.model.class_conditional || sample.guidance_scale == 0.0 {
        return Vec::new();
    }
    let mut notes = Vec::new();
    if sample.guidance_rescale != 0.0 {
        notes
            .push(format!("the run has guidance_rescale = {}, and README.md's loop has none", sample.guidance_rescale));
    }
    if sample.guidance_interval != [0.0, 1.0] {
        notes.push(format!(
            "the run guides where t/T is within {:?}, README.md's loop everywhere",
            sample.guidance_interval
        ));
    }
    if !sample.negative_class.is_empty() {
        notes.push(format!(
            "the run guides away from the class {:?}, README.md's loop from the null class",
            sample.negative_class
        ));
    }
    notes
}

fn facts<'a>(
    model: &'a LoadedModel,
    config: &'a Config,
    scheduler: &'a ExportedScheduler,
    (notes, release): (&'a [String], &'a Release),
) -> ReadmeFacts<'a> {
    ReadmeFacts {
        name: &config.name,
        step: model.step,
        image_shape: model.sample_shape,
        classes: model.net.num_classes().map(|_| model.classes.as_slice()),
        scheduler,
        sample: &config.sample,
        timesteps: config.diffusion.timesteps,
        learned_variance: config.diffusion.variance_type == VarianceType::LearnedRange,
        notes,
        release,
        latents: model.latents.as_ref().map(|latents| ReadmeLatents {
            class: latents.config().class_name(),
            folder: autoencoder_folder(model.net.num_classes().is_some()),
            image_shape: latents.image_shape(),
        }),
    }
}

/// The weights with the last layer's sign turned.
fn negated_output(weights: &Weights) -> Result<Weights> {
    let turned = weights.iter().map(|(name, tensor)| {
        let tensor = if name.starts_with("conv_out.") { tensor.neg()? } else { tensor.clone() };
        Ok((name.to_string(), tensor))
    });
    Ok(Weights::from_map(turned.collect::<Result<_>>()?))
}
