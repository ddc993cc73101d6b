//! A file of JSON lines that only grows, and that a resumed run cuts back to its checkpoint.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An open file of JSON lines. Each line is one write, so that a killed run tears at most the last.
pub struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    /// Opens `path` to append; makes it when it is missing.
    ///
    /// # Errors
    /// When the file cannot be opened for writing.
    pub fn append_to(path: &Path) -> Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("opening {} for writing", path.display()))?;
        Ok(Self { path: path.to_path_buf(), file })
    }

    /// Writes one line.
    ///
    /// # Errors
    /// When the disk is full or gone.
    pub fn write(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.file.write_all(&line).with_context(|| self.cannot_write())
    }

    /// Makes sure that what was written is on the disk.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().with_context(|| self.cannot_write())
    }

    fn cannot_write(&self) -> String {
        let run = self.path.parent().unwrap_or(Path::new("."));
        format!(
            "cannot write to {}\n  the checkpoints are kept: make room on the disk, then --resume {} goes on",
            self.path.display(),
            run.display()
        )
    }
}

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

/// Rewrites `path` with only the whole lines that `keep` accepts; the new file takes the old one's
/// place at once.
///
/// # Errors
/// When reading or writing fails; the old file is then as it was.
pub fn retain<T: DeserializeOwned>(path: &Path, keep: impl Fn(&T) -> bool) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let beside = path.with_extension("jsonl.partial");
    let write = || -> Result<()> {
        let mut out = BufWriter::new(File::create(&beside)?);
        let mut failed = None;
        for_each_line(path, |line| {
            let wanted = serde_json::from_slice::<T>(line).is_ok_and(|value| keep(&value));
            if wanted && failed.is_none() {
                failed = out.write_all(line).and_then(|()| out.write_all(b"\n")).err();
            }
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        out.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        fs::rename(&beside, path)?;
        Ok(())
    };
    write().with_context(|| format!("cutting {} back to the checkpoint", path.display())).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

/// Calls `f` with each line that ends in a newline.
fn for_each_line(path: &Path, mut f: impl FnMut(&[u8])) -> Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.read_until(b'\n', &mut line).with_context(|| format!("reading {}", path.display()))?;
        match line.pop() {
            Some(b'\n') => f(&line),
            _ => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

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
        (1..=3).for_each(|step| lines.write(&Line { step }).unwrap());
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"step\":4").unwrap();
        assert_eq!(read::<Line>(&path).unwrap(), [1, 2, 3].map(|step| Line { step }));
    }

    #[test]
    fn cutting_back_keeps_the_wanted_lines_and_repairs_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        fs::write(&path, "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"ste").unwrap();
        retain(&path, |line: &Line| line.step <= 2).unwrap();
        Lines::append_to(&path).unwrap().write(&Line { step: 3 }).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_missing_file_has_no_lines() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read::<Line>(&dir.path().join("none.jsonl")).unwrap(), []);
        retain(&dir.path().join("none.jsonl"), |_: &Line| true).unwrap();
    }
}
