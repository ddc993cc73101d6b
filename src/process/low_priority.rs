//! Work that must not cost others their processor time.

/// Lets the calling thread, and the threads that it starts from now on, run only where nobody else wants the
/// processor. Does nothing where the system knows no such thing of a single thread.
pub fn lower_priority() {
    #[cfg(target_os = "linux")]
    // SAFETY: a plain system call without pointers. On Linux, "process 0" means the calling thread alone; a refusal
    // changes nothing.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, 19);
    }
}
