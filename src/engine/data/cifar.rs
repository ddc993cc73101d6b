//! CIFAR-10 and CIFAR-100 in their binary version (Krizhevsky 2009): a folder of batches, one of them, or the
//! archive they come in.
//!
//! A record is one byte of label (CIFAR-100: a coarse one, then a fine one) and 3×32×32 bytes, channels first.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::fill::fill;
use super::gzip::{open, open_file};
use super::idx::IdxImages;
use super::idx_files::{Classes, dataset};
use super::intake::Intake;
use super::shown::shown_path;
use super::undecodable::told_by_system;
use super::watch::Watch;
use super::{DataError, Dataset};
use crate::config::DataConfig;
use crate::thousands::thousands;

const SIDE: usize = 32;
const PIXELS: usize = 3 * SIDE * SIDE;
/// Training batches of CIFAR-10.
const BATCHES: usize = 5;
/// Bytes of a file of names that are read.
const LONGEST_NAMES: u64 = 1 << 16;

/// Which of the two, by how many bytes of label a record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Ten = 1,
    Hundred = 2,
}

impl Version {
    fn record(self) -> usize {
        self as usize + PIXELS
    }

    /// The largest of its labels: CIFAR-100 has 20 coarse ones before the fine.
    fn largest_labels(self) -> &'static [u8] {
        match self {
            Self::Ten => &[9],
            Self::Hundred => &[19, 99],
        }
    }

    fn names(self) -> &'static str {
        match self {
            Self::Ten => "batches.meta.txt",
            Self::Hundred => "fine_label_names.txt",
        }
    }

    /// By the length of a batch in bytes.
    fn of(length: u64) -> Option<Self> {
        [Self::Ten, Self::Hundred].into_iter().find(|v| length > 0 && length.is_multiple_of(v.record() as u64))
    }
}

fn batch_of_ten(number: usize) -> String {
    format!("data_batch_{number}.bin")
}

/// Is this the name of a batch that is trained on?
fn is_training_batch(name: &str) -> bool {
    name == "train.bin" || name.starts_with("data_batch_") && name.ends_with(".bin")
}

/// The folder of batches: this one, or the usual one inside it.
pub(super) fn batches_in(folder: &Path) -> Option<PathBuf> {
    let inside = usual_folders(folder);
    let has = |folder: &PathBuf| {
        (1..=BATCHES).map(batch_of_ten).chain(["train.bin".into()]).any(|name| folder.join(name).is_file())
    };
    inside.into_iter().find(has)
}

/// Could this file be a batch, whole or cut off, by its name and length, or as its first bytes are not those of idx?
pub(super) fn is_batch(path: &Path, head: &[u8]) -> bool {
    let length = std::fs::metadata(path).map_or(0, |about| about.len());
    let idx = matches!(head, [0, 0, 8..=14, 1..=8, ..]);
    is_named_as_batch(path) && (Version::of(length).is_some() || !idx)
}

fn is_named_as_batch(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "bin")
}

const TEST_BATCHES: [&str; 2] = ["test_batch.bin", "test.bin"];

/// The folder itself, and those that lie in it where an archive was unpacked.
fn usual_folders(folder: &Path) -> [PathBuf; 3] {
    ["", "cifar-10-batches-bin", "cifar-100-binary"].map(|name| folder.join(name))
}

/// Is this one of the batches, gzipped by itself? The archive of all is read, this is not.
pub(super) fn is_packed_batch(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".gz").is_some_and(|batch| is_training_batch(batch) || TEST_BATCHES.contains(&batch))
}

/// The first such in a folder of batches.
pub(super) fn packed_batch_in(folder: &Path) -> Option<PathBuf> {
    let files = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    usual_folders(folder).into_iter().flat_map(files).filter(|file| is_packed_batch(file) && file.is_file()).min()
}

/// The batch for tests, where it lies alone: it is read where it is named itself.
pub(super) fn test_batch_in(folder: &Path) -> Option<PathBuf> {
    let inside = usual_folders(folder);
    inside.iter().flat_map(|folder| TEST_BATCHES.map(|name| folder.join(name))).find(|file| file.is_file())
}

/// Are these the batches for Python?
pub(super) fn is_pickled(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_file();
    has("data_batch_1") || has("train") && has("meta")
}

struct Reading<'a, 'b> {
    config: &'a DataConfig,
    watch: &'a mut Watch<'b>,
    version: Option<Version>,
    intake: Option<Intake>,
    labels: Vec<u32>,
    /// Images in all batches.
    total: usize,
    /// File names of the batches that were read, where it is a set of them.
    batches: Vec<String>,
    /// Names of classes by version, and the file that they are from.
    names: [Option<(String, Vec<String>)>; 2],
}

/// Loads what `data.path` names, with fine labels. Test batches are left out.
///
/// # Errors
/// What is missing, broken, or another version.
pub(super) fn load(name: &str, config: &DataConfig, watch: &mut Watch) -> Result<Dataset, DataError> {
    let path = Path::new(&config.path);
    let missing = |problem: &str| DataError::Missing { path: shown_path(path), problem: problem.into() };
    let mut reading = Reading {
        config,
        watch,
        version: None,
        intake: None,
        labels: Vec::new(),
        total: 0,
        batches: Vec::new(),
        names: [None, None],
    };
    if !path.exists() {
        return Err(missing("there is no such file or folder; check data.path"));
    } else if path.is_dir() {
        let Some(folder) = batches_in(path) else {
            let python = ["data_batch_1", "train"].iter().any(|name| path.join(name).is_file());
            return Err(missing(if python {
                "these are the batches for Python, pickled; difflab reads the binary version, cifar-10-binary.tar.gz"
            } else {
                "there is no data_batch_1.bin (CIFAR-10) or train.bin (CIFAR-100) in this folder"
            }));
        };
        let entries = std::fs::read_dir(&folder)
            .map_err(|error| DataError::Unreadable { path: shown_path(&folder), reason: told_by_system(&error) })?;
        let mut batches: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        batches.retain(|batch| is_training_batch(&batch.file_name().unwrap_or_default().to_string_lossy()));
        batches.sort();
        reading.batches = batches.iter().filter_map(|batch| Some(batch.file_name()?.to_str()?.into())).collect();
        reading.files(&batches)?;
        reading.names_beside(&folder)?;
    } else if is_named_as_batch(path) {
        reading.files(&[path.to_path_buf()])?;
        reading.names_beside(path.parent().unwrap_or(Path::new("")))?;
    } else {
        reading.archive(path)?;
    }
    let missing_batches = reading.missing_batches();
    let Reading { version, intake, labels, names: [ten, hundred], .. } = reading;
    let (Some(intake), Some(version)) = (intake.filter(|_| !labels.is_empty()), version) else {
        return Err(missing("there is no data_batch_1.bin (CIFAR-10) or train.bin (CIFAR-100) in it"));
    };
    let names = if version == Version::Ten { ten } else { hundred };
    let classes = match names {
        Some((file, names)) => Classes::Found(named(&file, names, &labels)?),
        None => Classes::Found(Vec::new()),
    };
    let (height, width, channels) = intake.shape();
    let images = IdxImages { count: labels.len(), height, width, channels, pixels: intake.pixels() };
    let shown = shown_path(path);
    let mut data = dataset(name, shown.clone(), images, Some((shown, labels)), classes)?;
    data.warnings.extend(missing_batches);
    if version == Version::Hundred {
        data.warnings.push("the classes are CIFAR-100's fine labels".into());
    }
    Ok(data)
}

/// The names of classes by their labels.
///
/// # Errors
/// A file with fewer names than there are labels.
fn named(file: &str, names: Vec<String>, labels: &[u32]) -> Result<Vec<(u32, String)>, DataError> {
    let largest = labels.iter().copied().max().unwrap_or(0);
    if largest as usize >= names.len() {
        return Err(DataError::Malformed {
            file: file.into(),
            expected: format!(
                "a line with a name for each class, {} at least, as there is the label {largest}",
                largest + 1
            ),
            found: format!("{}; without this file classes are called by their numbers", names.len()),
        });
    }
    Ok((0..).zip(names).collect())
}

/// Images in batches of these lengths in bytes, all of the first's version.
fn images_in(lengths: &[u64]) -> usize {
    let record = lengths.first().and_then(|&length| Version::of(length)).map_or(PIXELS, Version::record);
    let images = lengths.iter().map(|length| length / record as u64).fold(0, u64::saturating_add);
    usize::try_from(images).unwrap_or(usize::MAX)
}

impl Reading<'_, '_> {
    fn files(&mut self, batches: &[PathBuf]) -> Result<(), DataError> {
        let lengths: Vec<u64> =
            batches.iter().map(|batch| open_file(batch).map(|(_, length)| length)).collect::<Result<_, _>>()?;
        self.total = images_in(&lengths);
        for (batch, length) in batches.iter().zip(lengths) {
            let (file, _) = open_file(batch)?;
            self.batch(&shown_path(batch), length, &mut BufReader::with_capacity(1 << 16, file))?;
        }
        Ok(())
    }

    fn names_beside(&mut self, folder: &Path) -> Result<(), DataError> {
        for version in [Version::Ten, Version::Hundred] {
            let path = folder.join(version.names());
            if path.is_file() {
                self.names(version, &shown_path(&path), &mut open_file(&path)?.0)?;
            }
        }
        Ok(())
    }

    /// What is not there of CIFAR-10, in words.
    fn missing_batches(&self) -> Option<String> {
        let usual: Vec<String> = (1..=BATCHES).map(batch_of_ten).collect();
        let (there, missing): (Vec<_>, Vec<_>) = usual.into_iter().partition(|name| self.batches.contains(name));
        (!there.is_empty() && !missing.is_empty()).then(|| {
            let verb = if missing.len() == 1 { "is" } else { "are" };
            format!("{} {verb} missing: read {} of CIFAR-10's {BATCHES} batches", missing.join(", "), there.len())
        })
    }

    fn archive(&mut self, path: &Path) -> Result<(), DataError> {
        let shown = shown_path(path);
        let broken = |error: std::io::Error| DataError::Malformed {
            file: shown.clone(),
            expected: "CIFAR's archive of batches, cifar-10-binary.tar.gz or cifar-100-binary.tar.gz".into(),
            found: match error.raw_os_error() {
                Some(_) => format!("one that can't be read ({error})"),
                // What the reader of archives says then repeats the bytes it stumbled over.
                None => "one that is damaged or cut off".into(),
            },
        };
        // Gone through twice: sizes stand before each batch, and room is made once for all.
        let mut lengths = Vec::new();
        for entry in tar::Archive::new(open(path)?).entries().map_err(broken)? {
            let entry = entry.map_err(broken)?;
            let inside = entry.path().map_err(broken)?;
            if is_training_batch(&inside.file_name().unwrap_or_default().to_string_lossy()) {
                lengths.push(entry.size());
            }
            self.watch.at("looking at", lengths.len(), lengths.len())?;
        }
        let most = open(path)?.most;
        if lengths.iter().try_fold(0u64, |sum, length| sum.checked_add(*length)).is_none_or(|sum| sum > most) {
            return Err(broken(std::io::ErrorKind::InvalidData.into()));
        }
        self.total = images_in(&lengths);
        let mut archive = tar::Archive::new(open(path)?);
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            let inside = entry.path().map_err(broken)?.into_owned();
            let file = inside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let named = format!("{shown}: {}", shown_path(&inside));
            let names = [Version::Ten, Version::Hundred].into_iter().find(|version| version.names() == file);
            if is_training_batch(&file) {
                let length = entry.size();
                self.batches.push(file);
                self.batch(&named, length, &mut entry)?;
            } else if let Some(version) = names {
                self.names(version, &named, &mut entry)?;
            } else if file == "data_batch_1" || inside.starts_with("cifar-100-python") && file == "train" {
                return Err(DataError::Malformed {
                    file: named,
                    expected: "the binary version, cifar-10-binary.tar.gz".into(),
                    found: "batches for Python, pickled".into(),
                });
            }
        }
        // The archive ends before the file does, whose checksum comes last.
        let (mut rest, mut padding) = (archive.into_inner(), vec![0; 1 << 16]);
        while fill(&mut rest, &mut padding).map_err(broken)? > 0 {
            self.watch.at("loading", self.total, self.total)?;
        }
        Ok(())
    }

    fn batch(&mut self, file: &str, length: u64, source: &mut impl Read) -> Result<(), DataError> {
        let malformed = |expected: String, found: String| DataError::Malformed { file: file.into(), expected, found };
        let version = self.version.or_else(|| Version::of(length));
        let Some(version) = version.filter(|v| length > 0 && length.is_multiple_of(v.record() as u64)) else {
            let expected = "records of 3073 bytes (CIFAR-10) or 3074 (CIFAR-100)".into();
            return Err(malformed(expected, format!("{length} bytes, which is no multiple: is it truncated?")));
        };
        self.version = Some(version);
        if self.intake.is_none() {
            self.intake = Some(Intake::new(self.total, (SIDE, SIDE, 3), self.config)?);
        }
        let mut record = vec![0; version.record()];
        let mut scratch = Vec::with_capacity(PIXELS);
        for number in 1..=length / version.record() as u64 {
            source
                .read_exact(&mut record)
                .map_err(|_| malformed(format!("{length} bytes"), "fewer: it is cut off or damaged".into()))?;
            let (labels, pixels) = record.split_at(version as usize);
            if let Some((label, most)) = labels.iter().zip(version.largest_labels()).find(|(label, most)| label > most)
            {
                let expected = format!("labels from 0 to {most}");
                return Err(malformed(
                    expected,
                    format!("{label} in record {}: the file is damaged", thousands(number)),
                ));
            }
            self.labels.push(labels.last().copied().unwrap_or_default().into());
            if let Some(intake) = &mut self.intake {
                intake.push_planes(pixels, &mut scratch);
            }
            self.watch.at("loading", self.labels.len(), self.total.max(self.labels.len()))?;
        }
        Ok(())
    }

    fn names(&mut self, version: Version, file: &str, source: &mut impl Read) -> Result<(), DataError> {
        let mut text = Vec::new();
        source
            .take(LONGEST_NAMES)
            .read_to_end(&mut text)
            .map_err(|error| DataError::Unreadable { path: file.into(), reason: told_by_system(&error) })?;
        let text = String::from_utf8_lossy(&text);
        let names: Vec<String> =
            text.lines().map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect();
        if !names.is_empty() {
            self.names[version as usize - 1] = Some((file.into(), super::classes::presentable(names)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Result<Dataset, DataError> {
        let config = DataConfig { path: path.display().to_string(), ..DataConfig::default() };
        load("own", &config, &mut Watch::new(&mut |_| {}))
    }

    fn records(labels: &[&[u8]]) -> Vec<u8> {
        labels.iter().flat_map(|label| [label, &[7; PIXELS][..]].concat()).collect()
    }

    #[test]
    fn missing_batches_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |number: usize| {
            std::fs::write(folder.path().join(batch_of_ten(number)), records(&[&[number as u8]])).unwrap();
        };
        [2, 4, 5].into_iter().for_each(write);
        let said = read(folder.path()).unwrap().warnings.join("\n");
        assert!(said.contains("data_batch_1.bin, data_batch_3.bin are missing: read 3 of CIFAR-10's 5"), "{said}");
        write(1);
        let said = read(folder.path()).unwrap().warnings.join("\n");
        assert!(said.contains("data_batch_3.bin is missing"), "{said}");
        write(3);
        let data = read(folder.path()).unwrap();
        assert_eq!((data.len(), data.warnings.len()), (5, 0));
        assert!(read(&folder.path().join("data_batch_2.bin")).unwrap().warnings.is_empty());
    }

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, name, *bytes).unwrap();
        }
        super::super::gzip::gzip(&tar.into_inner().unwrap())
    }

    #[test]
    fn an_archive_is_read_to_its_end_and_its_checksum_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cifar.tar.gz");
        let whole = archive(&[("c/data_batch_1.bin", &records(&[&[9], &[0]]))]);
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(read(&path).unwrap().len(), 2);
        let mut flipped = whole.clone();
        let checksum = whole.len() - 6;
        flipped[checksum] ^= 1;
        for damaged in [&whole[..whole.len() - 1], &flipped] {
            std::fs::write(&path, damaged).unwrap();
            let refusal = read(&path).unwrap_err().to_string();
            assert!(refusal.contains("cifar.tar.gz") && refusal.contains("damaged or cut off"), "{refusal}");
        }
    }

    #[test]
    fn only_classes_with_images_count_and_keep_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data_batch_1.bin");
        std::fs::write(&path, records(&[&[9], &[3], &[9]])).unwrap();
        let names = |names: &str| std::fs::write(folder.path().join("batches.meta.txt"), names).unwrap();
        names("a\nb\nc\ncat\ne\nf\ng\nh\ni\ntruck\n");
        let data = read(&path).unwrap();
        assert_eq!((data.classes.join(" "), &data.labels[..]), ("cat truck".into(), &[1, 0, 1][..]));
        names("a\nb\n");
        let refusal = read(&path).unwrap_err().to_string();
        assert!(refusal.contains("batches.meta.txt") && refusal.contains("label 9, found 2"), "{refusal}");
    }

    #[test]
    fn labels_beyond_the_classes_are_refused_with_their_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data_batch_1.bin");
        std::fs::write(&path, records(&[&[9], &[99]])).unwrap();
        let refusal = read(&path).unwrap_err().to_string();
        assert!(refusal.contains("labels from 0 to 9, found 99 in record 2"), "{refusal}");
        let path = folder.path().join("train.bin");
        std::fs::write(&path, records(&[&[19, 99], &[20, 5]])).unwrap();
        let refusal = read(&path).unwrap_err().to_string();
        assert!(refusal.contains("labels from 0 to 19, found 20 in record 2"), "{refusal}");
    }
}
