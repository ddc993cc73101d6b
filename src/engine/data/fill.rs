//! Reading until a buffer is full.

use std::io::{ErrorKind, Read, Result};

/// Fills `out` as far as there is something; how many bytes there were.
///
/// # Errors
/// What the source says; what came before it is in `out`.
pub(super) fn fill(source: &mut impl Read, out: &mut [u8]) -> Result<usize> {
    let mut got = 0;
    while got < out.len() {
        match source.read(&mut out[got..]) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
