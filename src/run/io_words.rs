//! What the system says of a file, in words for people: why, and what helps. A full disk is not a lack of
//! permission, and a folder that isn't there is named.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::process::too_many_files;

/// Why it failed: "the disk is full"; what has no words here is told as the system tells it.
pub fn reason(error: &io::Error) -> String {
    let words = match error.kind() {
        ErrorKind::StorageFull => "the disk is full",
        ErrorKind::QuotaExceeded => "your disk quota is used up",
        ErrorKind::FileTooLarge => "the file would be larger than this system allows",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::ReadOnlyFilesystem => "this disk is read-only",
        ErrorKind::NotFound => "no such file or folder",
        ErrorKind::NotADirectory => "there is a file where a folder should be",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::AlreadyExists => "there is a file of this name",
        ErrorKind::InvalidFilename => "the name is too long, or has characters that this system does not allow",
        ErrorKind::UnexpectedEof => "the file ends too early",
        _ if too_many_files(error) => "this system lets difflab have no more files open",
        _ => return without_number(&error.to_string()).into(),
    };
    words.into()
}

/// What to do about a write that failed.
pub fn cure(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room there, or choose a place on another disk",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "choose a folder that you can write to",
        ErrorKind::IsADirectory => "move that folder away",
        _ if too_many_files(error) => "raise the limit (ulimit -n)",
        _ => "choose another place",
    }
}

/// What to do about a file that is there, and kept from us; `None` for all others.
pub fn cure_of_reading(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::PermissionDenied => Some("give yourself the permission to read it"),
        _ if too_many_files(error) => Some("raise the limit (ulimit -n)"),
        _ => None,
    }
}

/// Why something could not be read, and what helps, where that is known.
pub fn unread(error: &io::Error) -> String {
    let cure = cure_of_reading(error).map(|cure| format!("; {cure}"));
    reason(error) + &cure.unwrap_or_default()
}

/// A sentence on a file that could not be written: "cannot write /data/x.png: there is no folder /data".
pub fn cannot_write(path: &Path, error: &io::Error) -> String {
    let why = match (error.kind(), first_missing(path.parent().unwrap_or(Path::new("")))) {
        (ErrorKind::NotFound, Some(folder)) => format!("there is no folder {}", folder.display()),
        _ => reason(error),
    };
    format!("cannot write {}: {why}\n  {}", path.display(), cure(error))
}

/// The uppermost folder on the way to `path` that isn't there.
fn first_missing(path: &Path) -> Option<PathBuf> {
    let missing =
        path.ancestors().filter(|folder| !folder.as_os_str().is_empty()).take_while(|folder| !folder.exists());
    missing.last().map(Path::to_path_buf)
}

/// Rust adds "(os error 28)", which says nothing to a person.
fn without_number(text: &str) -> &str {
    text.split_once(" (os error ").map_or(text, |(words, _)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_not_a_lack_of_permission_and_a_missing_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("there/are/none/x.png");
        let said = |kind: ErrorKind| cannot_write(&path, &kind.into());
        assert!(said(ErrorKind::StorageFull).contains("the disk is full\n  make room"));
        let denied = said(ErrorKind::PermissionDenied);
        assert!(denied.contains("permission denied\n  choose a folder that you can write to"), "{denied}");
        assert!(!denied.contains("room") && !denied.contains("full"));
        let missing = dir.path().join("there");
        assert!(said(ErrorKind::NotFound).contains(&format!("there is no folder {}\n", missing.display())));
    }

    #[test]
    fn what_is_kept_from_us_has_a_cure_and_what_is_broken_has_none() {
        assert_eq!(
            unread(&ErrorKind::PermissionDenied.into()),
            "permission denied; give yourself the permission to read it"
        );
        assert_eq!(unread(&ErrorKind::UnexpectedEof.into()), "the file ends too early");
    }

    #[test]
    fn numbers_of_the_system_are_left_out() {
        // EBADF, which has no kind of its own.
        let words = reason(&io::Error::from_raw_os_error(9));
        assert!(!words.is_empty() && !words.contains("os error"), "{words}");
        // EMFILE.
        #[cfg(unix)]
        assert!(cure(&io::Error::from_raw_os_error(24)).contains("ulimit -n"));
    }
}
