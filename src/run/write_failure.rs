//! Why something could not be written, in words that fit the cause.

use std::io::{self, ErrorKind};

use super::error::RunError;
use super::io_words;
use crate::process::too_many_files;

/// What stands in the way of the writes of a run, and what a person can do about it while the run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFailure {
    /// "the disk is full".
    pub cause: String,
    /// "make room on it".
    pub remedy: &'static str,
}

impl WriteFailure {
    /// Of an error of the operating system.
    pub fn of(error: &io::Error) -> Self {
        let remedy = match error.kind() {
            ErrorKind::StorageFull => "make room on it",
            ErrorKind::QuotaExceeded => "make room within it",
            ErrorKind::FileTooLarge => "raise the limit (ulimit -f)",
            ErrorKind::PermissionDenied => "restore the permission to write there",
            ErrorKind::ReadOnlyFilesystem => "make it writable again",
            ErrorKind::NotFound => "put it back",
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "take it away",
            ErrorKind::OutOfMemory | ErrorKind::WouldBlock => "end other programs",
            ErrorKind::IsADirectory => "move it away",
            _ if too_many_files(error) => io_words::cure(error),
            _ => "check the disk",
        };
        let cause = match error.kind() {
            ErrorKind::NotFound => "the folder is gone".into(),
            ErrorKind::AlreadyExists => "a file is where a folder should be".into(),
            _ => io_words::reason(error),
        };
        Self { cause, remedy }
    }

    /// Of an error that has one of the operating system among its causes; `None` for all others, which no
    /// waiting mends.
    pub fn within(error: &anyhow::Error) -> Option<Self> {
        error.chain().find_map(|cause| {
            if let Some(RunError::NotWritable { error, .. }) = cause.downcast_ref::<RunError>() {
                return Some(Self::of(error));
            }
            cause.downcast_ref::<io::Error>().map(Self::of)
        })
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn a_missing_permission_is_no_full_disk() {
        let cause = |kind: ErrorKind| WriteFailure::of(&kind.into()).cause;
        assert!(cause(ErrorKind::StorageFull).contains("full"));
        assert!(!cause(ErrorKind::PermissionDenied).contains("full"));
        let remedy = |kind: ErrorKind| WriteFailure::of(&kind.into()).remedy;
        assert!(remedy(ErrorKind::StorageFull).contains("room"));
        assert!(remedy(ErrorKind::PermissionDenied).contains("permission"));
        assert!(cause(ErrorKind::NotFound).contains("gone"));
    }

    #[test]
    fn it_is_found_however_deep_it_lies_and_only_where_it_is() {
        let full = Err::<(), _>(io::Error::from(ErrorKind::StorageFull)).context("writing x").unwrap_err();
        assert!(WriteFailure::within(&full.context("saving")).unwrap().cause.contains("full"));
        assert_eq!(WriteFailure::within(&anyhow!("a weight is NaN")), None);
    }
}
