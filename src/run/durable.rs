//! Writes that survive a power cut: beside, synced, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::process::exchange;
use crate::process::partial::{self, Partial};

/// Writes a file whole: either the old content stays, or the new is there.
pub fn write_replacing(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.partial"));
    let _half_written = Partial::at(&beside);
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })?;
    sync_folder(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// Puts the folder `fresh` in the place of `target`, both beside each other. Where the system can exchange two
/// names at once there is no moment without a whole folder; elsewhere the old one steps aside to `aside` first.
pub fn replace_folder(fresh: &Path, target: &Path, aside: &Path) -> io::Result<()> {
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _whole = partial::hold();
    if !target.exists() {
        fs::rename(fresh, target)?;
        return sync_folder(parent);
    }
    if exchange(fresh, target) {
        sync_folder(parent)?;
        return remove_folder(fresh);
    }
    remove_folder(aside)?;
    fs::rename(target, aside)?;
    fs::rename(fresh, target).inspect_err(|_| {
        let _ = fs::rename(aside, target);
    })?;
    sync_folder(parent)?;
    remove_folder(aside)
}

/// Makes a folder in one that is there; one that exists already is no mistake.
pub fn make_folder(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        result => result,
    }
}

/// Removes a folder with everything in it; one that is not there is no mistake.
pub fn remove_folder(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a folder's entries durable. Systems that cannot open a folder (Windows) do so themselves.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Syncs every file under `path`, then the folders themselves.
pub fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?.path();
        // Windows syncs only what is open for writing.
        if entry.is_dir() { sync_tree(&entry)? } else { OpenOptions::new().write(true).open(&entry)?.sync_all()? }
    }
    sync_folder(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        write_replacing(&path, b"first").unwrap();
        write_replacing(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_replaced_whole_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let (fresh, target, aside) = (dir.path().join("fresh"), dir.path().join("target"), dir.path().join("aside"));
        for name in ["first", "second"] {
            fs::create_dir(&fresh).unwrap();
            fs::write(fresh.join(name), "").unwrap();
            replace_folder(&fresh, &target, &aside).unwrap();
            assert!(target.join(name).exists());
        }
        assert!(!target.join("first").exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
