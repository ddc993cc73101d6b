//! How a run stands, for whoever must know it at once, without waiting for the worker or the screen.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::run::checkpoint;

/// Shared by the worker, which knows, and by those who end the program when somebody insists. Clones are the
/// same.
#[derive(Clone, Debug, Default)]
pub struct Standing(Arc<Facts>);

#[derive(Debug, Default)]
struct Facts {
    run_dir: Mutex<Option<PathBuf>>,
    asked_to_stop: AtomicBool,
    ended: OnceLock<Result<(), String>>,
}

impl Standing {
    /// The run's folder is there, or is now there.
    pub(super) fn begun(&self, run_dir: &Path) {
        *self.0.run_dir.lock().unwrap_or_else(PoisonError::into_inner) = Some(run_dir.to_path_buf());
    }

    /// The worker has ended, and saved what it could.
    pub(super) fn ended(&self, how: Result<(), String>) {
        let _ = self.0.ended.set(how);
    }

    /// How the worker has ended, if it has.
    pub fn ending(&self) -> Option<&Result<(), String>> {
        self.0.ended.get()
    }

    pub(super) fn ask_to_stop(&self) {
        self.0.asked_to_stop.store(true, Ordering::SeqCst);
    }

    /// Has a signal asked the run to stop?
    pub fn asked_to_stop(&self) -> bool {
        self.0.asked_to_stop.load(Ordering::SeqCst)
    }

    /// What is left of the run if the program ends now, by what lies on the disk.
    pub fn remains(&self) -> String {
        let run_dir = self.0.run_dir.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(dir) = run_dir.filter(|dir| dir.exists()) else {
            return "no run folder was made".into();
        };
        match checkpoint::all(&dir).last() {
            Some((step, _)) => {
                format!("the checkpoint of step {step} remains\n  continue from it: difflab --resume {}", dir.display())
            }
            None => checkpoint::may_hide_some(&dir)
                .unwrap_or_else(|| format!("there is no checkpoint in {}, so it cannot be resumed", dir.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remains_is_what_lies_on_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        let standing = Standing::default();
        assert_eq!(standing.remains(), "no run folder was made");
        std::fs::create_dir_all(run.join("checkpoints/.step-00000007.partial")).unwrap();
        standing.begun(&run);
        assert!(standing.remains().contains("no checkpoint"), "a half-written one is none");
        std::fs::create_dir(run.join("checkpoints/step-00000007")).unwrap();
        let said = standing.remains();
        assert!(said.contains("step 7") && said.contains("--resume"), "{said}");
        std::fs::remove_dir_all(&run).unwrap();
        assert_eq!(standing.remains(), "no run folder was made");
    }
}
