//! Room for the last words of a thread.

/// Gives the calling thread a larger stack for the handler of a deadly signal. The one that the standard library makes has just
/// room for the frame of a thread that uses matrix tiles (11 KiB), and a few hundred bytes for the handler. The memory
/// stays with the thread until the process ends. Does nothing where handlers have no such stack.
pub fn enlarge_signal_stack() {
    #[cfg(unix)]
    {
        const ROOM: usize = 128 * 1024;
        let memory = Box::leak(vec![0u8; ROOM].into_boxed_slice());
        let stack = libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: ROOM };
        // SAFETY: the memory is never freed. The standard library frees its own stack when the thread ends, and turns off
        // whichever is in use then.
        unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) };
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_the_larger_stack_until_it_ends() {
        let size = || {
            // SAFETY: `stack_t` is plain data, for which zeroes are a valid value, and the call fills it in.
            unsafe {
                let mut stack: libc::stack_t = std::mem::zeroed();
                libc::sigaltstack(std::ptr::null(), &mut stack);
                stack.ss_size
            }
        };
        let thread = std::thread::spawn(move || {
            let before = size();
            enlarge_signal_stack();
            (before, size())
        });
        let (before, after) = thread.join().unwrap();
        assert!(after == 128 * 1024 && before < after, "{before} and {after}");
    }
}
