//! A folder made whole or not at all: written beside its place, synced, then renamed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::durable::{sync_folder, sync_tree};
use crate::process::partial::{self, Partial};

/// A folder under construction. Dropped unfinished, it leaves nothing behind.
pub struct FreshFolder {
    target: PathBuf,
    partial: PathBuf,
    _half_written: Partial,
}

impl FreshFolder {
    /// Begins the folder that will be `target`; folders above it are made.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn begin(target: &Path) -> Result<Self> {
        let begin = || -> io::Result<PathBuf> {
            // "folder/" and "." have a parent only once they are spelled out.
            let absolute = std::path::absolute(target)?;
            let name = absolute.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
            let parent = absolute.parent().ok_or(io::ErrorKind::InvalidInput)?;
            fs::create_dir_all(parent)?;
            let partial = parent.join(format!(".{name}.{}.partial", std::process::id()));
            remove(&partial)?;
            fs::create_dir(&partial)?;
            Ok(partial)
        };
        let partial = begin().with_context(|| format!("cannot write the folder {}", target.display()))?;
        let _half_written = Partial::at(&partial);
        Ok(Self { target: target.to_path_buf(), partial, _half_written })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Puts it in its place; a folder that is there goes only when the new one is whole.
    ///
    /// # Errors
    /// When it cannot be synced or moved; an old folder is then as it was.
    pub fn finish(self) -> Result<()> {
        let put = || -> io::Result<()> {
            sync_tree(&self.partial)?;
            let _whole = partial::hold();
            let aside = self.partial.with_extension("old");
            remove(&aside)?;
            let had = self.target.exists();
            if had {
                fs::rename(&self.target, &aside)?;
            }
            fs::rename(&self.partial, &self.target).inspect_err(|_| {
                if had {
                    let _ = fs::rename(&aside, &self.target);
                }
            })?;
            remove(&aside)?;
            sync_folder(self.partial.parent().unwrap_or(Path::new(".")))
        };
        put().with_context(|| format!("cannot write the folder {}", self.target.display()))
    }
}

impl Drop for FreshFolder {
    fn drop(&mut self) {
        let _ = remove(&self.partial);
    }
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_folder_stays_until_the_new_one_is_whole() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("deep/out");
        let first = FreshFolder::begin(&target).unwrap();
        fs::write(first.path().join("old"), "1").unwrap();
        assert!(!target.exists());
        first.finish().unwrap();
        let dropped = FreshFolder::begin(&target).unwrap();
        fs::write(dropped.path().join("half"), "2").unwrap();
        drop(dropped);
        assert!(target.join("old").exists());
        let second = FreshFolder::begin(&target).unwrap();
        fs::write(second.path().join("new"), "3").unwrap();
        second.finish().unwrap();
        assert!(target.join("new").exists() && !target.join("old").exists());
        assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }
}
