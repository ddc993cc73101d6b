//! The system's limit on the number of open files.

use std::io;

/// Is this the error of a process, or a system, that has as many files open as it may? EMFILE and ENFILE, which Rust
/// has no kinds for.
pub fn too_many_files(error: &io::Error) -> bool {
    #[cfg(unix)]
    return matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE));
    #[cfg(not(unix))]
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_of_files_is_told_from_other_errors() {
        let is = |code| too_many_files(&io::Error::from_raw_os_error(code));
        assert!(is(libc::EMFILE) && is(libc::ENFILE) && !is(libc::ENOENT));
    }
}
