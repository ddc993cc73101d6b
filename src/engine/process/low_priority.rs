//! Work that must not cost others their processor time.

/// Lets the calling thread, and the threads that it starts from now on, run only where nobody else wants the
/// processor. Does nothing where the system knows no such thing of a single thread.
pub fn lower_priority() {
    lower_priority_to(19);
}

/// As [`lower_priority`], where somebody waits for the work: at niceness 10 it gets about a tenth of a processor that
/// another wants all the time, at 19 a seventieth.
pub fn lower_priority_to(niceness: i32) {
    #[cfg(not(target_os = "linux"))]
    let _ = niceness;
    #[cfg(target_os = "linux")]
    // SAFETY: a plain system call without pointers. On Linux, "process 0" means the calling thread alone; a refusal
    // changes nothing.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, niceness);
    }
}
