//! Files that others name, opened only where they are files: whoever opens a FIFO waits for its writer, and a
//! device may never end.

use std::fs::{File, Metadata};
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// Bytes of the largest text that is read at once; configs, manifests and the like have a few thousand.
const LARGEST_TEXT: u64 = 64 << 20;

/// What something in the file system is that is no plain file: "a FIFO".
pub fn not_a_file(about: &Metadata) -> Option<&'static str> {
    let kind = about.file_type();
    if kind.is_file() {
        return None;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a FIFO");
        } else if kind.is_socket() {
            return Some("a socket");
        } else if kind.is_block_device() || kind.is_char_device() {
            return Some("a device");
        }
    }
    Some(if kind.is_dir() { "a folder" } else { "no plain file" })
}

/// A plain file and its length in bytes.
///
/// # Errors
/// What is no file, in words; else what the system says.
pub fn open(path: &Path) -> Result<(File, u64)> {
    let about = std::fs::metadata(path)?;
    if let Some(what) = not_a_file(&about) {
        return Err(Error::new(ErrorKind::InvalidInput, format!("it is {what}, not a file")));
    }
    Ok((File::open(path)?, about.len()))
}

/// The text of a plain file.
///
/// # Errors
/// Those of [`open`]; a file above 64 MiB; one that is not UTF-8, with the line.
pub fn read_text(path: &Path) -> Result<String> {
    let (file, length) = open(path)?;
    // Room for all of it and the end: one read, and not one a doubling.
    let mut bytes = Vec::with_capacity(length.min(LARGEST_TEXT) as usize + 1);
    file.take(LARGEST_TEXT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_TEXT {
        let told = format!("it has {} MiB, far more than such a text", length.max(LARGEST_TEXT) >> 20);
        return Err(Error::new(ErrorKind::InvalidData, told));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let (before, rest) = error.as_bytes().split_at(at);
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let byte = rest.first().copied().unwrap_or_default();
        let told = format!("it is no text in UTF-8: there is the byte {byte:#04x} in line {line}");
        Error::new(ErrorKind::InvalidData, told)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_what_is_none_says_what_it_is() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a");
        let refusal = |path: &Path| read_text(path).unwrap_err().to_string();
        std::fs::write(&path, "ü\n").unwrap();
        assert_eq!(read_text(&path).unwrap(), "ü\n");
        std::fs::write(&path, b"a\nb\xff").unwrap();
        assert_eq!(refusal(&path), "it is no text in UTF-8: there is the byte 0xff in line 2");
        File::create(&path).unwrap().set_len(5 << 30).unwrap();
        assert_eq!(refusal(&path), "it has 5120 MiB, far more than such a text");
        assert_eq!(refusal(place.path()), "it is a folder, not a file");
        assert_eq!(read_text(&place.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn fifos_and_devices_are_not_opened() {
        let place = tempfile::tempdir().unwrap();
        let fifo = place.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert_eq!(open(&fifo).unwrap_err().to_string(), "it is a FIFO, not a file");
        assert_eq!(read_text(Path::new("/dev/zero")).unwrap_err().to_string(), "it is a device, not a file");
    }
}
