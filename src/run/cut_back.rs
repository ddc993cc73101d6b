//! Cutting a file of JSON lines back to what is to stay.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

use super::line_reading::{for_each_line, for_each_line_of, line_start};

/// Files longer than this are read in two halves at once.
const LONG: u64 = 1 << 22;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFate {
    Stays,
    Goes,
    Unreadable,
}

impl LineFate {
    /// That of a line for which `keep` is asked.
    pub fn of<T: DeserializeOwned>(line: &[u8], keep: impl FnOnce(T) -> bool) -> Self {
        match serde_json::from_slice(line).map(keep) {
            Ok(true) => Self::Stays,
            Ok(false) => Self::Goes,
            Err(_) => Self::Unreadable,
        }
    }
}

/// Lines of a part of a file, as their fates were told.
#[derive(Default)]
struct Fates {
    /// Bytes of all lines, of those in front of the first that goes, and of those that stay at all.
    read: u64,
    front: u64,
    staying: u64,
    unreadable: usize,
    /// Which of them stay.
    stays: Vec<bool>,
}

impl Fates {
    fn see(&mut self, line: &[u8], fate: LineFate) {
        let length = line.len() as u64 + 1;
        self.stays.push(fate == LineFate::Stays);
        match fate {
            LineFate::Stays => {
                self.staying += length;
                if self.front == self.read {
                    self.front += length;
                }
            }
            LineFate::Goes => {}
            LineFate::Unreadable => self.unreadable += 1,
        }
        self.read += length;
    }

    /// Those of `next` come behind these.
    fn then(mut self, next: Self) -> Self {
        if self.front == self.read {
            self.front += next.front;
        }
        self.read += next.read;
        self.staying += next.staying;
        self.unreadable += next.unreadable;
        self.stays.extend(next.stays);
        self
    }
}

/// Leaves only the whole lines of `path` that are to stay. Where nothing that stays comes after a line that goes, as
/// when a run is cut back to its checkpoint, the file is cut off there; otherwise it is written anew, and takes the old
/// one's place at once. `fate` is asked once for each line, in order. Returns how many can't be read, a torn last one not
/// counted.
///
/// # Errors
/// When reading or writing fails; the old file is then as it was.
pub fn retain(path: &Path, fate: impl FnMut(&[u8]) -> LineFate) -> Result<usize> {
    let fates = fates(path, 0..u64::MAX, fate)?;
    cut(path, &fates)?;
    Ok(fates.unreadable)
}

/// The same of a file that may be long: its two halves are read at the same time. `begin` makes what is gathered of the
/// part that begins at a byte; all of it is returned, in the order of the file.
///
/// # Errors
/// As [`retain`].
pub fn retain_in_halves<T: Send>(
    path: &Path,
    begin: impl Fn(u64) -> T + Sync,
    fate: impl Fn(&mut T, &[u8]) -> LineFate + Sync,
) -> Result<(Vec<T>, usize)> {
    let length = fs::metadata(path).map_or(0, |found| found.len());
    let middle = if length > LONG { line_start(path, length / 2)? } else { length };
    let look = |part: Range<u64>| -> Result<(T, Fates)> {
        let mut gathered = begin(part.start);
        let fates = fates(path, part, |line| fate(&mut gathered, line))?;
        Ok((gathered, fates))
    };
    let (front, back) = thread::scope(|scope| {
        let back = (middle < length).then(|| scope.spawn(|| look(middle..length)));
        // A panic goes on here.
        (look(0..middle), back.map(|back| back.join().unwrap_or_else(|panic| resume_unwind(panic))))
    });
    let (gathered, mut fates) = front?;
    let mut all = vec![gathered];
    if let Some(back) = back {
        let (gathered, behind) = back?;
        all.push(gathered);
        fates = fates.then(behind);
    }
    cut(path, &fates)?;
    Ok((all, fates.unreadable))
}

fn fates(path: &Path, part: Range<u64>, mut fate: impl FnMut(&[u8]) -> LineFate) -> Result<Fates> {
    let mut fates = Fates::default();
    for_each_line_of(path, part, |line| fates.see(line, fate(line)))?;
    Ok(fates)
}

fn cut(path: &Path, fates: &Fates) -> Result<()> {
    let cutting = || format!("cutting {} back to the checkpoint", path.display());
    match fs::metadata(path) {
        // Nothing has to be written then, which a full disk would not let us.
        Ok(found) if fates.front == fates.staying && found.len() == fates.front => Ok(()),
        Ok(_) if fates.front == fates.staying => cut_off_at(path, fates.front).with_context(cutting),
        Ok(_) => write_anew(path, &fates.stays).with_context(cutting),
        Err(_) => Ok(()),
    }
}

fn cut_off_at(path: &Path, length: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(length)?;
    file.sync_all()
}

/// With those lines that stay.
fn write_anew(path: &Path, stays: &[bool]) -> Result<()> {
    let beside = path.with_extension("jsonl.partial");
    let write = || -> Result<()> {
        let mut out = BufWriter::new(File::create(&beside)?);
        let (mut failed, mut stays) = (None, stays.iter());
        for_each_line(path, |line| {
            if stays.next() == Some(&true) && failed.is_none() {
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
    write().inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::lines::Lines;
    use super::*;

    #[derive(Clone, Debug, PartialEq, serde::Serialize, Deserialize)]
    struct Line {
        step: u64,
    }

    /// Lines of at most step 2 stay; how many can't be read.
    fn retain_to_2(path: &Path) -> usize {
        retain(path, |line| LineFate::of(line, |line: Line| line.step <= 2)).unwrap()
    }

    #[test]
    fn cutting_back_keeps_the_wanted_lines_and_repairs_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        fs::write(&path, "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"ste").unwrap();
        let before = file_id(&path);
        retain_to_2(&path);
        assert_eq!(file_id(&path), before, "it is cut off, not written anew");
        let mut lines = Lines::append_to(&path).unwrap();
        lines.push(&Line { step: 3 });
        lines.flush().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[cfg(unix)]
    fn file_id(path: &Path) -> u64 {
        std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap())
    }

    #[cfg(not(unix))]
    fn file_id(_: &Path) {}

    #[test]
    fn what_stays_behind_a_line_that_goes_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        fs::write(&path, "{\"step\":1}\nnoise\n{\"step\":9}\n{\"step\":2}\n{\"st").unwrap();
        let unreadable = retain_to_2(&path);
        assert_eq!(unreadable, 1);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"step\":1}\n{\"step\":2}\n");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_missing_file_stays_missing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("none.jsonl");
        retain(&path, |_| LineFate::Stays).unwrap();
        retain_in_halves(&path, |_| (), |_, _| LineFate::Stays).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_long_file_is_cut_as_a_short_one_is_wherever_its_halves_meet() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let fill = "x".repeat(1000);
        let line = |i: usize| format!("{{\"step\":{},\"fill\":\"{fill}\"}}\n", i % 7);
        for (shift, n) in [(0, 10_000), (1, 10_001), (37, 9_999)] {
            let lines: Vec<String> = (0..n).map(line).collect();
            fs::write(&path, format!("{}\n{}{{\"st", "y".repeat(shift), lines.concat())).unwrap();
            assert!(fs::metadata(&path).unwrap().len() > LONG);
            let seen = |seen: &mut usize, line: &[u8]| {
                *seen += 1;
                LineFate::of(line, |line: Line| line.step <= 2)
            };
            let (seen, unreadable) = retain_in_halves(&path, |_| 0, seen).unwrap();
            assert_eq!((seen.len(), seen.iter().sum::<usize>(), unreadable), (2, n + 1, 1));
            let wanted: String =
                lines.into_iter().enumerate().filter(|(i, _)| i % 7 <= 2).map(|(_, line)| line).collect();
            assert!(fs::read_to_string(&path).unwrap() == wanted);
        }
    }
}
