//! Reading files of JSON lines, from either end, without what a kill has torn.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};
use memchr::{memchr, memrchr};
use serde::de::DeserializeOwned;

use super::error::RunError;
use crate::process::plain_file;

/// Every readable line of `path`, in order; none when the file is missing. A line torn by a kill
/// is left out.
///
/// # Errors
/// When the file exists but cannot be read.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let mut values = Vec::new();
    for_each_line(path, |line| values.extend(serde_json::from_slice(line)))?;
    Ok(values)
}

/// Bytes that are read at once; fewer at first, from a file's end.
const BLOCK: usize = 1 << 18;
const FIRST_BLOCK: usize = 1 << 13;

/// Calls `f` with each line that ends in a newline.
pub(super) fn for_each_line(path: &Path, f: impl FnMut(&[u8])) -> Result<()> {
    for_each_line_of(path, 0..u64::MAX, f)
}

/// The same of a part of the file, in bytes, that begins with a line.
pub(super) fn for_each_line_of(path: &Path, part: Range<u64>, mut f: impl FnMut(&[u8])) -> Result<()> {
    let Some(mut file) = opened(path)? else { return Ok(()) };
    let reading = || format!("reading {}", path.display());
    file.seek(SeekFrom::Start(part.start)).with_context(reading)?;
    let mut reader = BufReader::with_capacity(BLOCK, file.take(part.end - part.start));
    // The beginning of a line that goes on in the next block.
    let mut begun = Vec::new();
    loop {
        let block = reader.fill_buf().with_context(reading)?;
        let length = block.len();
        if length == 0 {
            return Ok(());
        }
        let mut rest = block;
        while let Some(end) = memchr(b'\n', rest) {
            if begun.is_empty() {
                f(&rest[..end]);
            } else {
                begun.extend_from_slice(&rest[..end]);
                f(&begun);
                begun.clear();
            }
            rest = &rest[end + 1..];
        }
        begun.extend_from_slice(rest);
        reader.consume(length);
    }
}

/// Where the first line begins that begins at `at` or behind it; the end of the file where none does.
pub(super) fn line_start(path: &Path, at: u64) -> Result<u64> {
    let Some(mut file) = opened(path)? else { return Ok(0) };
    let reading = || format!("reading {}", path.display());
    if at == 0 {
        return Ok(0);
    }
    // A line begins behind a newline: the byte before `at` may be one.
    file.seek(SeekFrom::Start(at - 1)).with_context(reading)?;
    let passed = BufReader::new(file).skip_until(b'\n').with_context(reading)?;
    Ok(at - 1 + passed as u64)
}

/// Calls `f` with each line that ends in a newline, the last one first, as long as it returns true.
///
/// # Errors
/// When the file exists but cannot be read.
pub fn from_the_end(path: &Path, f: impl FnMut(&[u8]) -> bool) -> Result<()> {
    from_the_end_within(path, u64::MAX, f)
}

/// The same of the last `most` bytes of the file: of a line that begins before them nothing is shown.
///
/// # Errors
/// As [`from_the_end`].
pub fn from_the_end_within(path: &Path, most: u64, mut f: impl FnMut(&[u8]) -> bool) -> Result<()> {
    let Some(mut file) = opened(path)? else { return Ok(()) };
    let reading = || format!("reading {}", path.display());
    let mut start = file.metadata().with_context(reading)?.len();
    let first = start.saturating_sub(most);
    // What is looked for is mostly in the last few lines.
    let mut block_length = FIRST_BLOCK;
    // Bytes from `start` on of which no line has been shown; what follows the last newline is torn.
    let mut rest: Vec<u8> = Vec::new();
    let mut torn = true;
    while start > first {
        let length = (start - first).min(block_length as u64);
        block_length = (2 * block_length).min(BLOCK);
        start -= length;
        let mut block = vec![0; length as usize];
        file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(&mut block)).with_context(reading)?;
        block.append(&mut rest);
        rest = block;
        while let Some(at) = memrchr(b'\n', &rest) {
            if !torn && !f(&rest[at + 1..]) {
                return Ok(());
            }
            torn = false;
            rest.truncate(at);
        }
    }
    if start == 0 && !torn && !rest.is_empty() {
        f(&rest);
    }
    Ok(())
}

/// `None` when there is no such file.
fn opened(path: &Path) -> Result<Option<File>> {
    match plain_file::open(path) {
        Ok((file, _)) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RunError::not_readable(path, error).into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lines_come_from_the_end_whole_and_as_many_as_are_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        // Lines that lie across blocks, and one that is longer than a block.
        let long = "x".repeat(2 * BLOCK);
        let lines: Vec<String> = (0..20_000).map(|i| format!("line {i}")).chain([long, "last".into()]).collect();
        for torn in ["", "to"] {
            fs::write(&path, lines.join("\n") + "\n" + torn).unwrap();
            let mut found = Vec::new();
            from_the_end(&path, |line| {
                found.push(String::from_utf8(line.to_vec()).unwrap());
                true
            })
            .unwrap();
            let mut forwards = Vec::new();
            for_each_line(&path, |line| forwards.push(String::from_utf8(line.to_vec()).unwrap())).unwrap();
            assert!(forwards == lines, "{} of {} lines", forwards.len(), lines.len());
            found.reverse();
            assert!(found == lines, "{} of {} lines", found.len(), lines.len());
            let mut count = 0;
            from_the_end(&path, |_| {
                count += 1;
                count < 3
            })
            .unwrap();
            assert_eq!(count, 3);
        }
        for (text, expected) in [("", 0), ("torn", 0), ("one\n", 1), ("one\ntorn", 1)] {
            fs::write(&path, text).unwrap();
            let mut count = 0;
            from_the_end(&path, |_| {
                count += 1;
                true
            })
            .unwrap();
            assert_eq!(count, expected, "{text:?}");
        }
    }

    #[test]
    fn within_so_many_bytes_of_the_end_no_half_line_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        fs::write(&path, "one\ntwo\nthree\ntor").unwrap();
        let shown = |most| {
            let mut shown = Vec::new();
            from_the_end_within(&path, most, |line| {
                shown.push(String::from_utf8(line.to_vec()).unwrap());
                true
            })
            .unwrap();
            shown.join(" ")
        };
        assert_eq!(shown(u64::MAX), "three two one");
        assert_eq!((shown(17).as_str(), shown(16).as_str()), ("three two one", "three two"));
        assert_eq!((shown(10).as_str(), shown(9).as_str(), shown(2).as_str()), ("three", "", ""));
    }

    #[test]
    fn why_a_file_cannot_be_read_is_said_once() {
        let dir = tempfile::tempdir().unwrap();
        let error = read::<u64>(dir.path()).unwrap_err();
        let said = format!("{error:#}");
        assert!(said.ends_with(": it is a folder, not a file") && said.matches("not a file").count() == 1, "{said}");
    }

    #[test]
    fn a_missing_file_has_no_lines() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read::<u64>(&dir.path().join("none.jsonl")).unwrap().is_empty());
        from_the_end(&dir.path().join("none.jsonl"), |_| unreachable!()).unwrap();
    }
}
