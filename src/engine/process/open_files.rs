//! The system's limit on the number of open files.

use std::io;

/// Is this the error of a process, or a system, that has as many files open as it may? EMFILE and ENFILE, which Rust
/// has no kinds for; on Windows ERROR_TOO_MANY_OPEN_FILES.
pub fn too_many_files(error: &io::Error) -> bool {
    #[cfg(unix)]
    const CODES: &[i32] = &[libc::EMFILE, libc::ENFILE];
    #[cfg(not(unix))]
    const CODES: &[i32] = &[4];
    error.raw_os_error().is_some_and(|code| CODES.contains(&code))
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
