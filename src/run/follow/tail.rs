//! A file of JSON lines that another process writes: each look gives the records that have come since the last.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::{memchr_iter, memrchr};

use super::marks::{Marks, TailMark};
use crate::process::{file_id, plain_file};

/// Bytes that one look reads at most.
const MOST: usize = 1 << 20;
/// Bytes after which a place is marked, so that a file that is cut back need not be read anew.
const BETWEEN_MARKS: usize = 1 << 13;
/// Bytes of a line that is waited for; what is longer is no line.
const LONGEST: usize = 1 << 20;

/// Why a reader has to go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyRestarted {
    /// The file was cut back, as by a run that goes on from its checkpoint.
    CutBack,
    /// Another file is in its place: not even the first line is the same.
    Replaced,
}

/// What was given before holds only in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// So many of the records that were given in all still hold, the first ones. What follows is given again.
    pub kept: u64,
    pub why: WhyRestarted,
}

/// What a look has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Fresh<T> {
    /// To be obeyed before `records` are taken.
    pub restart: Option<Restart>,
    /// In the order of the file.
    pub records: Vec<T>,
    /// Whole lines that could not be read.
    pub unreadable: u64,
    /// There is more to read at once.
    pub more: bool,
    /// The file is not where it was.
    pub gone: bool,
}

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Self { restart: None, records: Vec::new(), unreadable: 0, more: false, gone: false }
    }
}

/// The file that is open.
struct Open {
    file: Arc<File>,
    /// Where the system can tell files apart, by what.
    id: Option<(u64, u64)>,
}

/// Follows a file. It may not be there yet.
pub struct Tail<T> {
    path: PathBuf,
    read: fn(&[u8]) -> Option<T>,
    open: Option<Open>,
    /// Up to where whole lines were given.
    last: TailMark,
    marks: Marks,
    /// What was read behind that: the beginning of a line.
    begun: Vec<u8>,
    /// That line is too long to be one: all of it up to its end is left out.
    too_long: bool,
}

impl<T> Tail<T> {
    /// Of the file at `path`; `read` makes a record of a line, or none of one that it cannot read.
    pub fn new(path: &Path, read: fn(&[u8]) -> Option<T>) -> Self {
        Self {
            path: path.to_path_buf(),
            read,
            open: None,
            last: TailMark::default(),
            marks: Marks::default(),
            begun: Vec::new(),
            too_long: false,
        }
    }

    /// What has come since the last look, up to a megabyte of it. A last line without its end is waited for; nothing that
    /// was given is read again, unless it had to be taken back.
    ///
    /// # Errors
    /// When the file is there and cannot be read; the next look goes on.
    pub fn look(&mut self) -> io::Result<Fresh<T>> {
        let mut fresh = Fresh { gone: !self.open_anew()?, ..Fresh::default() };
        let Some(file) = self.open.as_ref().map(|open| open.file.clone()) else {
            // It has not begun to be.
            return Ok(Fresh { gone: false, ..fresh });
        };
        fresh.restart = self.go_back(&file)?;
        self.read_on(&file, &mut fresh)?;
        Ok(fresh)
    }

    /// Opens the file that the path leads to now, where it is another than before. Is there one?
    fn open_anew(&mut self) -> io::Result<bool> {
        let about = match std::fs::metadata(&self.path) {
            Ok(about) => about,
            // What was deleted can still be read to its end.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(false),
            Err(error) => return Err(error),
        };
        let same = self.open.as_ref().is_some_and(|open| open.id.is_some() && open.id == file_id(&about));
        if !same {
            let (file, _) = plain_file::open(&self.path)?;
            let id = file_id(&file.metadata()?);
            self.open = Some(Open { file: Arc::new(file), id });
        }
        Ok(true)
    }

    /// Sees whether the file still begins with what was read of it; if not, where to go on.
    fn go_back(&mut self, file: &File) -> io::Result<Option<Restart>> {
        let length = file.metadata()?.len();
        let seen = TailMark::after(&self.last, &self.begun, 0);
        if seen.at <= length && seen.holds(file)? {
            return Ok(None);
        }
        // The beginning of a line was cut off again, or is another line's now.
        self.begun.clear();
        let between_lines = !std::mem::take(&mut self.too_long);
        if between_lines && self.last.at <= length && self.last.holds(file)? {
            return Ok(None);
        }
        self.last = self.marks.last_that_holds(file)?;
        let why = if self.last.at > 0 || length == 0 { WhyRestarted::CutBack } else { WhyRestarted::Replaced };
        Ok(Some(Restart { kept: self.last.records, why }))
    }

    fn read_on(&mut self, mut file: &File, fresh: &mut Fresh<T>) -> io::Result<()> {
        let begun = self.begun.len();
        file.seek(SeekFrom::Start(self.last.at + begun as u64))?;
        let read = file.take(MOST as u64).read_to_end(&mut self.begun)?;
        fresh.more = read == MOST;
        // Behind the last whole line.
        let whole = memrchr(b'\n', &self.begun[begun..]).map_or(0, |at| begun + at + 1);
        // Where the mark before ended, and the records since.
        let (mut from, mut marked, mut records) = (0, 0, 0);
        for end in memchr_iter(b'\n', &self.begun[..whole]) {
            let line = &self.begun[from..end];
            match (self.read)(line) {
                Some(record) if !self.too_long => {
                    fresh.records.push(record);
                    records += 1;
                }
                _ => fresh.unreadable += 1,
            }
            self.too_long = false;
            from = end + 1;
            if from - marked >= BETWEEN_MARKS || from == whole || self.last.at == 0 {
                self.last = TailMark::after(&self.last, &self.begun[marked..from], records);
                self.marks.push(&self.last);
                (marked, records) = (from, 0);
            }
        }
        self.begun.drain(..whole);
        if self.begun.len() > LONGEST {
            // Counted when it ends.
            self.last = TailMark::after(&self.last, &self.begun, 0);
            self.begun.clear();
            self.too_long = true;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "tail_tests.rs"]
mod tests;
