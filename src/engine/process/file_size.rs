//! The system's limit on the size of files (`ulimit -f`, some quotas): a write beyond it kills a process by SIGXFSZ.

/// From now on such a write is an error like any other (EFBIG), which is said, and what was trained is kept.
pub fn limit_is_an_error() {
    // SAFETY: sets a plain disposition before there are other threads; no handler runs.
    #[cfg(unix)]
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
