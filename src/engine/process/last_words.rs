//! What still happens when the process is killed by a fault, an abort or SIGQUIT: the terminal is given back,
//! and a lack of memory is named. Then the signal does what it does.
//!
//! A signal handler may call only what POSIX lists as safe there (signal-safety(7)): no locks, no allocation.
//! So everything it needs is prepared before, and it makes system calls and reads atomics alone.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of the newest allocation that failed; 0: none has.
static NO_MEMORY_FOR: AtomicUsize = AtomicUsize::new(0);

/// For the allocator: `bytes` could not be had. Most programs are aborted then.
pub fn allocation_failed(bytes: usize) {
    NO_MEMORY_FOR.store(bytes, Ordering::SeqCst);
}

#[cfg(unix)]
pub use on_unix::{install, leave_with, remember_terminal, restore_terminal, terminal_is_back};

/// Elsewhere the system ends the process as it does.
#[cfg(not(unix))]
mod elsewhere {
    pub fn install() {}
    pub fn remember_terminal(_leave: Vec<u8>) {}
    pub fn leave_with(_leave: Vec<u8>) {}
    pub fn restore_terminal() {}
    pub fn terminal_is_back() {}
}
#[cfg(not(unix))]
pub use elsewhere::{install, leave_with, remember_terminal, restore_terminal, terminal_is_back};

#[cfg(unix)]
mod on_unix {
    use std::ffi::c_int;
    use std::fs::OpenOptions;
    use std::os::fd::IntoRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    use std::sync::Once;
    use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

    use super::NO_MEMORY_FOR;
    use crate::process::signals::inherited;

    /// Signals whose default action ends the process in the middle of whatever it does.
    const DEADLY: [c_int; 11] = [
        libc::SIGABRT,
        libc::SIGQUIT,
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGILL,
        libc::SIGFPE,
        libc::SIGSYS,
        libc::SIGTRAP,
        libc::SIGALRM,
        libc::SIGVTALRM,
        libc::SIGPROF,
    ];

    /// Milliseconds that a terminal has to take the last bytes.
    const PATIENCE_MS: c_int = 300;
    /// Seconds after which the handler is ended by SIGALRM, if it hangs all the same.
    const ALARM_S: u32 = 2;

    /// How the terminal was, and the bytes that leave the screen.
    struct Terminal {
        modes: libc::termios,
        /// The terminal opened anew, so that writes to it can be made not to block without that being so for
        /// whoever shares our standard output.
        file: c_int,
        leave: Vec<u8>,
    }

    /// The newest [`Terminal`], never freed: a handler may be reading it. One is made each time the terminal is
    /// taken, which is seldom.
    static TERMINAL: AtomicPtr<Terminal> = AtomicPtr::new(std::ptr::null_mut());
    static TAKEN: AtomicBool = AtomicBool::new(false);

    /// Handlers that were there before ours (Rust's own name a stack overflow), in the order of [`DEADLY`].
    static BEFORE: [AtomicPtr<libc::sigaction>; DEADLY.len()] =
        [const { AtomicPtr::new(std::ptr::null_mut()) }; DEADLY.len()];

    /// Remembers the terminal's modes as they are now, and the bytes `leave` that give the screen back; call it
    /// right before the terminal is changed.
    pub fn remember_terminal(leave: Vec<u8>) {
        static FILE: std::sync::OnceLock<c_int> = std::sync::OnceLock::new();
        let file = *FILE.get_or_init(|| {
            let path = if cfg!(target_os = "linux") { "/proc/self/fd/1" } else { "/dev/tty" };
            let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
            let opened = OpenOptions::new().write(true).custom_flags(flags).open(path);
            opened.map_or(libc::STDOUT_FILENO, IntoRawFd::into_raw_fd)
        });
        // SAFETY: `termios` is plain data, for which zeroes are a valid value; the system fills it.
        let (modes, known) = unsafe {
            let mut modes: libc::termios = std::mem::zeroed();
            let known = libc::tcgetattr(libc::STDOUT_FILENO, &mut modes) == 0;
            (modes, known)
        };
        if known {
            TERMINAL.store(Box::into_raw(Box::new(Terminal { modes, file, leave })), Ordering::SeqCst);
            TAKEN.store(true, Ordering::SeqCst);
        }
    }

    /// Other bytes from now on that give the screen back.
    pub fn leave_with(leave: Vec<u8>) {
        let terminal = TERMINAL.load(Ordering::SeqCst);
        if !terminal.is_null() {
            // SAFETY: the pointer comes from a box that is never freed or changed.
            let (modes, file) = unsafe { ((*terminal).modes, (*terminal).file) };
            TERMINAL.store(Box::into_raw(Box::new(Terminal { modes, file, leave })), Ordering::SeqCst);
        }
    }

    /// The terminal was given back in peace: nothing is left to do.
    pub fn terminal_is_back() {
        TAKEN.store(false, Ordering::SeqCst);
    }

    /// Gives the terminal back, if it is taken: its modes, and the screen. Never blocks for long, and may be
    /// called from a signal handler.
    pub fn restore_terminal() {
        let terminal = TERMINAL.load(Ordering::SeqCst);
        if terminal.is_null() || !TAKEN.swap(false, Ordering::SeqCst) {
            return;
        }
        // SAFETY: the pointer comes from a box that is never freed or changed.
        let terminal = unsafe { &*terminal };
        // SAFETY: a call on plain data that outlives it; listed as safe in a handler, and with TCSANOW it does
        // not wait for what was written to be read.
        unsafe { libc::tcsetattr(libc::STDOUT_FILENO, libc::TCSANOW, &terminal.modes) };
        write_patiently(terminal.file, &terminal.leave);
    }

    /// Writes what the file takes within [`PATIENCE_MS`] of waiting for each part.
    fn write_patiently(file: c_int, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let mut ready = libc::pollfd { fd: file, events: libc::POLLOUT, revents: 0 };
            // SAFETY: one valid entry, and a buffer of the length that is told; both calls are safe in a handler.
            let written = unsafe {
                if libc::poll(&mut ready, 1, PATIENCE_MS) != 1 {
                    return;
                }
                libc::write(file, bytes.as_ptr().cast(), bytes.len())
            };
            match usize::try_from(written) {
                Ok(n @ 1..) => bytes = bytes.get(n..).unwrap_or(&[]),
                _ => return,
            }
        }
    }

    /// Installs the handler for the deadly signals, once. One that was ignored when the program began stays so.
    pub fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            for (signal, before) in DEADLY.iter().zip(&BEFORE) {
                if inherited::ignored(*signal) {
                    continue;
                }
                // SAFETY: `sigaction` is plain data, for which zeroes are a valid value. The handler has the
                // signature that SA_SIGINFO asks for, and makes only calls that are safe in one. It runs on the
                // alternate stack, where the standard library has made one, since a stack may have overflowed.
                unsafe {
                    let mut action: libc::sigaction = std::mem::zeroed();
                    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut libc::c_void) = die;
                    action.sa_sigaction = handler as usize;
                    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                    let mut old: libc::sigaction = std::mem::zeroed();
                    if libc::sigaction(*signal, std::ptr::null(), &mut old) != 0 {
                        continue;
                    }
                    before.store(Box::into_raw(Box::new(old)), Ordering::SeqCst);
                    libc::sigaction(*signal, &action, std::ptr::null_mut());
                }
            }
        });
    }

    /// The handler.
    extern "C" fn die(signal: c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
        // SAFETY: both are safe in a handler; the alarm's default action ends a process that hangs here.
        unsafe {
            libc::signal(libc::SIGALRM, libc::SIG_DFL);
            libc::alarm(ALARM_S);
        }
        restore_terminal();
        if signal == libc::SIGABRT {
            name_lack_of_memory();
        }
        // SAFETY: the system passes a valid `info`. Codes of 0 and below: the signal was sent, by kill or raise.
        let sent = unsafe { (*info).si_code <= 0 };
        let index = DEADLY.iter().position(|deadly| *deadly == signal);
        let before = index.map_or(std::ptr::null_mut(), |i| BEFORE[i].load(Ordering::SeqCst));
        // SAFETY: actions that were valid before, or plain data whose zeroes mean the default action; all calls
        // are safe in a handler. A fault happens again when this returns, and meets the handler of before; what
        // was sent is sent again, and is delivered when this returns.
        unsafe {
            let default: libc::sigaction = std::mem::zeroed();
            let next = if sent || before.is_null() { &default } else { &*before };
            libc::sigaction(signal, next, std::ptr::null_mut());
            if sent {
                libc::raise(signal);
            }
        }
    }

    /// Says on stderr what an abort for lack of memory means.
    fn name_lack_of_memory() {
        let bytes = NO_MEMORY_FOR.load(Ordering::SeqCst);
        if bytes == 0 {
            return;
        }
        let mut digits = [0u8; 20];
        let parts: [&[u8]; 3] = [
            b"difflab: out of memory: ",
            decimal(bytes.div_ceil(1 << 20), &mut digits),
            b" MiB more could not be had\n  a smaller train.batch_size, network or image_size needs less; checkpoints \
              that were written are untouched\n",
        ];
        for part in parts {
            // SAFETY: a valid buffer of the length that is told; safe in a handler.
            unsafe { libc::write(libc::STDERR_FILENO, part.as_ptr().cast(), part.len()) };
        }
    }

    /// A number in decimal digits, without allocating.
    fn decimal(mut number: usize, digits: &mut [u8; 20]) -> &[u8] {
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return &digits[at..];
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn numbers_are_written_without_a_formatter() {
            for number in [0, 7, 10, 1024, usize::MAX] {
                assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
            }
        }
    }
}
