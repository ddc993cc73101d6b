//! A question to the terminal, and what it answers.

use std::io::Result;
use std::time::Duration;

/// Writes `question` to the terminal and returns what comes back until it is `complete` or `timeout` is over. Leaves the
/// terminal's modes as they were. Nothing else may read the keyboard meanwhile. On Windows nobody is asked, and the answer is
/// empty.
///
/// # Errors
/// No terminal, or one that can't be read.
#[cfg(unix)]
pub fn ask_terminal(question: &str, timeout: Duration, complete: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>> {
    use std::io::{Read, Write};

    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

    let mut tty = std::fs::File::options().read(true).write(true).open("/dev/tty")?;
    let before = tcgetattr(&tty)?;
    let mut modes = before.clone();
    modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
    // A read returns after a tenth of a second without a byte, so that no thread stays behind.
    modes.special_codes[SpecialCodeIndex::VMIN] = 0;
    modes.special_codes[SpecialCodeIndex::VTIME] = 1;
    tcsetattr(&tty, OptionalActions::Now, &modes)?;
    let mut bytes = Vec::new();
    let mut exchange = || -> Result<()> {
        tty.write_all(question.as_bytes())?;
        tty.flush()?;
        let start = std::time::Instant::now();
        let mut buffer = [0u8; 256];
        while start.elapsed() < timeout && !complete(&bytes) {
            let n = tty.read(&mut buffer)?;
            bytes.extend_from_slice(&buffer[..n]);
        }
        Ok(())
    };
    let result = exchange();
    tcsetattr(&tty, OptionalActions::Now, &before)?;
    result.map(|()| bytes)
}

#[cfg(not(unix))]
pub fn ask_terminal(_: &str, _: Duration, _: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>> {
    Ok(Vec::new())
}
