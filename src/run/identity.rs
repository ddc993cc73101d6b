//! `run.json`: by what a run and its checkpoints know each other.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::durable::write_replacing;
use crate::process::plain_file;

/// The file in the run folder.
pub(super) const FILE: &str = "run.json";

/// What a run is known by: where its folder goes, this goes; where it is copied, the copy is the same run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// 16 hexadecimal digits.
    pub run: String,
    /// When the run began.
    pub started: String,
}

impl Identity {
    /// A new one, of the time, the process and the place.
    pub fn new(dir: &Path) -> Self {
        let now = jiff::Zoned::now();
        let mut hash = Sha256::new();
        hash.update(now.timestamp().as_nanosecond().to_le_bytes());
        hash.update(std::process::id().to_le_bytes());
        hash.update(dir.as_os_str().as_encoded_bytes());
        let run = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { run, started: now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string() }
    }

    /// That of the run in `dir`; `None` where it has none (older runs) or it does not read.
    pub fn of(dir: &Path) -> Option<Self> {
        serde_json::from_str(&plain_file::read_text(&dir.join(FILE)).ok()?).ok()
    }

    /// Keeps it in `dir`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        write_replacing(&dir.join(FILE), (serde_json::to_string_pretty(self)? + "\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_no_two_are_alike() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Identity::of(dir.path()), None);
        let identity = Identity::new(dir.path());
        identity.write(dir.path()).unwrap();
        assert_eq!(Identity::of(dir.path()), Some(identity.clone()));
        assert_eq!(identity.run.len(), 16);
        assert_ne!(Identity::new(&dir.path().join("other")).run, identity.run);
    }
}
