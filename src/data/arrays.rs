//! NumPy arrays by name: in one `.npz` archive, or in `.npy` files beside each other.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::DataError;
use super::gzip::open_file;
use super::npy::Array;
use super::shown::{shown, shown_path};
use super::undecodable::told_by_system;
use crate::thousands::thousands;

/// Arrays of an archive that are looked at.
const MOST_ARRAYS: usize = 1000;
/// No deflate stream expands more than 1032-fold.
const LARGEST_EXPANSION: u64 = 1032;

/// An array that can be read.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// "x_train", lower case, fit to be shown.
    pub name: String,
    pub array: Array,
    /// Bytes of its file or entry, packed.
    pub stored: u64,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    /// An entry of an archive, by its number.
    Entry(PathBuf, usize),
}

/// An array that can't be read.
pub(super) struct Unread {
    /// "y_train", lower case.
    pub name: String,
    pub reason: String,
}

/// Arrays, those that can't be read, and what was chosen.
#[derive(Default)]
pub(super) struct Arrays {
    pub arrays: Vec<Named>,
    pub unread: Vec<Unread>,
    pub notes: Vec<String>,
}

/// The arrays of an archive, of a `.npy` file and those beside it, or of a folder of such files.
///
/// # Errors
/// What can't be read, with its name.
pub(super) fn list(path: &Path) -> Result<Arrays, DataError> {
    if path.is_dir() {
        let mut files: Vec<PathBuf> = std::fs::read_dir(path)
            .map_err(|error| unreadable(path, told_by_system(&error)))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|file| file.is_file())
            .collect();
        files.sort();
        let archive = files.iter().find(|file| ends_with(file, "npz"));
        let count = files.iter().filter(|file| ends_with(file, "npz") || ends_with(file, "npy")).count();
        if let Some(archive) = archive {
            let mut found = archive_arrays(archive)?;
            if count > 1 {
                let name = shown_path(Path::new(archive.file_name().unwrap_or_default()));
                found.notes.push(format!(
                    "chose {name} of {count} NumPy files in {}; data.path names another, and numpy.concatenate joins \
                     the parts of one dataset",
                    shown_path(path)
                ));
            }
            return Ok(found);
        }
        return files_arrays(files.into_iter().filter(|file| ends_with(file, "npy")));
    }
    let mut magic = Vec::new();
    let (file, _) = open_file(path)?;
    file.take(6).read_to_end(&mut magic).map_err(|error| unreadable(path, told_by_system(&error)))?;
    match magic.starts_with(b"PK") {
        true => archive_arrays(path),
        false => files_arrays(std::iter::once(path.to_path_buf())),
    }
}

fn unreadable(path: &Path, reason: String) -> DataError {
    DataError::Unreadable { path: shown_path(path), reason }
}

fn ends_with(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

fn files_arrays(files: impl Iterator<Item = PathBuf>) -> Result<Arrays, DataError> {
    let mut found = Arrays::default();
    let mut count = 0;
    for path in files {
        count += 1;
        if count > MOST_ARRAYS {
            continue;
        }
        let (file, stored) = open_file(&path)?;
        let name = shown(&path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase());
        match Array::read(&mut BufReader::new(file)) {
            Ok(array) => found.arrays.push(Named { name, array, stored, place: Place::File(path) }),
            Err(reason) => found.unread.push(Unread { name, reason }),
        }
    }
    found.remark_on_many(count);
    Ok(found)
}

fn archive(path: &Path) -> Result<ZipArchive<BufReader<File>>, DataError> {
    let (file, _) = open_file(path)?;
    ZipArchive::new(BufReader::new(file)).map_err(|error| DataError::Malformed {
        file: shown_path(path),
        expected: "an .npz archive".into(),
        found: match error {
            ZipError::Io(error) if error.raw_os_error().is_some() => {
                format!("one that can't be read ({})", told_by_system(&error))
            }
            // Others speak of the reader's own blocks.
            _ => "one whose list of arrays, at its end, is damaged or cut off: save or copy it again".into(),
        },
    })
}

fn archive_arrays(path: &Path) -> Result<Arrays, DataError> {
    let count = archive(path)?.len();
    let mut found = Arrays::default();
    for index in 0..count.min(MOST_ARRAYS) {
        let mut entry_name = String::new();
        let read = with_entry(path, index, |name, stored, source| {
            entry_name = name.to_string();
            Ok((Array::read(source)?, stored))
        });
        let name = match entry_name.as_str() {
            "" => format!("entry {}", index + 1),
            entry => shown(&entry.strip_suffix(".npy").unwrap_or(entry).to_lowercase()),
        };
        match read {
            Ok((array, stored)) => {
                let place = Place::Entry(path.to_path_buf(), index);
                found.arrays.push(Named { name, array, stored, place });
            }
            Err(reason) => found.unread.push(Unread { name, reason }),
        }
    }
    found.remark_on_many(count);
    Ok(found)
}

impl Arrays {
    fn remark_on_many(&mut self, count: usize) {
        if count > MOST_ARRAYS {
            self.notes.push(format!("looked at the first {MOST_ARRAYS} of {} arrays", thousands(count)));
        }
    }
}

impl Unread {
    /// "labels: its elements are Python objects".
    pub fn shown(&self) -> String {
        format!("{}: {}", self.name, self.reason)
    }
}

/// Calls `work` with the name of an entry, its packed size in bytes and its content.
fn with_entry<T>(
    path: &Path,
    index: usize,
    work: impl FnOnce(&str, u64, &mut dyn Read) -> Result<T, String>,
) -> Result<T, String> {
    let mut archive = archive(path).map_err(|error| error.to_string())?;
    let entry = archive.by_index_raw(index).map_err(|_| "its place in the archive is damaged".to_string())?;
    let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
    let (stored, crc, size) = (entry.compressed_size(), entry.crc32(), entry.size());
    let method = entry.compression();
    let deflated = matches!(method, CompressionMethod::DEFLATE);
    if entry.encrypted() {
        return Err("it is encrypted".into());
    } else if !deflated && method != CompressionMethod::Stored {
        return Err(format!(
            "it is packed by {}, which difflab does not read; numpy.savez writes what it does",
            packer(method)
        ));
    }
    let content: Box<dyn Read> = if deflated { Box::new(DeflateDecoder::new(entry)) } else { Box::new(entry) };
    let mut checked = Checked { content, crc: Crc::new(), read: 0 };
    let result = work(&name, stored, &mut checked)?;
    // Only a whole entry has the checksum that was written.
    if checked.read == size && checked.crc.sum() != crc {
        return Err("its checksum is wrong: the archive is damaged".into());
    }
    Ok(result)
}

/// What packed an entry, as people call it.
fn packer(method: CompressionMethod) -> &'static str {
    match method {
        CompressionMethod::BZIP2 => "bzip2",
        CompressionMethod::LZMA => "LZMA",
        CompressionMethod::XZ => "xz",
        CompressionMethod::ZSTD => "Zstandard",
        CompressionMethod::DEFLATE64 => "Deflate64",
        _ => "a rare method",
    }
}

struct Checked<'a> {
    content: Box<dyn Read + 'a>,
    crc: Crc,
    read: u64,
}

impl Read for Checked<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.content.read(out)?;
        self.crc.update(&out[..count]);
        self.read += count as u64;
        Ok(count)
    }
}

impl Named {
    /// What messages call it: "digits.npz: x_train".
    pub fn shown(&self) -> String {
        match &self.place {
            Place::File(path) => shown_path(path),
            Place::Entry(path, _) => format!("{}: {}", shown_path(path), self.name),
        }
    }

    fn malformed(&self, found: String) -> DataError {
        DataError::Malformed {
            file: self.shown(),
            expected: format!("an array of shape {:?}, as its header says", self.array.shape),
            found,
        }
    }

    /// How many elements there are, if the file could hold them.
    ///
    /// # Errors
    /// A header that lies.
    pub fn check(&self) -> Result<usize, DataError> {
        let elements = self.array.elements().ok_or_else(|| self.malformed("a header that lies".into()))?;
        let most = self.stored.saturating_mul(LARGEST_EXPANSION);
        match (elements as u64).saturating_mul(self.array.element.size() as u64) > most {
            true => Err(self.malformed(format!("a file of only {} bytes: the header lies", self.stored))),
            false => Ok(elements),
        }
    }

    /// Calls `take` with the bytes of `per` elements at a time, until the array is through or an error comes.
    ///
    /// # Errors
    /// That of `take`, and what ends early or is damaged.
    pub fn read(&self, per: usize, mut take: impl FnMut(&[u8]) -> Result<(), DataError>) -> Result<(), DataError> {
        let malformed = |found| self.malformed(found);
        let elements = self.check()?;
        let mut stopped = None;
        let mut through = |source: &mut dyn Read| -> Result<(), String> {
            Array::read(source)?;
            let mut bytes = vec![0; per * self.array.element.size()];
            for _ in 0..elements / per.max(1) {
                source.read_exact(&mut bytes).map_err(|error| match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => "fewer elements: the file is truncated".to_string(),
                    _ => "damage: it can't be unpacked".to_string(),
                })?;
                if let Err(error) = take(&bytes) {
                    stopped = Some(error);
                    break;
                }
            }
            Ok(())
        };
        let result = match &self.place {
            Place::File(path) => {
                let (file, _) = open_file(path)?;
                through(&mut BufReader::with_capacity(1 << 16, file))
            }
            Place::Entry(path, index) => with_entry(path, *index, |_, _, source| through(source)),
        };
        match (stopped, result) {
            (Some(error), _) => Err(error),
            (None, result) => result.map_err(malformed),
        }
    }
}
