//! Where a run forks, and what a fork may change: everything that the weights can follow.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::checkpoint::CheckpointFacts;
use super::data_changes::{Misfit, OTHER_DATA, classes_of, differences, fits_the_network, fits_trained, never_trained};
use super::dir::config_of;
use super::error::RunError;
use super::history;
use super::identity::Identity;
use super::loaded_model::chosen;
use crate::config::{Config, ParentConfig, VarianceType, is_of_an_autoencoders_network};
use crate::data::DataIdentity;

/// A kept checkpoint of a run that another run begins from. The run itself is only read.
#[derive(Clone, Debug, PartialEq)]
pub struct ForkPoint {
    /// The parent's folder.
    pub run: PathBuf,
    pub step: u64,
    /// Nobody has asked for this step: it was the newest.
    pub is_newest: bool,
    /// The checkpoint's folder, or the history's file, which has averaged weights alone.
    pub checkpoint: PathBuf,
    /// What the parent was trained with at that step.
    pub before: Config,
    pub facts: CheckpointFacts,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What a fork is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Fork {
    /// All keys, its parent among them.
    pub config: Config,
    /// "train.learning_rate: 0.001 → 0.0003", a line each.
    pub changes: Vec<String>,
    /// What they mean beyond themselves.
    pub warnings: Vec<String>,
}

impl ForkPoint {
    /// The newest good checkpoint of the run in `run`, or the one of step `at`, or what the history has kept of it.
    ///
    /// # Errors
    /// [`RunError`] when it is no run, or has no such checkpoint that is whole.
    pub fn find(run: &Path, at: Option<u64>) -> Result<Self> {
        let written = config_of(run)?;
        let (step, checkpoint, mut warnings) = chosen(run, at, &written)?;
        if history::is_history_file(&checkpoint) {
            warnings.push(format!(
                "step {step} is kept in the history, as averaged weights in half precision: the fork begins with them as \
                 its weights, and its optimizer, its smoothed loss and its time begin anew"
            ));
        }
        let facts = CheckpointFacts::of(&checkpoint)?;
        let before = facts.config.clone().unwrap_or(written);
        Ok(Self { run: run.to_path_buf(), step, is_newest: at.is_none(), checkpoint, before, facts, warnings })
    }

    /// The same; or, where a run that trains on has taken its newest checkpoint away meanwhile, the one that is the newest
    /// now, and `config` names that.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub fn as_it_is_now(&self, config: &mut Config) -> Result<Self> {
        if !self.is_newest || self.checkpoint.exists() {
            return Ok(self.clone());
        }
        let mut found = Self::find(&self.run, None)?;
        found.warnings.push(format!(
            "{} has gone on meanwhile: the fork begins at step {}, not {}",
            self.run.display(),
            found.step,
            self.step
        ));
        if let Some(parent) = &mut config.parent {
            parent.step = found.step;
        }
        Ok(found)
    }

    /// A fork with `overrides`.
    ///
    /// # Errors
    /// [`RunError::NotTheSame`] names each key that the weights can't follow, and why, or says that no steps are left;
    /// `ConfigError` for overrides that no config takes.
    pub fn fork(&self, overrides: &[String]) -> Result<Fork> {
        let mut config = self.before.clone().with_overrides(overrides)?;
        let (was, changes) = (self.before.values(), self.before.changes(&config));
        let refused: Vec<String> = changes
            .iter()
            .filter_map(|(key, now)| {
                let why = never(key, &self.before, &config)?;
                let was = was.get(*key).map(toml::Value::to_string).unwrap_or_default();
                Some(format!("`{key}` cannot change from {was} to {now} in a fork: {why}"))
            })
            .collect();
        if !refused.is_empty() {
            let text = format!("{}\n  start a new run with it", refused.join("\n  "));
            return Err(RunError::NotTheSame(text).into());
        }
        if never_trained(&config) {
            let problem = "an imported run doesn't know its data: name them with --set data.path=IMAGES (a folder of \
                           images), or --set data.dataset=NAME (`difflab data list`)";
            return Err(RunError::NotTheSame(problem.into()).into());
        }
        if config.train.epochs == 0.0 && config.train.steps <= self.step {
            return Err(self.no_steps_left(config.train.steps).into());
        }
        let value = |key: &str| was.get(key).map(toml::Value::to_string).unwrap_or_default();
        let told = changes.iter().map(|(key, now)| format!("{key}: {} → {now}", value(key))).collect();
        config.parent = Some(ParentConfig {
            run: std::path::absolute(&self.run).unwrap_or_else(|_| self.run.clone()).display().to_string(),
            id: Identity::of(&self.run).map(|identity| identity.run).unwrap_or_default(),
            step: self.step,
            changes: changes.iter().map(|(key, now)| format!("{key}={now}")).collect::<Vec<_>>().join(" "),
        });
        Ok(Fork { config, changes: told, warnings: consequences(&changes, self.before.trains_autoencoder()) })
    }

    /// That a fork with so many steps would have nothing to do.
    pub fn no_steps_left(&self, steps: u64) -> RunError {
        RunError::NotTheSame(format!(
            "the checkpoint of step {} has done the {steps} steps that train.steps asks for, and a fork goes on from \
             there: ask for more, such as --steps {}, or fork an earlier one with --at",
            self.step,
            self.step + 1000
        ))
    }

    /// Holds the data as they are now against those of the checkpoint; returns what the user should know.
    ///
    /// # Errors
    /// [`RunError::NotTheSame`] when the network can't take them, or where they are others although `config` names the
    /// same and neither it nor `accept_data` says so.
    pub fn check_data(
        &self,
        config: &Config,
        now: &DataIdentity,
        accept_data: bool,
    ) -> std::result::Result<Vec<String>, RunError> {
        let refused = |Misfit { what, cure }: Misfit| RunError::NotTheSame(format!("{what}\n  {cure}"));
        if let Some(before) = &self.facts.data
            && (before.height, before.width) != (now.height, now.width)
        {
            let size = |data: &DataIdentity| format!("{}×{}", data.width, data.height);
            let what = format!("the network was trained on images of {}, and these are {}", size(before), size(now));
            let cure = "choose their size with --set data.image_size=N, or start a new run".into();
            return Err(refused(Misfit { what, cure }));
        }
        if never_trained(&self.before) {
            fits_the_network(classes_of(&self.facts, &self.run), None, config, now).map_err(refused)?;
            return Ok(Vec::new());
        }
        let told = differences(&self.facts, &self.run, config, now);
        if told.is_empty() {
            return Ok(Vec::new());
        }
        fits_trained(&self.facts, &self.run, config, now).map_err(refused)?;
        let named = self.before.changes(config).iter().any(|(key, _)| key.starts_with("data."));
        match named || accept_data {
            true => Ok(vec![format!(
                "the data are not those that the parent was trained on; the held-out loss may count images that were \
                 trained on: {}",
                told.join("; ")
            )]),
            false => Err(RunError::NotTheSame(format!(
                "{OTHER_DATA}\n  {}\n  put them back (moved ones: --set data.path=PLACE), or fork with the current data \
                 by --accept-data",
                told.join("\n  ")
            ))),
        }
    }
}

/// Why the weights can't follow a change of `key`; `None` where they can.
fn never(key: &str, before: &Config, after: &Config) -> Option<&'static str> {
    let learned = |config: &Config| config.diffusion.variance_type == VarianceType::LearnedRange;
    match key {
        "model.dropout" => None,
        "model.class_conditional" if after.model.class_conditional => Some("the weights have no table of classes"),
        "model.class_conditional" => Some("the weights have a table of classes, which every block was trained with"),
        "model.zero_init" => Some("it says how weights begin, and a fork begins with its parent's"),
        "model.kind" => Some("the weights are those of the other kind of network"),
        _ if before.trains_autoencoder() && is_of_an_autoencoders_network(key) => {
            Some("the weights are those of an autoencoder that was built so")
        }
        _ if key.starts_with("model.") => Some("the weights are those of a network that was built so"),
        "diffusion.variance_type" if learned(before) != learned(after) => {
            Some("a learned variance is a second half of the network's outputs")
        }
        _ => None,
    }
}

/// What the changes mean beyond themselves, a sentence each.
fn consequences(changes: &[(&'static str, String)], encodes: bool) -> Vec<String> {
    let has = |wanted: &dyn Fn(&str) -> bool| changes.iter().any(|(key, _)| wanted(key));
    let mut told = Vec::new();
    if encodes {
        // Its weights have learned neither target nor noise levels.
    } else if has(&|key| key == "diffusion.prediction_type") {
        told.push("the weights have learned another target: the first steps unlearn it, and the loss jumps");
    } else if has(&|key| key.starts_with("diffusion.") && !matches!(key, "diffusion.variance_type")) {
        told.push("the weights have learned other noise levels: the first steps adapt to the new ones");
    }
    if has(&|key| key == "seed") {
        told.push(
            "another seed holds other images out, and the parent was trained on most of them: the held-out loss flatters",
        );
    }
    if has(&|key| key == "train.batch_size") {
        told.push("epochs are counted as though all steps so far had had this batch size");
    }
    told.into_iter().map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point() -> ForkPoint {
        let before = Config::default();
        ForkPoint {
            run: "runs/a".into(),
            step: 500,
            is_newest: true,
            checkpoint: "runs/a/checkpoints/step-00000500".into(),
            facts: CheckpointFacts { config: Some(before.clone()), ..CheckpointFacts::default() },
            before,
            warnings: vec![],
        }
    }

    fn asked(sets: &[&str]) -> Result<Fork> {
        point().fork(&sets.iter().map(|set| set.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn what_the_weights_can_follow_is_taken_said_and_recorded() {
        let Fork { config, changes, warnings } =
            asked(&["train.learning_rate=0.0003", "diffusion.schedule=linear"]).unwrap();
        let parent = config.parent.clone().unwrap();
        assert_eq!(parent.step, 500);
        assert_eq!(parent.changes, "diffusion.schedule=\"linear\" train.learning_rate=0.0003");
        // The record reads as settings do.
        assert_eq!(Config { parent: None, ..config }, Config::default().with_assignments(&parent.changes).unwrap());
        assert_eq!(changes[1], "train.learning_rate: 0.001 → 0.0003");
        assert!(warnings[0].contains("other noise levels"), "{warnings:?}");
        assert!(asked(&["diffusion.prediction_type=epsilon"]).unwrap().warnings[0].contains("another target"));
        assert!(asked(&["seed=4"]).unwrap().warnings[0].contains("held-out loss flatters"));
        assert!(asked(&["model.dropout=0.1", "train.batch_size=8", "name=b"]).is_ok());
        let same = asked(&[]).unwrap();
        assert!(same.changes.is_empty() && same.config.parent.unwrap().changes.is_empty());
    }

    #[test]
    fn a_step_that_was_asked_for_stays_asked_for() {
        let mut config = asked(&[]).unwrap().config;
        // The folder isn't there: only the newest of them may be another one meanwhile.
        let step = ForkPoint { is_newest: false, ..point() };
        assert_eq!(step.as_it_is_now(&mut config).unwrap(), step);
        assert!(point().as_it_is_now(&mut config).is_err());
    }

    #[test]
    fn what_the_weights_cannot_follow_is_refused_by_key_with_both_values_and_the_reason() {
        for (set, before, after, why) in [
            ("model.block_out_channels=8,16", "[32, 64, 64]", "[8, 16]", "built so"),
            ("model.layers_per_block=2", "1", "2", "built so"),
            ("model.noise_conditioning=false", "true", "false", "built so"),
            ("model.kind=mlp", "\"unet\"", "\"mlp\"", "kind of network"),
            ("model.class_conditional=true", "false", "true", "no table of classes"),
            ("diffusion.variance_type=learned_range", "\"fixed", "\"learned_range\"", "second half"),
        ] {
            let message = asked(&[set, "seed=3"]).unwrap_err().to_string();
            for part in [&format!("`{}`", set.split_once('=').unwrap().0), before, after, why] {
                assert!(message.contains(part), "{part} is missing: {message}");
            }
            assert!(!message.contains("`seed`"), "{message}");
        }
        let message = asked(&["train.steps=500"]).unwrap_err().to_string();
        assert!(message.contains("--steps 1500") && message.contains("--at"), "{message}");
    }
}
