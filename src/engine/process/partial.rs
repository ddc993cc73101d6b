//! Files and folders that are being written under another name, for the case that the process has to end
//! in the middle.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static UNDER_WAY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Held while something is put into its place in more than one step.
static PUTTING: Mutex<()> = Mutex::new(());

/// Says that something half-written lies at a path. While it lives, [`remove_all`] removes the path.
#[derive(Debug)]
pub struct Partial(PathBuf);

impl Partial {
    pub fn at(path: &Path) -> Self {
        UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_path_buf());
        Self(path.to_path_buf())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = under_way.iter().position(|path| *path == self.0) {
            under_way.swap_remove(at);
        }
    }
}

/// While this lives, the process doesn't end by [`remove_all`]: for the two renames by which a folder takes
/// another's place. Not for long work.
pub fn hold() -> MutexGuard<'static, ()> {
    PUTTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what is half-written, and lets nothing more be put into its place: the process ends now. Best
/// effort, since nothing more can be done.
pub fn remove_all() {
    std::mem::forget(hold());
    for path in UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        remove(path);
    }
}

/// Removes a file, or a folder with all that is in it; twice, since its writer may be adding to it.
pub fn remove(path: &Path) {
    for _ in 0..2 {
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_is_known_until_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".half.partial");
        let known = || UNDER_WAY.lock().unwrap().contains(&path);
        let partial = Partial::at(&path);
        assert!(known());
        drop(partial);
        assert!(!known());
    }

    #[test]
    fn files_and_folders_are_removed_and_what_is_missing_is_no_matter() {
        let dir = tempfile::tempdir().unwrap();
        let (file, folder) = (dir.path().join("file"), dir.path().join("folder"));
        fs::write(&file, "half").unwrap();
        fs::create_dir_all(folder.join("deep")).unwrap();
        fs::write(folder.join("deep/file"), "half").unwrap();
        for path in [&file, &folder, &dir.path().join("none")] {
            remove(path);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
