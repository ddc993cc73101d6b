//! A folder made whole or not at all: written beside its place, synced, then renamed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::durable::{remove_folder, replace_folder, sync_tree};
use super::error::RunError;
use super::io_words;
use crate::process::partial::Partial;

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
    /// [`RunError::NotWritable`] when nothing can be written there.
    pub fn begin(target: &Path) -> Result<Self, RunError> {
        let begin = || -> io::Result<PathBuf> {
            // "folder/" and "." have a parent only once they are spelled out.
            let absolute = std::path::absolute(target)?;
            let name = absolute.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
            let parent = absolute.parent().ok_or(io::ErrorKind::InvalidInput)?;
            fs::create_dir_all(parent)?;
            sweep(parent, &name);
            let partial = parent.join(format!(".{name}.{}.partial", std::process::id()));
            remove_folder(&partial)?;
            fs::create_dir(&partial)?;
            Ok(partial)
        };
        let partial = begin().map_err(|error| RunError::not_writable(target, error))?;
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
            replace_folder(&self.partial, &self.target, &self.partial.with_extension("old"))
        };
        put().map_err(|error| anyhow!(io_words::cannot_write(&self.target, &error)))
    }
}

impl Drop for FreshFolder {
    fn drop(&mut self) {
        let _ = remove_folder(&self.partial);
    }
}

/// Removes what processes that were killed have left of a folder by this `name`; one that was stepping aside for
/// its successor comes back.
fn sweep(parent: &Path, name: &str) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let left = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = left.strip_prefix(&format!(".{name}.")) else { continue };
        let Some((pid, kind)) = rest.split_once('.') else { continue };
        if !pid.parse().is_ok_and(is_dead) {
            continue;
        }
        // Best effort: left there it is only in nobody's way.
        match kind {
            "old" if !parent.join(name).exists() => drop(fs::rename(entry.path(), parent.join(name))),
            "old" | "partial" => drop(remove_folder(&entry.path())),
            _ => {}
        }
    }
}

/// Is there surely no such process? (Where the system does not tell, there may be.)
fn is_dead(pid: u32) -> bool {
    Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{pid}")).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_killed_processes_left_is_swept_and_what_others_are_writing_is_not() {
        let parent = tempfile::tempdir().unwrap();
        // No process has a number so large.
        let (dead, alive) = (u32::MAX, 1);
        for name in [format!(".out.{dead}.partial"), format!(".out.{dead}.old"), format!(".out.{alive}.partial")] {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        drop(FreshFolder::begin(&parent.path().join("out")).unwrap());
        let mut left: Vec<_> = fs::read_dir(&parent).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [format!(".out.{alive}.partial").as_str(), "out"]);
    }

    #[test]
    fn a_place_that_cannot_be_written_in_is_said_with_a_cure() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("file"), "").unwrap();
        let refused = FreshFolder::begin(&parent.path().join("file/out")).err().unwrap();
        assert!(matches!(refused, RunError::NotWritable { .. }), "{refused}");
        assert!(refused.to_string().contains("choose another place"), "{refused}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let closed = parent.path().join("closed");
            fs::create_dir(&closed).unwrap();
            fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
            // To root nothing is closed.
            if let Err(refused) = FreshFolder::begin(&closed.join("out")) {
                assert!(refused.to_string().contains("choose a folder that you can write to"), "{refused}");
            }
        }
    }

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
