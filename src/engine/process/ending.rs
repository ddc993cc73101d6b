//! The end of the process at once, whatever its other threads hang on.

use std::io::{self, Write};
use std::time::Duration;

use super::{attended, last_words, partial};

/// How long the last sentence may take to be written: a terminal that nobody reads must not hold the end up.
const SENTENCE: Duration = Duration::from_millis(300);

/// Gives the terminal back, kills the children, removes what is half-written, says `words` on stderr, and ends the process with
/// `code`. Waits for no other thread; nothing else is cleaned up.
pub fn end_at_once(code: u8, words: &str) -> ! {
    last_words::restore_terminal();
    attended::kill_all();
    partial::remove_all();
    let line = format!("difflab: {words}\n");
    let (done, wait) = std::sync::mpsc::channel();
    let writer = std::thread::Builder::new().spawn(move || {
        let _ = io::stderr().write_all(line.as_bytes());
        let _ = done.send(());
    });
    if writer.is_ok() {
        let _ = wait.recv_timeout(SENTENCE);
    }
    exit(code)
}

/// Not [`std::process::exit`]: that waits for what may hang (the buffer of a standard output that nobody
/// reads) and runs destructors beside threads that still work.
#[cfg(unix)]
fn exit(code: u8) -> ! {
    // SAFETY: ends the process without running anything else in it.
    unsafe { libc::_exit(code.into()) }
}

#[cfg(not(unix))]
fn exit(code: u8) -> ! {
    std::process::exit(code.into())
}
