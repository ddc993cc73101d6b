//! Registers that hold whole matrices (AMX's tiles), which a process may use once it has asked for them.

/// Asks for tiles, for all threads; false: there are none here. On Linux alone; elsewhere always false.
///
/// From then on the kernel takes no alternate signal stack that is too small for a frame with tiles; the ones of the
/// standard library are large enough (Documentation/arch/x86/xstate.rst).
pub fn allow_matrix_tiles() -> bool {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    {
        const ARCH_REQ_XCOMP_PERM: libc::c_int = 0x1023;
        const XTILEDATA: libc::c_ulong = 18;
        // SAFETY: a plain system call without pointers; where it doesn't exist, it fails.
        unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0 }
    }
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    false
}
