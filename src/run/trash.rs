//! The trash: `.trash/` beside a run's folder. What is in it is on no list, and comes back whole.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::durable::{make_folder, sync_folder};
use super::error::RunError;
use super::find::{FoundRun, runs_under};
use super::free_name::{LOCK, free_beside};

/// The folder's name.
pub const TRASH: &str = ".trash";

/// Moves the run in `dir` to the trash beside it; returns where it is now.
///
/// # Errors
/// [`RunError::InUse`] while a process trains in it; [`RunError::IsALink`] of a link to a folder; when it cannot be moved.
/// Nothing was changed then.
pub fn trash(dir: &Path) -> Result<PathBuf, RunError> {
    // Of the link itself: a stroke behind its name would lead to the folder.
    let link: PathBuf = dir.components().collect();
    if let Ok(target) = fs::read_link(&link) {
        return Err(RunError::IsALink { path: link, target });
    }
    // Held until it has moved: nobody begins to train in it meanwhile.
    let _lock = held(dir)?;
    let (parent, name) = parts(dir)?;
    let trash = parent.join(TRASH);
    let moved = || -> io::Result<()> { make_folder(&trash) };
    moved().map_err(|error| RunError::not_writable(&trash, error))?;
    let to = free_beside(&trash.join(name))?;
    move_folder(dir, &to)?;
    Ok(to)
}

/// Moves the run in `dir`, which lies in a trash, back to where it was; returns where.
///
/// # Errors
/// [`RunError`] when something else has its place now, or it cannot be moved. Nothing was changed then.
pub fn restore(dir: &Path) -> Result<PathBuf, RunError> {
    let (trash, name) = parts(dir)?;
    let to = trash.parent().unwrap_or(Path::new("")).join(name);
    if fs::symlink_metadata(&to).is_ok() {
        return Err(RunError::NoPlaceToRestore(to));
    }
    move_folder(dir, &to)?;
    // Best effort: an empty trash is none.
    let _ = fs::remove_dir(&trash);
    Ok(to)
}

/// The runs in the trash of `place`, and of experiments' folders there; named as in the place.
///
/// # Errors
/// [`RunError`] when the trash is there and cannot be read.
pub fn in_trash(place: &Path) -> Result<Vec<FoundRun>, RunError> {
    let mut found = runs_under(&place.join(TRASH))?;
    let folders = fs::read_dir(place).into_iter().flatten().flatten();
    for folder in folders.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')) {
        let name = folder.file_name().to_string_lossy().into_owned();
        let inner = runs_under(&folder.path().join(TRASH)).unwrap_or_default();
        found.extend(inner.into_iter().map(|run| FoundRun { name: format!("{name}/{}", run.name), ..run }));
    }
    found.sort();
    Ok(found)
}

/// The run's lock, where it is free.
fn held(dir: &Path) -> Result<Option<File>, RunError> {
    // A run that came from elsewhere may have none; what can't be opened nobody trains in.
    let Ok((lock, _)) = crate::process::plain_file::open(&dir.join(LOCK)) else { return Ok(None) };
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => Err(RunError::InUse(dir.to_path_buf())),
        // Where a file system has no locks, a run that trains follows its folder.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(lock)),
    }
}

/// The folder that a run lies in, and the run's own name.
fn parts(dir: &Path) -> Result<(PathBuf, PathBuf), RunError> {
    let whole = fs::canonicalize(dir).map_err(|error| RunError::not_readable(dir, error))?;
    // As it was written, where that has a name and a folder: it is what messages show.
    let parent = dir.parent().filter(|_| dir.file_name().is_some() && !dir.ends_with(".."));
    match (parent, whole.parent(), dir.file_name().or(whole.file_name())) {
        (Some(parent), _, Some(name)) => Ok((parent.to_path_buf(), name.into())),
        (None, Some(parent), Some(name)) => Ok((parent.to_path_buf(), whole.file_name().unwrap_or(name).into())),
        _ => Err(RunError::not_writable(dir, ErrorKind::InvalidInput.into())),
    }
}

fn move_folder(from: &Path, to: &Path) -> Result<(), RunError> {
    // An empty folder may have the name (`free_beside`).
    let _ = fs::remove_dir(to);
    fs::rename(from, to).map_err(|error| RunError::not_writable(from.parent().unwrap_or(from), error))?;
    // Best effort: the move has happened, and a power cut would at worst undo it.
    for folder in [from.parent(), to.parent()].into_iter().flatten() {
        let _ = sync_folder(if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::run::dir::RunDir;

    fn make(place: &Path, name: &str) -> PathBuf {
        let dir = place.join(name);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("config.toml"), name).unwrap();
        dir
    }

    #[test]
    fn a_run_goes_to_the_trash_and_comes_back_whole() {
        let place = tempfile::tempdir().unwrap();
        let place = place.path();
        let moved = trash(&make(place, "a")).unwrap();
        assert_eq!(moved, place.join(".trash/a"));
        assert!(!place.join("a").exists() && runs_under(place).unwrap().is_empty());
        // Another of the same name.
        assert_eq!(trash(&make(place, "a")).unwrap(), place.join(".trash/a-2"));
        assert_eq!(trash(&make(place, "sweep/b")).unwrap(), place.join("sweep/.trash/b"));
        let names: Vec<String> = in_trash(place).unwrap().into_iter().map(|run| run.name).collect();
        assert_eq!(names, ["a", "a-2", "sweep/b"]);
        assert_eq!(restore(&moved).unwrap(), place.join("a"));
        assert_eq!(fs::read_to_string(place.join("a/config.toml")).unwrap(), "a");
        // What has its place now stays, and so does what is in the trash.
        fs::rename(place.join(".trash/a-2"), place.join(".trash/a")).unwrap();
        let said = restore(&place.join(".trash/a")).unwrap_err().to_string();
        assert!(said.contains("rename it") && place.join(".trash/a").exists(), "{said}");
        restore(&place.join("sweep/.trash/b")).unwrap();
        assert!(place.join("sweep/b").exists() && !place.join("sweep/.trash").exists());
        assert_eq!(in_trash(&place.join("nowhere")).unwrap(), []);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_says_where_it_leads() {
        let place = tempfile::tempdir().unwrap();
        make(place.path(), "a");
        let link = place.path().join("link");
        std::os::unix::fs::symlink("a", &link).unwrap();
        for written in [link.clone(), place.path().join("link/")] {
            let said = trash(&written).unwrap_err().to_string();
            assert!(said.contains("link is a link to a") && said.contains("remove the link"), "{said}");
        }
        assert!(link.exists() && !place.path().join(TRASH).exists());
    }

    #[test]
    fn a_run_that_trains_is_never_moved() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("run");
        let run = RunDir::create(Some(&dir), &Config::default()).unwrap();
        assert!(matches!(trash(&dir), Err(RunError::InUse(_))));
        assert!(dir.exists() && !place.path().join(TRASH).exists());
        drop(run);
        trash(&dir).unwrap();
        assert!(!dir.exists());
    }
}
