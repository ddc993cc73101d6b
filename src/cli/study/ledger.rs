//! What was measured already: a file of JSON lines that a study goes on with.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::process::plain_file;
use crate::ranks::{Collective, world};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Results by key, kept in a file as they come. Of several ranks all ask, and the first has the file and decides for all what is
/// known.
pub struct Ledger {
    /// `None`: another rank's.
    file: Option<File>,
    ranks: Arc<dyn Collective>,
    known: BTreeMap<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    result: Value,
}

impl Ledger {
    /// Opens the file, or makes it. Lines that do not read (the last, where the process was killed) are
    /// measured again.
    ///
    /// # Errors
    /// When the file cannot be read or written to.
    pub fn open(path: &Path) -> Result<Self> {
        let ranks = world();
        if !ranks.leads() {
            return Ok(Self { file: None, ranks, known: BTreeMap::new() });
        }
        let text = match plain_file::read_text(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let known = lines.map(|line| (line.key, line.result)).collect();
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("writing {}", path.display()))?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(Self { file: Some(file), ranks, known })
    }

    /// The result of `key`: the known one, or what `measure` finds now, which is kept.
    ///
    /// # Errors
    /// What `measure` reports, or a file that cannot be written to.
    pub fn get_or<T: Serialize + DeserializeOwned>(
        &mut self,
        key: &str,
        measure: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let known = self.known.get(key).filter(|known| serde_json::from_value::<T>((*known).clone()).is_ok());
        let known = self.ranks.broadcast(known.map_or(String::new(), Value::to_string).into_bytes())?;
        if !known.is_empty() {
            return Ok(serde_json::from_slice(&known)?);
        }
        let result = measure()?;
        let line = Line { key: key.into(), result: serde_json::to_value(&result)? };
        let text = serde_json::to_string(&line)? + "\n";
        if let Some(file) = &mut self.file {
            file.write_all(text.as_bytes()).context("keeping what was measured")?;
        }
        self.known.insert(line.key, line.result);
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_not_measured_again_and_a_torn_line_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.jsonl");
        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.get_or("a", || Ok(0.5)).unwrap(), 0.5);
        assert_eq!(ledger.get_or("b", || Ok(0.25)).unwrap(), 0.25);
        drop(ledger);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 4]).unwrap();
        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.get_or("a", || -> Result<f64> { panic!("measured again") }).unwrap(), 0.5);
        assert_eq!(ledger.get_or("b", || Ok(0.75)).unwrap(), 0.75);
        drop(ledger);
        assert_eq!(Ledger::open(&path).unwrap().get_or("b", || Ok(0.0)).unwrap(), 0.75);
    }

    #[test]
    fn a_failed_measurement_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("ledger.jsonl")).unwrap();
        assert!(ledger.get_or::<f64>("a", || anyhow::bail!("no")).is_err());
        assert_eq!(ledger.get_or("a", || Ok(1.0)).unwrap(), 1.0);
    }
}
