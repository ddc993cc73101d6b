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
use crate::process::interrupt;
use crate::thousands::thousands;

/// Arrays of an archive that are looked at.
const MOST_ARRAYS: usize = 1000;
/// No deflate stream expands more than 1032-fold.
const LARGEST_EXPANSION: u64 = 1032;

/// An array that can be read.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// "x_train", fit to be shown.
    pub name: String,
    pub array: Array,
    /// Bytes of its file or entry, packed.
    pub stored: u64,
    /// Bytes of its file or entry, unpacked, behind its last element: NumPy writes none, and nothing reads them.
    pub behind: u64,
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
    /// "y_train", fit to be shown.
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
        let name = shown(&path.file_stem().unwrap_or_default().to_string_lossy());
        match Array::read(&mut BufReader::new(file)) {
            Ok(array) => {
                let behind = array.behind(stored);
                found.arrays.push(Named { name, array, stored, behind, place: Place::File(path) });
            }
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
    let mut archive = archive(path)?;
    let count = archive.len();
    let mut found = Arrays::default();
    for index in 0..count.min(MOST_ARRAYS) {
        let entry = archive.by_index_raw(index).map(|entry| String::from_utf8_lossy(entry.name_raw()).into_owned());
        let name = match entry.unwrap_or_default().as_str() {
            "" => format!("entry {}", index + 1),
            entry => shown(entry.strip_suffix(".npy").unwrap_or(entry)),
        };
        let read = with_entry(path, index, |entry, source| Ok((Array::read(source)?, entry)));
        match read {
            Ok((array, Sizes { stored, size })) => {
                let (behind, place) = (array.behind(size), Place::Entry(path.to_path_buf(), index));
                found.arrays.push(Named { name, array, stored, behind, place });
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

/// Which of these names is meant by `wanted`: the one that is written so, else the only one that differs from it by
/// nothing but case.
pub(super) fn meant<'a>(names: impl Iterator<Item = &'a str> + Clone, wanted: &str) -> Option<usize> {
    let mut alike = names.clone().enumerate().filter(|(_, name)| name.to_lowercase() == wanted.to_lowercase());
    let exact = names.into_iter().position(|name| name == wanted);
    exact.or_else(|| match (alike.next(), alike.next()) {
        (Some((only, _)), None) => Some(only),
        _ => None,
    })
}

impl Unread {
    /// "labels: its elements are Python objects".
    pub fn shown(&self) -> String {
        format!("{}: {}", self.name, self.reason)
    }
}

/// Bytes of an entry, packed and unpacked.
struct Sizes {
    stored: u64,
    size: u64,
}

/// Calls `work` with the sizes of an entry and its content. What is read to its end must be as long as the archive says,
/// and have the checksum that it says.
fn with_entry<T>(
    path: &Path,
    index: usize,
    work: impl FnOnce(Sizes, &mut dyn Read) -> Result<T, String>,
) -> Result<T, String> {
    let mut archive = archive(path).map_err(|error| error.to_string())?;
    let entry = archive.by_index_raw(index).map_err(|_| "its place in the archive is damaged".to_string())?;
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
    let mut checked = Checked { content, crc: Crc::new(), read: 0, ended: false };
    let result = work(Sizes { stored, size }, &mut checked)?;
    // Only a whole entry has the checksum that was written.
    let whole = checked.ended || checked.read == size;
    if whole && (checked.read, checked.crc.sum()) != (size, crc) {
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
    ended: bool,
}

impl Read for Checked<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.content.read(out)?;
        self.crc.update(&out[..count]);
        self.read += count as u64;
        self.ended |= count == 0 && !out.is_empty();
        Ok(count)
    }
}

/// Reads what is left, where the checksum counts; an interruption is the caller's to see.
fn to_the_end(source: &mut dyn Read) -> Result<(), String> {
    let mut rest = vec![0; 1 << 16];
    while interrupt::check().is_ok() {
        if source.read(&mut rest).map_err(|_| "damage: it can't be unpacked to its end".to_string())? == 0 {
            return Ok(());
        }
    }
    Ok(())
}

impl Named {
    /// What messages call it: "digits.npz: x_train".
    pub fn shown(&self) -> String {
        match &self.place {
            Place::File(path) => shown_path(path),
            Place::Entry(path, _) => format!("{}: {}", shown_path(path), self.name),
        }
    }

    /// Says so where its file goes on behind it.
    pub fn behind_it(&self) -> Option<String> {
        let behind = thousands(self.behind);
        (self.behind > 0).then(|| format!("left out the {behind} bytes behind the first array of {}", self.shown()))
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
        // Is all of it taken?
        let mut through = |source: &mut dyn Read| -> Result<bool, String> {
            Array::read(source)?;
            let mut bytes = vec![0; per * self.array.element.size()];
            for _ in 0..elements / per.max(1) {
                source.read_exact(&mut bytes).map_err(|error| match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => "fewer elements: the file is truncated".to_string(),
                    _ => "damage: it can't be unpacked".to_string(),
                })?;
                if let Err(error) = take(&bytes) {
                    stopped = Some(error);
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let result = match &self.place {
            Place::File(path) => {
                let (file, _) = open_file(path)?;
                through(&mut BufReader::with_capacity(1 << 16, file)).map(|_| ())
            }
            Place::Entry(path, index) => {
                with_entry(path, *index, |_, source| if through(source)? { to_the_end(source) } else { Ok(()) })
            }
        };
        interrupt::check()?;
        match (stopped, result) {
            (Some(error), _) => Err(error),
            (None, result) => result.map_err(malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::super::npy::file;
    use super::*;

    /// Writes an archive of one array of two bytes and what follows it.
    fn write(path: &Path, behind: &[u8]) {
        let method = CompressionMethod::Stored;
        let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
        archive.start_file("x.npy", SimpleFileOptions::default().compression_method(method)).unwrap();
        archive.write_all(&[&file("|u1", "(2,)", false, &[7, 8])[..], behind].concat()).unwrap();
        archive.finish().unwrap();
    }

    fn read(path: &Path) -> Result<(Vec<u8>, Option<String>), String> {
        let found = list(path).unwrap();
        let mut bytes = Vec::new();
        let read = found.arrays[0].read(1, |one| {
            bytes.extend(one);
            Ok(())
        });
        read.map(|()| (bytes, found.arrays[0].behind_it())).map_err(|error| error.to_string())
    }

    #[test]
    fn what_lies_behind_an_array_is_told_and_its_checksum_counts() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.npz");
        write(&path, b"");
        assert_eq!(read(&path), Ok((vec![7, 8], None)));
        write(&path, b"more behind it");
        let (bytes, said) = read(&path).unwrap();
        assert!(bytes == [7, 8] && said.unwrap().contains("the 14 bytes behind the first array of"));
        let mut damaged = std::fs::read(&path).unwrap();
        let at = damaged.windows(4).position(|four| four == b"more").unwrap();
        damaged[at] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert!(read(&path).unwrap_err().contains("its checksum is wrong"));
        // A plain file has none.
        let plain = place.path().join("a.npy");
        std::fs::write(&plain, [file("|u1", "(2,)", false, &[7, 8]), file("|u1", "(1,)", false, &[9])].concat())
            .unwrap();
        let (bytes, said) = read(&plain).unwrap();
        assert!(bytes == [7, 8] && said.is_some_and(|said| said.contains("a.npy")));
    }

    #[test]
    fn an_array_that_is_packed_otherwise_keeps_its_name() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.npz");
        write(&path, b"");
        let mut bytes = std::fs::read(&path).unwrap();
        // The method, at its places in the local header and in the list at the end: 12 is bzip2.
        let central = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
        (bytes[8], bytes[central + 10]) = (12, 12);
        std::fs::write(&path, bytes).unwrap();
        let unread = &list(&path).unwrap().unread[0];
        assert!(unread.name == "x" && unread.reason.contains("bzip2"), "{}", unread.shown());
    }

    #[test]
    fn an_exact_name_wins_and_case_is_ignored_only_where_one_name_remains() {
        let meant = |names: &[&str], wanted| meant(names.iter().copied(), wanted);
        assert_eq!(meant(&["Kind", "kind"], "kind"), Some(1));
        assert_eq!(meant(&["x", "Kind"], "kind"), Some(1));
        assert_eq!((meant(&["Kind", "KIND"], "kind"), meant(&["x"], "kind")), (None, None));
    }
}
