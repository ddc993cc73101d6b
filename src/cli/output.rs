//! Files that subcommands write.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::UsageError;
use crate::process::partial::Partial;
use crate::ranks::world;
use crate::run::io_words;

/// A file to write, checked before the work begins.
pub struct OutputFile {
    pub path: PathBuf,
    pub kind: &'static str,
}

impl OutputFile {
    /// `kinds` are the endings that are possible, in small letters.
    ///
    /// # Errors
    /// A usage error for another ending, a folder that isn't there or can't be written in, or a folder in the file's
    /// place.
    pub fn new(path: &Path, flag: &str, kinds: &[&'static str]) -> Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        let Some(kind) = kinds.iter().find(|kind| **kind == extension) else {
            let known: Vec<String> = kinds.iter().map(|kind| format!(".{kind}")).collect();
            let message = format!("{flag} {}: the name must end in {}", path.display(), known.join(" or "));
            return Err(UsageError::new(message).into());
        };
        let refuse = |why: String| Err(UsageError::new(format!("{flag} {}: {why}", path.display())).into());
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !parent.is_dir() {
            return refuse(format!("there is no folder {}", parent.display()));
        }
        if path.is_dir() {
            return refuse("it is a folder; name a file in it".into());
        }
        let this = Self { path: path.to_path_buf(), kind };
        if !world().leads() {
            return Ok(this);
        }
        // Tried, not asked: permissions, quotas and read-only disks all speak here, before the work.
        if let Err(error) = tempfile::tempfile_in(parent) {
            let (reason, cure) = (io_words::reason(&error), io_words::cure(&error));
            return refuse(format!("cannot write in {}: {reason}\n  {cure}", parent.display()));
        }
        Ok(this)
    }

    /// Would both write the same file?
    pub fn is_the_file_of(&self, other: &Self) -> bool {
        let whole = |path: &Path| {
            let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Some((parent.canonicalize().ok()?, path.file_name()?.to_owned()))
        };
        self.path == other.path || whole(&self.path).is_some_and(|path| Some(path) == whole(&other.path))
    }

    /// Writes under another name, then renames: an older file stays whole until the new one is. Of several ranks the first
    /// writes.
    ///
    /// # Errors
    /// What `write` says, or that the file can't be renamed.
    pub fn write(&self, write: impl FnOnce(&Path, &'static str) -> Result<()>) -> Result<()> {
        if !world().leads() {
            return Ok(());
        }
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let partial = self.path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        let _half_written = Partial::at(&partial);
        let result = write(&partial, self.kind).and_then(|()| Ok(std::fs::rename(&partial, &self.path)?));
        if result.is_err() {
            // Best effort: the error that matters is the one being returned.
            let _ = std::fs::remove_file(&partial);
        }
        result.map_err(|error| match error.chain().find_map(|cause| cause.downcast_ref::<io::Error>()) {
            Some(refused) => anyhow!(io_words::cannot_write(&self.path, refused)),
            None => error.context(format!("writing {}", self.path.display())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_of_unknown_kind_or_in_no_folder_are_refused_before_the_work() {
        let message = |path: &str| OutputFile::new(Path::new(path), "--out", &["png"]).err().unwrap().to_string();
        assert!(message("grid.jpg").contains(".png"));
        assert!(message("nowhere/at/all/grid.png").contains("nowhere/at/all"));
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("folder.png");
        std::fs::create_dir(&folder).unwrap();
        assert!(message(folder.to_str().unwrap()).contains("it is a folder"));
        assert!(OutputFile::new(Path::new("grid.PNG"), "--out", &["png"]).is_ok());
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("grid.png");
        std::fs::write(&path, "old").unwrap();
        let output = OutputFile::new(&path, "--out", &["png"]).unwrap();
        let failed = output.write(|partial, _| {
            std::fs::write(partial, "half")?;
            anyhow::bail!("the disk is full")
        });
        assert!(format!("{:#}", failed.unwrap_err()).contains("the disk is full"));
        let failed = output.write(|_, _| Err(io::Error::from(io::ErrorKind::StorageFull).into())).unwrap_err();
        // Exit code 1, where a path that can't be written, found before the work, is bad usage.
        assert!(!failed.is::<UsageError>());
        let refused = OutputFile::new(&dir.path().join("nowhere/grid.png"), "--out", &["png"]).err().unwrap();
        assert!(refused.is::<UsageError>());
        assert!(failed.to_string().contains("grid.png: the disk is full\n  make room"), "{failed:#}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        output.write(|partial, _| Ok(std::fs::write(partial, "new")?)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
    }
}
