//! What the program says: results on standard output, remarks on standard error.
//!
//! A result that could not be written is a failure, exit code 1: whoever asked for it has not got it. A
//! reader that closed the pipe (`difflab runs | head -1`) has read enough, and that is none, exit code 0. A
//! remark (a warning, "wrote grid.png") is a courtesy: where standard error is full, closed or gone, it is
//! lost and the work goes on.
//!
//! `print!` and `eprintln!` panic instead; the lints in `lib.rs` keep them out.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ascii;
use crate::data::shown_text;
use crate::ranks::{launched_as, world};

/// Standard output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("standard output could not be written: {0}")]
pub struct Unwritten(pub io::Error);

/// Writes `text` to standard output, all of it; a line end is the caller's.
///
/// # Errors
/// [`Unwritten`]; a pipe that its reader has closed is no error.
pub fn print(text: &str) -> Result<(), Unwritten> {
    if is_mute() {
        return Ok(());
    }
    write_all(&mut io::stdout().lock(), &on_stdout(text))
}

/// Writes `text` and flushes, so that no later failure can go unseen.
///
/// # Errors
/// As [`print()`].
fn write_all(out: &mut impl Write, text: &str) -> Result<(), Unwritten> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Unwritten(error)),
        _ => Ok(()),
    }
}

/// A line on standard error. Names out of files may be part of it: what would act on the terminal stands there by its
/// number.
pub fn remark(line: impl Display) {
    if !is_mute() {
        say(line);
    }
}

/// A line of one rank of several, on standard error, though rank 0 speaks for all.
pub fn of_rank(rank: usize, line: impl Display) {
    say(format_args!("difflab: rank {rank}: {line}"));
}

/// Of several processes the first speaks.
fn is_mute() -> bool {
    launched_as().is_some_and(|rank| rank > 0) || !world().leads()
}

fn say(line: impl Display) {
    let line = shown_text(&line.to_string());
    if let Some(hears) = &*listener() {
        return hears(line);
    }
    // In one piece, so that the lines of several threads or processes don't mix.
    let line = format!("{line}\n");
    let _ = io::stderr().write_all(on_stderr(&line).as_bytes());
}

type Listener = Box<dyn Fn(String) + Send>;

/// Who hears remarks while a screen has the terminal. One for the whole program, since there is one terminal.
static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);

fn listener() -> MutexGuard<'static, Option<Listener>> {
    LISTENER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remarks go to `hears` until the returned value is dropped, each as a line: on standard error they would stand in the
/// middle of a screen. `hears` says nothing itself.
pub fn divert(hears: impl Fn(String) + Send + 'static) -> Diverted {
    *listener() = Some(Box::new(hears));
    Diverted(())
}

/// Ends [`divert`] when dropped.
pub struct Diverted(());

impl Drop for Diverted {
    fn drop(&mut self) {
        *listener() = None;
    }
}

/// `text` as standard output can show it: spelled in ASCII on a terminal that has nothing else. A file or a pipe gets it
/// as it is.
pub fn on_stdout(text: &str) -> Cow<'_, str> {
    shown_on(text, || io::stdout().is_terminal())
}

/// As [`on_stdout`], for standard error.
pub fn on_stderr(text: &str) -> Cow<'_, str> {
    shown_on(text, || io::stderr().is_terminal())
}

fn shown_on(text: &str, is_terminal: impl FnOnce() -> bool) -> Cow<'_, str> {
    if ascii::terminal_has_utf8() || !is_terminal() { Cow::Borrowed(text) } else { ascii::spelled(text) }
}

/// A line on standard error that begins with "warning:".
pub fn warn(line: impl Display) {
    remark(format_args!("warning: {line}"));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Fails as a full disk or a closed pipe does, in writing or, buffered, only in flushing.
    struct Failing {
        kind: ErrorKind,
        buffered: bool,
    }

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.buffered { Ok(bytes.len()) } else { Err(self.kind.into()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.kind.into())
        }
    }

    #[test]
    fn while_a_screen_has_the_terminal_remarks_are_heard_elsewhere() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = heard.clone();
        let diverted = divert(move |line| all.lock().unwrap().push(line));
        warn("a test's own \u{1b}[2J");
        drop(diverted);
        // Of other tests, which may remark something meanwhile, nothing is asked.
        let heard = heard.lock().unwrap();
        let own: Vec<_> = heard.iter().filter(|line| line.starts_with("warning: a test's own")).collect();
        assert!(own.len() == 1 && !own[0].contains('\u{1b}') && listener().is_none(), "{own:?}");
    }

    #[test]
    fn what_was_not_written_is_an_error_and_a_closed_pipe_is_none() {
        for buffered in [false, true] {
            let result = |kind| write_all(&mut Failing { kind, buffered }, "text");
            assert!(result(ErrorKind::BrokenPipe).is_ok());
            let said = result(ErrorKind::StorageFull).unwrap_err().to_string();
            assert!(said.starts_with("standard output could not be written: "), "{said}");
        }
        let mut written = Vec::new();
        write_all(&mut written, "text").unwrap();
        assert_eq!(written, b"text");
    }
}
