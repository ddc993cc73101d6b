//! A file of JSON lines that only grows.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use memchr::memrchr;
use serde::Serialize;

use super::durable::sync_folder;
use crate::process::file_id;

/// An open file of JSON lines. Lines wait in memory until they are written; each flush is one write, so that a
/// killed run tears at most the last line. What a failed write has torn is cut off again before the next.
pub struct Lines {
    path: PathBuf,
    file: File,
    /// Whole lines that are not in the file yet.
    waiting: Vec<u8>,
    /// Bytes of a torn line at the end of the file.
    torn: u64,
    /// Bytes that the file had when it was last written or looked at.
    length: u64,
    /// A sync has failed: what the file holds may not be on the disk.
    doubtful: bool,
}

impl Lines {
    /// Opens `path` to append; makes it when it is missing.
    ///
    /// # Errors
    /// When the file cannot be opened for writing.
    pub fn append_to(path: &Path) -> Result<Self> {
        let opened = || -> io::Result<(File, u64)> {
            let file = open(path)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        let (file, length) = opened().with_context(|| format!("opening {} for writing", path.display()))?;
        Ok(Self { path: path.to_path_buf(), file, waiting: Vec::new(), torn: 0, length, doubtful: false })
    }

    /// Adds a line to those that wait.
    pub fn push(&mut self, value: &impl Serialize) {
        // Numbers and texts always have a place in JSON.
        if let Ok(line) = serde_json::to_vec(value) {
            self.waiting.extend_from_slice(&line);
            self.waiting.push(b'\n');
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Writes what waits. What could not be written goes on waiting, and the file ends in a whole line.
    ///
    /// # Errors
    /// When the disk is full or gone.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.doubtful {
            let path = self.path.clone();
            return self.rewrite(&path);
        }
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.cut_off()?;
        let (written, result) = write(&mut self.file, &self.waiting);
        self.length += written as u64;
        let whole = self.waiting[..written].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        self.torn = (written - whole) as u64;
        self.waiting.drain(..whole);
        if result.is_err() {
            // Best effort: it is tried again before the next write.
            let _ = self.cut_off();
        }
        result
    }

    /// Makes sure that what was written is on the disk.
    ///
    /// # Errors
    /// When it is not, or not surely; the next [`Self::flush`] writes the file anew then.
    pub fn sync(&mut self) -> io::Result<()> {
        let result = self.file.sync_data();
        self.doubtful |= result.is_err();
        result
    }

    /// Has another program cut the file off? What is left of it, in whole lines, is the file from now on.
    ///
    /// # Errors
    /// When it cannot be looked at, or a line that was cut through cannot be cut off.
    pub fn was_cut_by_others(&mut self) -> io::Result<bool> {
        let found = self.file.metadata()?.len();
        if found >= self.length {
            // What others have added is theirs to answer for.
            self.length = found;
            return Ok(false);
        }
        let whole = end_of_whole_lines(&self.file, found)?;
        if whole < found {
            self.file.set_len(whole)?;
        }
        (self.length, self.torn) = (whole, 0);
        Ok(true)
    }

    /// The folder is elsewhere now, with this file in it.
    pub fn moved_to(&mut self, path: &Path) {
        self.path = path.to_path_buf();
    }

    /// Does the path still lead to this file?
    pub fn in_place(&self) -> bool {
        match (fs::metadata(&self.path), self.file.metadata()) {
            (Ok(there), Ok(ours)) => file_id(&there) == file_id(&ours),
            (Err(error), _) => error.kind() != ErrorKind::NotFound,
            _ => true,
        }
    }

    /// Writes the whole file anew at `path` (all its lines can still be read, even where the old file was
    /// deleted), and goes on there. A file of others that is in the way steps aside.
    ///
    /// # Errors
    /// When it cannot be written; everything is as it was then.
    pub fn rewrite(&mut self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("jsonl.partial");
        let write = |lines: &Self| {
            lines.copy_to(&beside)?;
            if path.exists() && (path != lines.path || !lines.in_place()) {
                fs::rename(path, path.with_extension("replaced.jsonl"))?;
            }
            fs::rename(&beside, path)?;
            sync_folder(path.parent().unwrap_or(Path::new(".")))?;
            let file = open(path)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        (self.file, self.length) = write(self).inspect_err(|_: &io::Error| {
            let _ = fs::remove_file(&beside);
        })?;
        self.path = path.to_path_buf();
        self.waiting.clear();
        (self.torn, self.doubtful) = (0, false);
        Ok(())
    }

    /// Writes all lines, those that wait too, into the new file `path`, and syncs it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn copy_to(&self, path: &Path) -> io::Result<()> {
        let mut out = File::create(path)?;
        let mut file = &self.file;
        let whole = file.metadata()?.len().saturating_sub(self.torn);
        file.seek(SeekFrom::Start(0))?;
        io::copy(&mut file.take(whole), &mut out)?;
        out.write_all(&self.waiting)?;
        out.sync_all()
    }

    fn cut_off(&mut self) -> io::Result<()> {
        if self.torn > 0 {
            let whole = self.file.metadata()?.len().saturating_sub(self.torn);
            self.file.set_len(whole)?;
            (self.length, self.torn) = (whole, 0);
        }
        Ok(())
    }
}

/// Opened to append, and to be read should the folder vanish.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).create(true).append(true).open(path)
}

/// Bytes that are looked through at once.
const BLOCK: usize = 1 << 18;

/// Where the last whole line of a file of so many bytes ends.
fn end_of_whole_lines(mut file: &File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(BLOCK as u64);
        let mut block = vec![0; (end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut block)?;
        if let Some(at) = memrchr(b'\n', &block) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Writes `bytes`; says how many were, whatever happened then.
fn write(out: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match out.write(&bytes[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(n) => written += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::line_reading::read;
    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Line {
        step: u64,
    }

    #[test]
    fn what_is_written_is_read_and_a_torn_last_line_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut lines = Lines::append_to(&path).unwrap();
        (1..=3).for_each(|step| lines.push(&Line { step }));
        lines.flush().unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"step\":4").unwrap();
        assert_eq!(read::<Line>(&path).unwrap(), [1, 2, 3].map(|step| Line { step }));
    }

    /// A disk that takes so many bytes more.
    struct Disk(Vec<u8>, usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let n = bytes.len().min(self.1);
            if n == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.0.extend_from_slice(&bytes[..n]);
            self.1 -= n;
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_fills_up_in_a_line_says_how_much_it_took() {
        let mut disk = Disk(Vec::new(), 15);
        let (written, result) = write(&mut disk, b"{\"step\":1}\n{\"step\":2}\n");
        assert_eq!((written, result.unwrap_err().kind()), (15, ErrorKind::StorageFull));
        assert_eq!(disk.0, b"{\"step\":1}\n{\"st");
    }

    #[test]
    fn what_a_failed_write_tore_is_cut_off_before_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut lines = Lines::append_to(&path).unwrap();
        lines.push(&Line { step: 1 });
        lines.flush().unwrap();
        // As a full disk leaves it, when even the cutting has failed.
        lines.file.write_all(b"{\"st").unwrap();
        lines.torn = 4;
        lines.push(&Line { step: 2 });
        lines.flush().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"step\":1}\n{\"step\":2}\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_written_waits() {
        let mut lines = Lines::append_to(Path::new("/dev/full")).unwrap();
        lines.push(&Line { step: 1 });
        assert_eq!(lines.flush().unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(lines.waiting(), "{\"step\":1}\n".len());
    }

    #[cfg(unix)]
    #[test]
    fn a_deleted_file_is_written_anew_with_all_its_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut lines = Lines::append_to(&path).unwrap();
        lines.push(&Line { step: 1 });
        lines.flush().unwrap();
        assert!(lines.in_place());
        fs::remove_file(&path).unwrap();
        assert!(!lines.in_place());
        lines.push(&Line { step: 2 });
        lines.rewrite(&path).unwrap();
        lines.push(&Line { step: 3 });
        lines.flush().unwrap();
        assert_eq!(read::<Line>(&path).unwrap(), [1, 2, 3].map(|step| Line { step }));
        // Another's file in the place is not lost.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "mine\n").unwrap();
        lines.rewrite(&path).unwrap();
        assert_eq!(read::<Line>(&path).unwrap().len(), 3);
        assert_eq!(fs::read_to_string(dir.path().join("metrics.replaced.jsonl")).unwrap(), "mine\n");
    }
}
