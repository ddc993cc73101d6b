//! Files that may be gzipped, read through.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Result};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::DataError;
use super::shown::shown_path;
use super::undecodable::told_by_system;
use crate::process::plain_file;

/// No deflate stream expands more than 1032-fold.
const LARGEST_EXPANSION: u64 = 1032;
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The content of a file, unpacked where it is gzipped.
pub(super) struct Content<R> {
    reader: Inner<R>,
    /// Bytes that the file has.
    pub file_len: u64,
    /// Bytes that the content can have at most.
    pub most: u64,
}

enum Inner<R> {
    Plain(R),
    Packed(Members<R>),
}

impl<R: BufRead> Content<R> {
    /// Of a source of `file_len` bytes that stands at its beginning.
    pub fn new(mut source: R, file_len: u64) -> Result<Self> {
        let packed = source.fill_buf()?.starts_with(&MAGIC);
        Ok(match packed {
            true => Self {
                reader: Inner::Packed(Members::Within(Box::new(GzDecoder::new(source)))),
                file_len,
                most: file_len.saturating_mul(LARGEST_EXPANSION),
            },
            false => Self { reader: Inner::Plain(source), file_len, most: file_len },
        })
    }
}

impl<R: BufRead> Read for Content<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        match &mut self.reader {
            Inner::Plain(source) => source.read(out),
            Inner::Packed(members) => members.read(out),
        }
    }
}

/// The members of a gzip file, one after another (RFC 1952, 2.2), as `cat a.gz b.gz` and parallel compressors
/// write them. What follows the last and is no member, such as padding, is left alone, as gzip does.
enum Members<R> {
    Within(Box<GzDecoder<R>>),
    /// Between two, and at the end.
    Ended,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        loop {
            let Self::Within(member) = self else { return Ok(0) };
            let count = member.read(out)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            // The member's checksum has been read and is right. One byte decides: more need not be buffered.
            let more = member.get_mut().fill_buf()?.first() == Some(&MAGIC[0]);
            let Self::Within(member) = std::mem::replace(self, Self::Ended) else { return Ok(0) };
            if more {
                *self = Self::Within(Box::new(GzDecoder::new(member.into_inner())));
            }
        }
    }
}

/// Opens a file, gzipped or not; FIFOs, sockets and devices are not opened.
///
/// # Errors
/// What can't be read, with its name.
pub(super) fn open(path: &Path) -> std::result::Result<Content<BufReader<File>>, DataError> {
    let (file, length) = open_file(path)?;
    Content::new(BufReader::with_capacity(1 << 16, file), length)
        .map_err(|error| DataError::Unreadable { path: shown_path(path), reason: told_by_system(&error) })
}

/// A plain file that holds something, and its length in bytes.
///
/// # Errors
/// What can't be read, with its name.
pub(super) fn open_file(path: &Path) -> std::result::Result<(File, u64), DataError> {
    let unreadable = |reason: String| DataError::Unreadable { path: shown_path(path), reason };
    match plain_file::open(path).map_err(|error| unreadable(told_by_system(&error)))? {
        (_, 0) => Err(unreadable("it is empty".into())),
        opened => Ok(opened),
    }
}

/// The first bytes of a file's content, unpacked; fewer where it is shorter or broken.
pub(super) fn head(path: &Path, bytes: usize) -> Vec<u8> {
    let mut head = Vec::new();
    if let Ok(content) = open(path) {
        // What has come up to an error is the head all the same.
        let _ = content.take(bytes as u64).read_to_end(&mut head);
    }
    head
}

/// A gzip file of one member, for tests.
#[cfg(test)]
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(bytes: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        Content::new(bytes, bytes.len() as u64)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn all_members_are_read_and_what_follows_them_is_not() {
        let two = [gzip(b"one, "), gzip(b""), gzip(b"two")].concat();
        assert_eq!(content(&two).unwrap(), b"one, two");
        assert_eq!(content(&[&two[..], &[0; 512]].concat()).unwrap(), b"one, two");
        assert_eq!(content(b"plain").unwrap(), b"plain");
        assert!(content(&two[..two.len() - 3]).is_err(), "the last member is cut");
    }
}
