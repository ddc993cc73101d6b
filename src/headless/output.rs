//! Lines to a reader that may go away, or a disk that may be full.

use std::io::{ErrorKind, Write};

use crate::speak::{self, Unwritten};

/// A writer of lines that no failure stops: a training run must not end because its log can't be written. It
/// falls silent when a pipe's reader has gone. Any other failure is said once, every further line is tried
/// again, and what happened is known at the end.
pub struct LogLines<W> {
    writer: W,
    closed: bool,
    /// The last line did not arrive, or only half of it.
    broken: bool,
    failure: Option<Unwritten>,
}

impl<W: Write> LogLines<W> {
    pub fn new(writer: W) -> Self {
        Self { writer, closed: false, broken: false, failure: None }
    }

    /// Writes a line at once.
    pub fn line(&mut self, text: &str) {
        if self.closed {
            return;
        }
        // Not behind half a line.
        let start = if self.broken { "\n" } else { "" };
        let line = format!("{start}{text}\n");
        let written = self.writer.write_all(line.as_bytes()).and_then(|()| self.writer.flush());
        self.broken = written.is_err();
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.closed = true,
            Err(error) if self.failure.is_none() => {
                let failure = Unwritten(error);
                speak::warn(format_args!("{failure}; the run continues, and its numbers are in its folder"));
                self.failure = Some(failure);
            }
            _ => {}
        }
    }

    /// Why lines are missing, if any are.
    pub fn failure(&mut self) -> Option<Unwritten> {
        self.failure.take()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// Takes a line, then fails as often as told, then takes lines again.
    struct Failing {
        kind: ErrorKind,
        left: usize,
        taken: String,
    }

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.left > 0 && !self.taken.is_empty() {
                self.left -= 1;
                return Err(self.kind.into());
            }
            self.taken += std::str::from_utf8(bytes).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn after(kind: ErrorKind) -> LogLines<Failing> {
        let mut output = LogLines::new(Failing { kind, left: 10, taken: String::new() });
        (0..100).for_each(|i| output.line(&format!("line {i}")));
        output
    }

    #[test]
    fn a_closed_pipe_is_met_with_silence() {
        let mut output = after(ErrorKind::BrokenPipe);
        assert_eq!(output.writer.left, 9, "no further attempts once it is closed");
        assert!(output.failure().is_none());
    }

    #[test]
    fn a_full_disk_is_tried_again_and_remembered() {
        let mut output = after(ErrorKind::StorageFull);
        assert!(output.writer.taken.starts_with("line 0\n\nline 11\nline 12\n"), "{}", output.writer.taken);
        assert!(output.failure().is_some());
    }
}
