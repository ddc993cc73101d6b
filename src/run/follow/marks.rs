//! Places of a file that were read, by which one sees later that what is before them is still the same.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes before a place that it is known by: more than a line's step and losses.
const KNOWN_BY: usize = 256;
/// Most places that are kept.
const MOST: usize = 128;

/// A place between two lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TailMark {
    /// Bytes before it.
    pub at: u64,
    /// Records before it that could be read.
    pub records: u64,
    /// The last bytes before it.
    before: Vec<u8>,
}

impl TailMark {
    /// The place at the end of `read`, which is what was read last, and before it what the mark `last` knows.
    pub fn after(last: &Self, read: &[u8], records: u64) -> Self {
        let mut before = match read.len() {
            KNOWN_BY.. => Vec::new(),
            few => last.before[last.before.len().saturating_sub(KNOWN_BY - few)..].to_vec(),
        };
        before.extend_from_slice(&read[read.len().saturating_sub(KNOWN_BY)..]);
        Self { at: last.at + read.len() as u64, records: last.records + records, before }
    }

    /// Are the last bytes before it in `file` those that were there when it was read?
    pub fn holds(&self, mut file: &File) -> io::Result<bool> {
        let mut found = vec![0; self.before.len()];
        file.seek(SeekFrom::Start(self.at - self.before.len() as u64))?;
        match file.read_exact(&mut found) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            result => result.map(|()| found == self.before),
        }
    }
}

/// Some of the places that were read, evenly over the file; the first is always one.
#[derive(Debug, Default)]
pub struct Marks {
    kept: Vec<TailMark>,
    /// One of so many is kept, less one; and how many were left out since.
    each: usize,
    left_out: usize,
}

impl Marks {
    pub fn push(&mut self, mark: &TailMark) {
        if self.left_out < self.each {
            self.left_out += 1;
            return;
        }
        self.left_out = 0;
        self.kept.push(mark.clone());
        if self.kept.len() > MOST {
            // Every other one goes; the first stays.
            let mut stays = false;
            self.kept.retain(|_| {
                stays = !stays;
                stays
            });
            self.each = 2 * self.each + 1;
        }
    }

    /// The last place up to which `file` is as it was; those behind it are forgotten.
    pub fn last_that_holds(&mut self, file: &File) -> io::Result<TailMark> {
        while let Some(last) = self.kept.last() {
            if last.holds(file)? {
                return Ok(last.clone());
            }
            self.kept.pop();
        }
        Ok(TailMark::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_kept_evenly_and_the_last_that_holds_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let text: String = (0..10_000).map(|line| format!("line {line}\n")).collect();
        std::fs::write(&path, &text).unwrap();
        let (mut marks, mut last) = (Marks::default(), TailMark::default());
        for line in text.split_inclusive('\n') {
            last = TailMark::after(&last, line.as_bytes(), 1);
            marks.push(&last);
        }
        let kept: Vec<u64> = marks.kept.iter().map(|mark| mark.records).collect();
        assert!(kept.len() <= MOST && kept.len() > MOST / 2, "{}", kept.len());
        let gaps: Vec<u64> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| *gap <= 10_000 / 32), "{gaps:?}");
        let file = File::open(&path).unwrap();
        assert!(last.holds(&file).unwrap());
        assert_eq!(marks.last_that_holds(&file).unwrap().records, *kept.last().unwrap());
        // Other lines from line 5,000 on.
        let other: String =
            (0..10_000).map(|l| if l < 5000 { format!("line {l}\n") } else { format!("lime {l}\n") }).collect();
        std::fs::write(&path, other).unwrap();
        let file = File::open(&path).unwrap();
        assert!(!last.holds(&file).unwrap());
        let found = marks.last_that_holds(&file).unwrap();
        assert!(found.records <= 5000 && found.records > 4600, "{}", found.records);
        std::fs::write(&path, "").unwrap();
        assert_eq!(marks.last_that_holds(&File::open(&path).unwrap()).unwrap(), TailMark::default());
    }
}
