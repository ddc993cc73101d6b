//! Which checkpoints go when there are more than the config keeps.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use super::list::{FoundCheckpoint, list};
use super::load::verify;
use crate::run::durable::remove_folder;

/// The checkpoints that are known to be whole, with what their files looked like then: a checkpoint is read
/// through once, not each time that another is written.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    known: HashMap<PathBuf, Stamp>,
}

/// Name, length and time of every file.
type Stamp = Vec<(PathBuf, u64, Option<SystemTime>)>;

impl Verified {
    /// The checkpoint was just written, or read through and found whole.
    pub fn note(&mut self, path: &Path) {
        if let Some(stamp) = stamp(path) {
            self.known.insert(path.to_path_buf(), stamp);
        }
    }

    /// Is it whole?
    pub fn is_whole(&mut self, path: &Path) -> bool {
        let now = stamp(path);
        if now.is_some() && self.known.get(path) == now.as_ref() {
            return true;
        }
        let whole = verify(path).is_ok();
        if whole {
            self.note(path);
        }
        whole
    }
}

/// Removes all but the `keep` newest checkpoints that are whole and the run's own (at least one stays, and
/// `newest`, which was just written, always). Damaged ones, copies, and those of other runs neither count nor go.
///
/// # Errors
/// When a folder cannot be removed.
pub fn prune(run: &Path, of: &str, keep: usize, newest: &Path, verified: &mut Verified) -> Result<()> {
    let own = |found: &FoundCheckpoint| found.in_its_place && !found.is_foreign(Some(of));
    let own: Vec<FoundCheckpoint> =
        list(run).into_iter().filter(own).filter(|found| verified.is_whole(&found.path)).collect();
    let Some(written) = own.iter().find(|found| found.path == newest) else {
        // What was just written does not read: nothing else goes.
        return Ok(());
    };
    let sound = |found: &&FoundCheckpoint| found.spoiled.is_none() && found.path != newest;
    let others: Vec<&FoundCheckpoint> = own.iter().filter(sound).collect();
    let surplus = others.len().saturating_sub(keep.max(1) - 1);
    // What was kept when training diverged has been overtaken.
    let overtaken = own.iter().filter(|f| f.spoiled.is_some() && written.spoiled.is_none() && f.step < written.step);
    for found in others[..surplus].iter().copied().chain(overtaken) {
        remove_at_once(&found.path).with_context(|| format!("removing the old checkpoint {}", found.path.display()))?;
    }
    Ok(())
}

/// Takes the name away first, so that one half-removed is not taken for a damaged checkpoint.
fn remove_at_once(path: &Path) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hidden = path.with_file_name(format!(".{name}.removed"));
    remove_folder(&hidden)?;
    fs::rename(path, &hidden)?;
    remove_folder(&hidden)
}

fn stamp(path: &Path) -> Option<Stamp> {
    let mut stamp = Stamp::new();
    collect(path, &mut stamp)?;
    stamp.sort();
    Some(stamp)
}

fn collect(folder: &Path, stamp: &mut Stamp) -> Option<()> {
    for entry in fs::read_dir(folder).ok()? {
        let entry = entry.ok()?;
        let metadata = entry.metadata().ok()?;
        match metadata.is_dir() {
            true => collect(&entry.path(), stamp)?,
            false => stamp.push((entry.path(), metadata.len(), metadata.modified().ok())),
        }
    }
    Some(())
}
