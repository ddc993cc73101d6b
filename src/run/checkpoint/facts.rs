//! What a checkpoint says of its making: the config and the data that it was trained with.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Result;

use super::manifest;
use crate::config::Config;
use crate::data::DataIdentity;
use crate::process::plain_file;
use crate::run::RunError;
use crate::run::history;

const CONFIG: &str = "difflab/config.toml";
const DATA: &str = "difflab/data.json";
const UNET: &str = "unet/config.json";

/// What a checkpoint was trained with, as far as it says so: those of older versions do not, and imported
/// networks know no data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckpointFacts {
    pub config: Option<Config>,
    pub data: Option<DataIdentity>,
    /// How many classes its U-Net knows, the null class not counted; `None` where it knows none.
    pub classes: Option<usize>,
}

impl CheckpointFacts {
    /// Those of the checkpoint in `path`, or of the history's file there.
    ///
    /// # Errors
    /// [`RunError::Damaged`] where a file is there and cannot be read.
    pub fn of(path: &Path) -> Result<Self, RunError> {
        if history::is_history_file(path) {
            let facts = history::facts_of(path)?;
            return Ok(Self { config: facts.config(), classes: classes(&facts.network), data: facts.data });
        }
        // An empty config, what a power cut leaves, would read as one of defaults.
        manifest::verify_those(path, &[CONFIG, DATA, UNET])?;
        let config = read(path, CONFIG)?.map(|text| Config::from_toml(&text, CONFIG));
        Ok(Self {
            config: config.transpose().map_err(|error| RunError::damaged(path, format!("{CONFIG}: {error}")))?,
            data: data_of(path)?,
            classes: read(path, UNET)?.and_then(|text| classes(&text)),
        })
    }
}

/// How many classes a network's own `config.json` tells of, the null class not counted.
fn classes(network: &str) -> Option<usize> {
    let network: serde_json::Value = serde_json::from_str(network).ok()?;
    usize::try_from(network["num_class_embeds"].as_u64()?).ok()?.checked_sub(1)
}

/// The data that the checkpoint in `path` (or the history's file there) was trained on, where it says so.
///
/// # Errors
/// As [`CheckpointFacts::of`].
pub fn data_of(path: &Path) -> Result<Option<DataIdentity>, RunError> {
    if history::is_history_file(path) {
        return Ok(history::facts_of(path)?.data);
    }
    manifest::verify_those(path, &[DATA])?;
    let data = read(path, DATA)?.map(|text| serde_json::from_str(&text));
    data.transpose().map_err(|error| RunError::damaged(path, format!("{DATA}: {error}")))
}

/// The text of a file of the checkpoint; `None` where it has none.
fn read(path: &Path, name: &str) -> Result<Option<String>, RunError> {
    match plain_file::read_text(&path.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RunError::unread_in(path, name, error)),
    }
}

/// Writes them into the checkpoint that is being made in `path`.
pub(super) fn write(path: &Path, config: &Config, data: Option<&DataIdentity>) -> Result<()> {
    fs::write(path.join(CONFIG), config.to_toml())?;
    if let Some(data) = data {
        fs::write(path.join(DATA), serde_json::to_string_pretty(data)? + "\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_missing_is_unknown() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(CheckpointFacts::of(dir.path()).unwrap(), CheckpointFacts::default());
        fs::create_dir(dir.path().join("difflab")).unwrap();
        let config = Config { seed: 7, ..Config::default() };
        write(dir.path(), &config, None).unwrap();
        fs::create_dir(dir.path().join("unet")).unwrap();
        fs::write(dir.path().join(UNET), "{\"num_class_embeds\": 11}").unwrap();
        let facts = CheckpointFacts { config: Some(config), data: None, classes: Some(10) };
        assert_eq!(CheckpointFacts::of(dir.path()).unwrap(), facts);
        fs::write(dir.path().join(DATA), "{\"images\": 3").unwrap();
        assert!(matches!(CheckpointFacts::of(dir.path()), Err(RunError::Damaged { .. })));
    }
}
