//! The first stage of a config whose `data.latents` is `own`: is its autoencoder there, begun, or still to be trained?

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::super::checkpoint::newest_good;
use super::super::dir::config_of;
use super::super::find::runs_under;
use super::super::lock::is_trained_in;
use crate::config::{Config, ConfigError};

/// Where runs are looked for.
const RUNS: &str = "runs";

/// What is there of it.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnStage {
    /// A run that has made all its steps.
    Trained(PathBuf),
    /// One that was stopped before.
    Begun { run: PathBuf, step: u64 },
    /// One that another process trains at the moment.
    InTraining(PathBuf),
    /// None.
    Missing,
}

/// Looks through `runs/`, and beside the new run's folder `dir` where it has a place of its own, for a run of `stage`
/// ([`Config::autoencoder_run`]): the same pictures and autoencoder, under whatever name. A trained one goes before one that was
/// stopped.
///
/// # Errors
/// When a folder is there and can't be read.
pub fn own_stage(stage: &Config, dir: Option<&Path>) -> Result<OwnStage> {
    let beside = dir.and_then(Path::parent).filter(|parent| *parent != Path::new(RUNS));
    let beside = beside.map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    let mut best = OwnStage::Missing;
    for place in [Path::new(RUNS)].into_iter().chain(beside) {
        match in_place(place, stage)? {
            trained @ OwnStage::Trained(_) => return Ok(trained),
            found if best == OwnStage::Missing => best = found,
            _ => {}
        }
    }
    Ok(best)
}

/// The run of the config's own autoencoder, which has to be trained by now; `dir` as in [`own_stage`].
///
/// # Errors
/// [`ConfigError`] at `data.latents` with the command that trains it.
pub fn own_autoencoder(config: &Config, dir: Option<&Path>) -> Result<PathBuf> {
    let problem = match own_stage(&config.autoencoder_run(), dir)? {
        OwnStage::Trained(run) => return Ok(run),
        OwnStage::Missing => {
            "no run in runs/ has trained the autoencoder of this config yet: `difflab autoencoder` with this config and its \
             settings does; `difflab` with it does so by itself before the diffusion"
                .to_string()
        }
        OwnStage::Begun { run, step } => {
            format!("its autoencoder was stopped at step {step}: difflab --resume {} trains it on", run.display())
        }
        OwnStage::InTraining(run) => {
            format!("its autoencoder is being trained in {} at the moment: wait until that is done", run.display())
        }
    };
    Err(anyhow!(ConfigError::Impossible { key: "data.latents".into(), value: "\"own\"".into(), problem }))
}

fn in_place(runs: &Path, stage: &Config) -> Result<OwnStage> {
    let mut best = OwnStage::Missing;
    for found in runs_under(runs)?.into_iter().rev() {
        let Ok(config) = config_of(&found.path) else { continue };
        if !config.trains_autoencoder() || !is_the_same(&config, stage) {
            continue;
        }
        let step = newest_good(&found.path).map_or(0, |(step, ..)| step);
        if step >= stage.train.steps {
            return Ok(OwnStage::Trained(found.path));
        }
        if is_trained_in(&found.path) {
            best = OwnStage::InTraining(found.path);
        } else if step > 0 && best == OwnStage::Missing {
            best = OwnStage::Begun { run: found.path, step };
        }
    }
    Ok(best)
}

/// Are both autoencoders of the same pictures, made alike? The seed may differ: runs of several seeds share one.
fn is_the_same(a: &Config, b: &Config) -> bool {
    let of = |config: &Config| {
        let data = &config.data;
        let pictures = (data.dataset.clone(), data.path.clone(), data.image_size, data.channels);
        (pictures, config.autoencoder.clone())
    };
    of(a) == of(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_and_what_only_shows_make_no_other_autoencoder() {
        let stage = |set: &[&str]| {
            let set: Vec<String> = set.iter().map(|set| set.to_string()).collect();
            Config::default().with_overrides(&set).unwrap().autoencoder_run()
        };
        let first = stage(&["data.latents=own"]);
        for same in [&["seed=3"][..], &["name=other"], &["train.warmup_steps=9"], &["preview.num=3"]] {
            assert!(is_the_same(&first, &stage(same)), "{same:?}");
        }
        for other in [&["data.image_size=32"][..], &["autoencoder.steps=9"], &["autoencoder.kind=tiny"]] {
            assert!(!is_the_same(&first, &stage(other)), "{other:?}");
        }
    }

    #[test]
    fn a_place_without_runs_has_none() {
        let place = tempfile::tempdir().unwrap();
        let stage = Config::default().autoencoder_run();
        assert_eq!(in_place(place.path(), &stage).unwrap(), OwnStage::Missing);
        assert_eq!(in_place(&place.path().join("nowhere"), &stage).unwrap(), OwnStage::Missing);
    }
}
