//! By what a change of a run's files is seen without reading them.

use std::fs::{self, Metadata};
use std::path::Path;
use std::time::SystemTime;

use crate::process::file_id;
use crate::run::journal::{EVENTS, METRICS};
use crate::run::notes::NOTES;

/// Length, time and number of a file; of a folder too, whose time changes when something is added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// A file that was put in another's place has another.
    id: Option<(u64, u64)>,
}

impl Stamp {
    fn of(about: &Metadata) -> Self {
        Self { length: about.len(), modified: about.modified().ok(), id: file_id(about) }
    }
}

/// The stamps of what a list reads of a run; `None` for what is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    pub config: Option<Stamp>,
    pub metrics: Option<Stamp>,
    pub events: Option<Stamp>,
    pub notes: Option<Stamp>,
    pub checkpoints: Option<Stamp>,
    pub snapshots: Option<Stamp>,
}

impl Stamps {
    /// Of the run in `dir`.
    pub fn of(dir: &Path) -> Self {
        // One buffer for all names: this is asked of thousands of runs.
        let mut path = dir.join("config.toml");
        let mut stamp = |name: &str| {
            path.set_file_name(name);
            fs::metadata(&path).ok().map(|about| Stamp::of(&about))
        };
        Self {
            config: stamp("config.toml"),
            metrics: stamp(METRICS),
            events: stamp(EVENTS),
            notes: stamp(NOTES),
            checkpoints: stamp("checkpoints"),
            snapshots: stamp("snapshots"),
        }
    }

    /// When something was last written that a reader of the run would want.
    pub fn last_written(&self) -> Option<SystemTime> {
        [self.config, self.metrics, self.events].into_iter().flatten().filter_map(|stamp| stamp.modified).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_or_is_replaced_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let seen = || Stamps::of(dir.path());
        assert_eq!(seen(), Stamps::default());
        assert_eq!(seen().last_written(), None);
        let metrics = dir.path().join(METRICS);
        fs::write(&metrics, "1\n").unwrap();
        let before = seen();
        assert_eq!(seen(), before);
        fs::write(&metrics, "1\n2\n").unwrap();
        assert_ne!(seen(), before);
        assert!(seen().last_written().is_some());
        #[cfg(unix)]
        {
            let before = seen();
            fs::write(dir.path().join("other"), "1\n3\n").unwrap();
            fs::rename(dir.path().join("other"), &metrics).unwrap();
            assert_ne!(seen(), before, "of the same length");
        }
        let before = seen();
        fs::create_dir_all(dir.path().join("checkpoints/step-00000001")).unwrap();
        assert_ne!(seen().checkpoints, before.checkpoints);
    }
}
