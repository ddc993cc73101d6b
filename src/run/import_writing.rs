//! The run folder of a network that was imported: a checkpoint of step 0.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use candle_core::Tensor;

use super::checkpoint::{self, Progress};
use super::fresh_folder::FreshFolder;
use super::kept_autoencoder::keep_autoencoder;
use super::release::{Release, with_release};
use super::{Journal, RunDir, write_class_names};
use crate::config::Config;
use crate::data::DataCard;
use crate::nn::autoencoder::LatentSpace;
use crate::nn::{NetConfig, Weights};
use crate::train::TrainerState;

/// A network that becomes a run.
pub(super) struct ImportedNetwork<'a> {
    pub config: &'a Config,
    pub net: NetConfig,
    pub weights: &'a Weights,
    /// Names of its classes; none where it knows none.
    pub classes: Vec<String>,
    /// In whose latents it draws.
    pub latents: Option<&'a LatentSpace>,
    /// The folder that it comes from.
    pub from: &'a Path,
    /// What README.md says before the part on release.
    pub card: String,
}

impl ImportedNetwork<'_> {
    /// Writes the run folder `target`: weights and their average alike, the optimizer fresh.
    ///
    /// # Errors
    /// When writing failed; then nothing is made.
    pub fn write(self, target: &Path) -> Result<()> {
        let named: Vec<(String, Tensor)> =
            self.weights.iter().map(|(name, tensor)| (name.to_string(), tensor.clone())).collect();
        let mut moments = Vec::with_capacity(2 * named.len());
        for (name, tensor) in &named {
            for prefix in ["m", "v"] {
                moments.push((format!("{prefix}.{name}"), tensor.zeros_like()?));
            }
        }
        let state = TrainerState {
            step: 0,
            learning_rate_scale: 1.0,
            ema: named.clone(),
            weights: named,
            moments,
            moments_since: 0,
            timestep_sampler: Vec::new(),
        };
        let config = self.config;
        let folder = FreshFolder::begin(target)?;
        let run = RunDir::create(Some(folder.path()), config)?;
        let origin =
            checkpoint::Origin { identity: run.identity(), seed: config.seed, spoiled: None, latents: self.latents };
        if let Some(latents) = self.latents {
            keep_autoencoder(run.path(), latents)?;
        }
        checkpoint::save(run.path(), config, &self.net, &state, &Progress::new(config), &origin)?;
        write_class_names(run.path(), &self.classes)?;
        let mut journal = Journal::open(run.path(), config.diffusion.timesteps)?;
        journal.event(0, "import", &format!("from {}", self.from.display()));
        journal.flush().context("writing events.jsonl")?;
        let release = Release::of(config, &self.classes, &DataCard::default());
        fs::write(run.path().join("README.md"), with_release(&self.card, &release)).context("writing README.md")?;
        drop(run);
        folder.finish()
    }
}

/// The name of an imported run: that of the folder it comes from, or else of its own.
pub(super) fn imported_name(dir: &Path, target: &Path) -> String {
    let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let usable = |name: &String| !name.starts_with('.') && !name.contains(['\\', '/']) && name.len() <= 100;
    named(dir).or(named(target)).filter(usable).unwrap_or_else(|| "imported".into())
}
