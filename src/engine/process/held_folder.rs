//! Is a folder still where it was? It may be renamed or deleted while we write into it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use super::file_id::file_id;

/// A folder that is held open, so that it is known again under another name.
pub struct HeldFolder {
    folder: File,
}

/// Where a held folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// Where it was.
    There,
    /// Under this name now.
    Renamed(PathBuf),
    /// Nowhere: deleted, or under a name that the system does not tell.
    Gone,
}

#[cfg(unix)]
impl HeldFolder {
    /// Holds the folder `path` open.
    ///
    /// # Errors
    /// When it is no folder, or cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { folder: File::open(path)? })
    }

    /// Does `path` still lead to it, and if not, what does?
    pub fn look(&self, path: &Path) -> Whereabouts {
        match fs::metadata(path) {
            Ok(found) if self.is(&found) => return Whereabouts::There,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::NotADirectory => {}
            // A disk that does not answer is no sign of a folder that has gone.
            Err(_) => return Whereabouts::There,
        }
        match self.name().filter(|name| fs::metadata(name).is_ok_and(|found| self.is(&found))) {
            Some(name) => Whereabouts::Renamed(shown(&name)),
            None => Whereabouts::Gone,
        }
    }

    fn is(&self, found: &fs::Metadata) -> bool {
        self.folder.metadata().is_ok_and(|ours| file_id(&ours) == file_id(found))
    }

    /// What the system calls it now.
    #[cfg(target_os = "linux")]
    fn name(&self) -> Option<PathBuf> {
        use std::os::fd::AsRawFd;
        fs::read_link(format!("/proc/self/fd/{}", self.folder.as_raw_fd())).ok()
    }

    #[cfg(target_vendor = "apple")]
    fn name(&self) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt;
        let name = rustix::fs::getpath(&self.folder).ok()?;
        Some(std::ffi::OsString::from_vec(name.into_bytes()).into())
    }

    #[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
    fn name(&self) -> Option<PathBuf> {
        None
    }
}

/// Elsewhere an open folder cannot be renamed: it is there, or gone.
#[cfg(not(unix))]
impl HeldFolder {
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { folder: File::open(path.join(".lock"))? })
    }

    pub fn look(&self, path: &Path) -> Whereabouts {
        let _ = &self.folder;
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Whereabouts::There,
            _ => Whereabouts::Gone,
        }
    }
}

/// As people write it: below the present folder without the way to it.
#[cfg(unix)]
fn shown(path: &Path) -> PathBuf {
    let below = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf));
    below.filter(|below| !below.as_os_str().is_empty()).unwrap_or_else(|| path.to_path_buf())
}

#[cfg(all(test, any(target_os = "linux", target_vendor = "apple")))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_found_under_its_new_name_and_a_deleted_one_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path().canonicalize().unwrap();
        let (old, new) = (parent.join("old"), parent.join("new"));
        fs::create_dir(&old).unwrap();
        let held = HeldFolder::open(&old).unwrap();
        assert_eq!(held.look(&old), Whereabouts::There);
        fs::rename(&old, &new).unwrap();
        assert_eq!(held.look(&old), Whereabouts::Renamed(new.clone()));
        // Another folder by the old name is not it.
        fs::create_dir(&old).unwrap();
        assert_eq!(held.look(&old), Whereabouts::Renamed(new.clone()));
        fs::remove_dir(&new).unwrap();
        assert_eq!(held.look(&old), Whereabouts::Gone);
    }
}
