//! Writing checkpoints: beside, synced, then renamed, so that one is either whole or not there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candle_core::Tensor;

use super::facts;
use super::list::{FoundCheckpoint, folder, list};
use super::load::TIMESTEP_SAMPLER;
use super::manifest;
use super::state::{FORMAT_VERSION, Progress, StateFile};
use crate::config::Config;
use crate::data::Identified;
use crate::nn::autoencoder::{LatentSpace, add_autoencoder};
use crate::nn::{NetConfig, Weights, diffusers, save_network};
use crate::run::durable::{make_folder, remove_folder, replace_folder, sync_tree};
use crate::run::{Identity, free_beside};
use crate::train::TrainerState;

/// Where a checkpoint comes from: by what it is known again.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    pub identity: &'a Identity,
    pub seed: u64,
    /// Why the weights are of doubtful use: training has diverged.
    pub spoiled: Option<String>,
    /// In whose latents it diffuses.
    pub latents: Option<&'a LatentSpace>,
}

/// Writes `checkpoints/step-…/` in the run folder `run` and returns its path. One of the same step
/// is replaced; something else by that name steps aside.
///
/// # Errors
/// When the disk is full or gone. What was half written is removed; older checkpoints stay as they
/// are.
pub fn save(
    run: &Path,
    config: &Config,
    net: &NetConfig,
    state: &TrainerState,
    progress: &Progress,
    origin: &Origin,
) -> Result<PathBuf> {
    let target = folder(run, state.step);
    let (parent, name) = (run.join("checkpoints"), format!("step-{:08}", state.step));
    let partial = parent.join(format!(".{name}.partial"));
    let write = || -> Result<()> {
        // Not the folders above: a run folder that has gone meanwhile must not be made by half.
        make_folder(&parent)?;
        remove_folder(&partial)?;
        let ema = Weights::from_map(state.ema.iter().cloned().collect());
        let scheduler = match diffusers::scheduler_config(&config.diffusion, &config.sample) {
            Ok(scheduler) => Some(scheduler.settings),
            Err(error) if error.is::<diffusers::NotExpressible>() => None,
            Err(error) => return Err(error),
        };
        save_network(&partial, net, &ema, scheduler.as_ref())?;
        if let Some(space) = origin.latents {
            add_autoencoder(&partial, (space.config(), space.weights()), config.model.class_conditional)?;
        }
        write_state(&partial.join("difflab"), state, progress, origin)?;
        facts::write(&partial, config, progress.data.as_ref().map(Identified::get))?;
        manifest::write(&partial)?;
        sync_tree(&partial)?;
        let strange =
            |found: &FoundCheckpoint| found.step != state.step || found.is_foreign(Some(&origin.identity.run));
        if list(run).iter().any(|found| found.path == target && strange(found)) {
            fs::rename(&target, free_beside(&parent.join(format!("{name}.aside")))?)?;
        }
        Ok(replace_folder(&partial, &target, &parent.join(format!(".{name}.old")))?)
    };
    write().with_context(|| format!("cannot write the checkpoint {}", target.display())).inspect_err(|_| {
        let _ = remove_folder(&partial);
    })?;
    Ok(target)
}

/// Puts a checkpoint back that was stepping aside when its process was killed, and removes what was half written
/// or half removed.
pub(in crate::run) fn sweep(run: &Path) {
    let parent = run.join("checkpoints");
    for entry in fs::read_dir(&parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(hidden) = name.strip_prefix('.').filter(|name| name.starts_with("step-")) else { continue };
        let own = hidden.strip_suffix(".old").map(|own| parent.join(own));
        match own.filter(|own| !own.exists()) {
            Some(own) => drop(fs::rename(entry.path(), own)),
            None => drop(remove_folder(&entry.path())),
        }
    }
}

fn write_state(dir: &Path, state: &TrainerState, progress: &Progress, origin: &Origin) -> Result<()> {
    fs::create_dir_all(dir)?;
    write_tensors(&dir.join("weights.safetensors"), &state.weights)?;
    write_tensors(&dir.join("optimizer.safetensors"), &state.moments)?;
    if !state.timestep_sampler.is_empty() {
        write_tensors(&dir.join(TIMESTEP_SAMPLER), &state.timestep_sampler)?;
    }
    let (loss_smoothed, losses_averaged) = progress.loss_average.parts();
    let (sum, count) = progress.timestep_loss.parts();
    let file = StateFile {
        format_version: FORMAT_VERSION,
        difflab: env!("CARGO_PKG_VERSION").into(),
        written: jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        step: state.step,
        moments_since: state.moments_since,
        learning_rate_scale: state.learning_rate_scale,
        elapsed_s: progress.elapsed_s,
        loss_smoothed,
        losses_averaged,
        loss_range: progress.loss_range.parts().map_or_else(Vec::new, |(least, most)| vec![least, most]),
        timestep_loss_sum: sum.to_vec(),
        timestep_loss_count: count.to_vec(),
        run: Some(origin.identity.run.clone()),
        seed: Some(origin.seed),
        spoiled: origin.spoiled.clone(),
        threads: progress.threads,
        live: progress.live.clone(),
    };
    Ok(fs::write(dir.join("state.json"), serde_json::to_string_pretty(&file)? + "\n")?)
}

fn write_tensors(path: &Path, tensors: &[(String, Tensor)]) -> Result<()> {
    let views = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
    let bytes = safetensors::serialize(views, None).with_context(|| format!("encoding {}", path.display()))?;
    // Not the library's own writer: its file could be read by nobody but the owner.
    Ok(fs::write(path, bytes)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn files_of_tensors_follow_the_umask_like_all_others() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (tensors, plain) = (dir.path().join("weights.safetensors"), dir.path().join("state.json"));
        let weight = Tensor::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu).unwrap();
        write_tensors(&tensors, &[("b".into(), weight.t().unwrap()), ("a".into(), weight)]).unwrap();
        fs::write(&plain, "{}").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&tensors), mode(&plain));
        let read = candle_core::safetensors::load(&tensors, &Device::Cpu).unwrap();
        assert_eq!(read["a"].to_vec2::<f32>().unwrap(), [[1.0, 2.0], [3.0, 4.0]]);
        assert_eq!(read["b"].to_vec2::<f32>().unwrap(), [[1.0, 3.0], [2.0, 4.0]]);
    }
}
