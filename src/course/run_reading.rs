//! A station's runs from its `[[run]]`.

use std::path::Path;

use serde::Deserialize;
use toml::de::DeTable;

use super::station::StationRun;
use super::station_error::StationError;
use super::station_text::{StationText, check_id, filled, nearest, on_one_line};

const RUN_KEYS: [&str; 6] = ["id", "title", "config", "set", "text", "secret"];

/// One `[[run]]`.
#[derive(Deserialize)]
pub struct StationRunTable {
    id: Option<String>,
    title: Option<String>,
    config: Option<String>,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    secret: bool,
}

/// Refuses keys of runs that nothing reads. Where each run begins.
///
/// # Errors
/// [`StationError`].
pub fn check_run_keys(file: &StationText, table: &DeTable) -> Result<Vec<String>, StationError> {
    let mut places = Vec::new();
    for (place, run) in file.tables(table, "run")? {
        for (name, _) in run {
            file.check_key(name, &RUN_KEYS, &RUN_KEYS, "a run")?;
        }
        places.push(place);
    }
    Ok(places)
}

impl StationRunTable {
    /// The run; `folder` is where the station's own configs lie.
    ///
    /// # Errors
    /// [`StationError`]: what is missing or can't be.
    pub fn run(self, place: &str, folder: &Path) -> Result<StationRun, StationError> {
        let needed = |key: &str, value: Option<String>| {
            filled(&value).ok_or_else(|| StationError::new(format!("{place}: a run needs `{key}`")))
        };
        let id = needed("id", self.id)?;
        check_id(&id, place)?;
        let config = self.config.map(|config| placed(config, folder));
        let title = on_one_line(&needed("title", self.title)?);
        Ok(StationRun { id, title, config, set: self.set, text: self.text, secret: self.secret })
    }
}

/// A config that ends in .toml lies where the station does.
pub fn placed(config: String, folder: &Path) -> String {
    let own = config.ends_with(".toml") && !Path::new(&config).is_absolute();
    if own { folder.join(&config).display().to_string() } else { config }
}

/// What there is to say of a task about a run that is not there.
pub fn no_such_run(run: &str, runs: &[StationRun]) -> String {
    match runs.is_empty() {
        true => format!("there is no run \"{run}\": this station has one run, and no [[run]]"),
        false => {
            let nearest = nearest(run, runs.iter().map(|run| run.id.as_str()));
            format!("there is no run \"{run}\"; did you mean \"{nearest}\"?")
        }
    }
}
