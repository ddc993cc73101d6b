//! Writing checkpoints: beside, synced, then renamed, so that one is either whole or not there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candle_core::Tensor;

use super::facts;
use super::load::{TIMESTEP_SAMPLER, all, folder};
use super::manifest;
use super::state::{FORMAT_VERSION, Progress, StateFile};
use crate::config::Config;
use crate::nn::{NetConfig, Weights, diffusers, save_network};
use crate::run::durable::{sync_folder, sync_tree};
use crate::train::TrainerState;

/// Writes `checkpoints/step-…/` in the run folder `run` and returns its path. One of the same step
/// is replaced.
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
) -> Result<PathBuf> {
    let target = folder(run, state.step);
    let (parent, name) = (run.join("checkpoints"), format!("step-{:08}", state.step));
    let partial = parent.join(format!(".{name}.partial"));
    let write = || -> Result<()> {
        fs::create_dir_all(&parent)?;
        remove(&partial)?;
        let ema = Weights::from_map(state.ema.iter().cloned().collect());
        let scheduler = match diffusers::scheduler_config(&config.diffusion, &config.sample) {
            Ok(scheduler) => Some(scheduler.settings),
            Err(error) if error.is::<diffusers::NotExpressible>() => None,
            Err(error) => return Err(error),
        };
        save_network(&partial, net, &ema, scheduler.as_ref())?;
        write_state(&partial.join("difflab"), state, progress)?;
        facts::write(&partial, config, progress.data.as_deref())?;
        manifest::write(&partial)?;
        sync_tree(&partial)?;
        replace(&partial, &target)?;
        Ok(sync_folder(&parent)?)
    };
    let cannot_write = || {
        format!(
            "cannot write the checkpoint {}\n  older ones are kept: make room on the disk, then --resume {} goes on",
            target.display(),
            run.display()
        )
    };
    write().with_context(cannot_write).inspect_err(|_| {
        let _ = remove(&partial);
    })?;
    Ok(target)
}

/// Removes all but the `keep` newest checkpoints (at least one stays).
///
/// # Errors
/// When a folder cannot be removed.
pub fn prune(run: &Path, keep: usize) -> Result<()> {
    let checkpoints = all(run);
    let surplus = checkpoints.len().saturating_sub(keep.max(1));
    for (_, path) in &checkpoints[..surplus] {
        remove(path).with_context(|| format!("removing the old checkpoint {}", path.display()))?;
    }
    Ok(())
}

/// Removes what a killed process left half written.
///
/// # Errors
/// When a folder cannot be removed.
pub fn sweep(run: &Path) -> Result<()> {
    for entry in fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(".step-") {
            remove(&entry.path()).with_context(|| format!("removing the half-written {}", entry.path().display()))?;
        }
    }
    Ok(())
}

fn write_state(dir: &Path, state: &TrainerState, progress: &Progress) -> Result<()> {
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
        learning_rate_scale: state.learning_rate_scale,
        elapsed_s: progress.elapsed_s,
        loss_smoothed,
        losses_averaged,
        timestep_loss_sum: sum.to_vec(),
        timestep_loss_count: count.to_vec(),
        threads: progress.threads,
    };
    Ok(fs::write(dir.join("state.json"), serde_json::to_string_pretty(&file)? + "\n")?)
}

fn write_tensors(path: &Path, tensors: &[(String, Tensor)]) -> Result<()> {
    let views = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
    let bytes = safetensors::serialize(views, None).with_context(|| format!("encoding {}", path.display()))?;
    // Not the library's own writer: its file could be read by nobody but the owner.
    Ok(fs::write(path, bytes)?)
}

/// Puts `partial` in the place of `target`. A folder cannot be renamed over another: an old one
/// steps aside first.
fn replace(partial: &Path, target: &Path) -> io::Result<()> {
    if !target.exists() {
        return fs::rename(partial, target);
    }
    let aside = partial.with_extension("old");
    remove(&aside)?;
    fs::rename(target, &aside)?;
    fs::rename(partial, target)?;
    remove(&aside)
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
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
