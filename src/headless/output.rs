//! Lines to a reader that may go away.

use std::io::Write;

/// A writer that falls silent when nobody reads any more: a closed pipe must not end a training run.
pub struct Output<W> {
    writer: W,
    closed: bool,
}

impl<W: Write> Output<W> {
    pub fn new(writer: W) -> Self {
        Self { writer, closed: false }
    }

    /// Writes a line at once.
    pub fn line(&mut self, text: &str) {
        if !self.closed {
            self.closed = writeln!(self.writer, "{text}").and_then(|()| self.writer.flush()).is_err();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};

    use super::*;

    /// Takes one line, then the reader is gone.
    struct Pipe(usize);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 2 { Err(ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_met_with_silence() {
        let mut output = Output::new(Pipe(0));
        (0..100).for_each(|i| output.line(&format!("line {i}")));
        assert!(output.closed);
        assert!(output.writer.0 < 10, "no further attempts once it is closed");
    }
}
