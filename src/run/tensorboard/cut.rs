//! Event files of earlier sessions, cut back to the step that a run goes on from.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::event::step_and_tags;
use super::record;
use crate::process::partial::Partial;

/// What event files are called by every program that writes them.
pub const NAMED: &str = "events.out.tfevents.";

/// The event files in a folder, by name; none where it is not there.
pub fn event_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(NAMED));
    let mut files: Vec<PathBuf> = named.map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Takes out of the event files in `dir` what comes after `step`, and what is torn. Returns the newest step of each tag
/// that is left.
///
/// # Errors
/// When a file can't be read or written anew; it is as it was then.
pub fn cut_back(dir: &Path, step: u64) -> io::Result<HashMap<String, u64>> {
    let mut newest = HashMap::new();
    for file in event_files(dir) {
        let (whole, kept) = walk(&file, step, &mut io::sink(), &mut newest)?;
        if kept == 0 {
            fs::remove_file(&file)?;
        } else if whole != fs::metadata(&file)?.len() {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let beside = file.with_file_name(format!(".{name}.partial"));
            let _half_written = Partial::at(&beside);
            let rewrite = || {
                let mut out = BufWriter::new(File::create(&beside)?);
                walk(&file, step, &mut out, &mut HashMap::new())?;
                out.into_inner().map_err(|error| error.into_error())?.sync_all()?;
                fs::rename(&beside, &file)
            };
            rewrite().inspect_err(|_| {
                let _ = fs::remove_file(&beside);
            })?;
        }
    }
    Ok(newest)
}

/// Copies what stays of a file. Returns its bytes, and how many events with numbers or pictures are among it.
fn walk(file: &Path, step: u64, out: &mut impl Write, newest: &mut HashMap<String, u64>) -> io::Result<(u64, usize)> {
    let mut from = BufReader::new(File::open(file)?);
    let (mut bytes, mut kept, mut buffer) = (0, 0, Vec::new());
    while let Some(event) = record::next(&mut from)? {
        if let Some((at, tags)) = step_and_tags(&event) {
            if at > step {
                continue;
            }
            kept += 1;
            for tag in tags {
                let newest = newest.entry(tag).or_default();
                *newest = at.max(*newest);
            }
        }
        buffer.clear();
        record::put(&mut buffer, &event);
        out.write_all(&buffer)?;
        bytes += buffer.len() as u64;
    }
    Ok((bytes, kept))
}
