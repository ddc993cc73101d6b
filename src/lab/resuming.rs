//! The run that is gone on with, held against its data and its config before anything is built.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::config::Config;
use crate::data::DataIdentity;
use crate::run::checkpoint::{self, CheckpointFacts};
use crate::run::{RunDir, check_against, check_same_latents, config_of};

/// An opened run folder, and the checkpoint to go on from.
pub struct Resumed {
    pub run: RunDir,
    pub step: u64,
    /// The checkpoint's folder.
    pub folder: PathBuf,
    /// What the run was trained with so far.
    pub before: Config,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Resumed {
    /// Opens the run in `path` at its newest good checkpoint, where `config` and the data may go on from there; `said`
    /// is what loading the data said.
    ///
    /// # Errors
    /// [`RunError`](crate::run::RunError): a folder that cannot be used, or what was trained otherwise.
    pub fn open(
        path: &Path,
        config: &Config,
        (data, said): (&DataIdentity, &[String]),
        accept_data: bool,
    ) -> Result<Self> {
        let run = RunDir::open(path)?;
        let (step, folder, mut warnings) = checkpoint::newest_good(path)?;
        let facts = CheckpointFacts::of(&folder)?;
        let judged = check_against(&facts, path, config, data, accept_data);
        warnings.extend(judged.map_err(|error| error.with_words_of_loading(said))?);
        let before = facts.config.map_or_else(|| config_of(path), Ok)?;
        check_same_latents(&before, config)?;
        Ok(Self { run, step, folder, before, warnings })
    }

    /// The settings that go on otherwise: ", with train.learning_rate = 0.001"; empty where none do.
    pub fn changes(&self, config: &Config) -> String {
        let changes = self.before.changes(config);
        let changed: Vec<String> = changes.into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
        if changed.is_empty() { String::new() } else { format!(", with {}", changed.join(", ")) }
    }
}
