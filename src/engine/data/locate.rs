//! From what a person names to the `[data]` section that loads it.

use std::path::Path;

use super::catalogue::catalogue;
use super::home::expanded;
use super::shown::{shown, shown_path};
use super::{DataError, cifar, folder, gzip, idx_files};
use crate::config::{DataConfig, is_a_path};
use crate::process::plain_file::not_a_file;

/// Where a tar archive has its magic.
const TAR: std::ops::Range<usize> = 257..262;

const NAME_THE_FOLDER: &str = "name the folder that it lies in";
/// What can be named by itself.
const READ: &str = "idx files, NumPy's .npz and .npy, CIFAR's binary batches (.bin) and their .tar.gz, and folders of \
                    pictures";
/// First bytes of packed files that are not read, and what packed them.
const PACKERS: [(&[u8], &str); 5] = [
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!", "RAR"),
];

/// The `[data]` section that loads what a person names: a bundled dataset, an idx file or the folder it
/// lies in, NumPy arrays, CIFAR's batches, or a folder of pictures. Files are known by what they hold.
///
/// # Errors
/// [`DataError::Unknown`] when it is none of these; [`DataError::Missing`] for what is no dataset, with what to
/// name instead.
pub fn locate(name_or_path: &str) -> Result<DataConfig, DataError> {
    let name_or_path: &str = &expanded(name_or_path);
    let own =
        |dataset: &str| DataConfig { dataset: dataset.into(), path: name_or_path.into(), ..DataConfig::default() };
    let path = Path::new(name_or_path);
    if catalogue().iter().any(|entry| entry.name == name_or_path) {
        return Ok(DataConfig { dataset: name_or_path.into(), ..DataConfig::default() });
    }
    let Ok(about) = std::fs::metadata(path) else { return Err(unknown(name_or_path)) };
    if about.is_dir() {
        return Ok(own(of_folder(path)));
    }
    let unfit = |problem: String| Err(DataError::Missing { path: shown_path(path), problem });
    if let Some(what) = not_a_file(&about) {
        return unfit(format!("it is {what}, not a file"));
    } else if about.len() == 0 {
        return unfit("it is empty".into());
    }
    match of_file(path) {
        Holds::Dataset(dataset) => Ok(own(dataset)),
        Holds::Picture => unfit(format!("it is one picture; {NAME_THE_FOLDER}")),
        Holds::Packed(packer) => unfit(format!("it is packed by {packer}; unpack it, and name what was inside")),
        Holds::Other => unfit(format!("it is none of the files that difflab reads: {READ}")),
    }
}

/// The error of a path that `data.dataset = "images"` doesn't read, with the `data.dataset` that does, where one does.
pub(super) fn advised(error: DataError, path: &str) -> DataError {
    let DataError::Missing { path: shown, problem } = error else { return error };
    let there = Path::new(path);
    let set = |dataset: &str| format!("data.dataset = \"{dataset}\" reads it");
    let advice = if there.is_dir() {
        match of_folder(there) {
            "images" => unlike_batches(there),
            dataset => Some(set(dataset)),
        }
    } else if there.is_file() {
        match of_file(there) {
            Holds::Dataset(dataset) => Some(set(dataset)),
            Holds::Picture => Some(NAME_THE_FOLDER.into()),
            Holds::Packed(_) | Holds::Other => None,
        }
    } else {
        None
    };
    let problem = advice.map_or(problem.clone(), |advice| format!("{problem}; {advice}"));
    DataError::Missing { path: shown, problem }
}

/// The error of a path that `data.dataset = asked` (files of numbers) doesn't read, with the `data.dataset` that does,
/// where one does: what a reader says of another's files misleads.
pub(super) fn advised_of_kind(asked: &str, error: DataError, path: &str) -> DataError {
    if !matches!(error, DataError::Missing { .. } | DataError::Malformed { .. } | DataError::Unreadable { .. }) {
        return error;
    }
    let there = Path::new(path);
    let read_by = |dataset: &str| Some(format!("data.dataset = \"{dataset}\" does"));
    let advice = if there.is_dir() {
        let has_asked = match asked {
            "idx" => idx_files::images_in(there).is_some(),
            "cifar" => cifar::batches_in(there).is_some() || cifar::is_pickled(there),
            _ => holds_arrays(there),
        };
        match of_folder(there) {
            _ if has_asked => None,
            "images" if folder::holds_pictures(there) => read_by("images"),
            "images" => unlike_batches(there),
            dataset => read_by(dataset),
        }
    } else if there.is_file() {
        match of_file(there) {
            Holds::Dataset(dataset) if dataset != asked => read_by(dataset),
            Holds::Picture => Some("it is a picture; data.dataset = \"images\" reads its folder, in data.path".into()),
            Holds::Packed(packer) => Some(format!("it is packed by {packer}; unpack it first")),
            Holds::Dataset(_) | Holds::Other => None,
        }
    } else {
        None
    };
    match advice {
        None => error,
        Some(advice) => DataError::Missing {
            path: shown_path(there),
            problem: format!("data.dataset = \"{asked}\" does not read it; {advice}"),
        },
    }
}

/// What to do with batches of CIFAR's in a folder that holds none to train on.
fn unlike_batches(folder: &Path) -> Option<String> {
    let packed = cifar::packed_batch_in(folder).map(|batch| {
        format!(
            "{} is one of CIFAR's batches, gzipped: unpack them all, by gunzip, and they are read",
            shown_path(&batch)
        )
    });
    packed.or_else(|| {
        let batch = cifar::test_batch_in(folder)?;
        Some(format!("{} is CIFAR's batch for tests: it is read when it is named itself", shown_path(&batch)))
    })
}

/// Are there NumPy's files in a folder?
fn holds_arrays(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| is_array(&entry.path()))
}

fn is_array(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "npz" || ending == "npy")
}

fn of_folder(path: &Path) -> &'static str {
    if idx_files::images_in(path).is_some() {
        "idx"
    } else if cifar::batches_in(path).is_some() || cifar::is_pickled(path) {
        "cifar"
    } else if holds_only_arrays(path) {
        "npz"
    } else {
        "images"
    }
}

/// Are there NumPy's files in a folder, and neither pictures beside them nor folders (but those of runs)?
fn holds_only_arrays(path: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(path) else { return false };
    let mut arrays = false;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() && !folder::holds_only_runs(&path) || folder::named_as_picture(&path) {
            return false;
        }
        arrays |= is_array(&path);
    }
    arrays
}

/// What a file holds.
enum Holds {
    /// What this `data.dataset` reads.
    Dataset(&'static str),
    Picture,
    /// Something packed by a program that is not read, by its name.
    Packed(&'static str),
    Other,
}

fn of_file(path: &Path) -> Holds {
    let head = gzip::head(path, 512);
    // A damaged one is its reader's to tell.
    let named_idx = path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.contains("ubyte") || name.contains("idx")
    });
    if cifar::is_packed_batch(path) {
        Holds::Packed("gzip")
    } else if head.starts_with(b"PK") || head.starts_with(b"\x93NUMPY") {
        Holds::Dataset("npz")
    } else if head.get(TAR) == Some(b"ustar") || cifar::is_batch(path, &head) {
        Holds::Dataset("cifar")
    } else if head.starts_with(&[0, 0, 8]) || matches!(head[..], [0, 0, 9..=14, 1..=8, ..]) || named_idx {
        Holds::Dataset("idx")
    } else if let Some((_, packer)) = PACKERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        Holds::Packed(packer)
    } else if folder::is_picture(path, &head) {
        Holds::Picture
    } else {
        Holds::Other
    }
}

/// The error of a path that leads nowhere.
pub fn nothing_at(path: &str) -> DataError {
    let somebody = path.strip_prefix('~').and_then(|rest| rest.split(['/', std::path::MAIN_SEPARATOR]).next());
    let problem = match somebody.filter(|name| !name.is_empty()) {
        Some(name) => {
            format!("there is no such file or folder; the home folder of `{}` is not known here", shown(name))
        }
        None => "there is no such file or folder".into(),
    };
    DataError::Missing { path: shown(path), problem }
}

/// The error of a name that is neither a dataset's nor in the file system.
pub(super) fn unknown(name: &str) -> DataError {
    if is_a_path(name) {
        return nothing_at(name);
    }
    let known = catalogue().iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ");
    DataError::Unknown { name: name.into(), known }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_known_by_what_it_holds() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = place.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
            path.display().to_string()
        };
        let dataset = |path: &str| locate(path).unwrap().dataset;
        assert_eq!(dataset("mnist"), "mnist");
        assert_eq!(dataset(&write("a/digits", b"PK\x03\x04....")), "npz");
        assert_eq!(dataset(&write("a/x.npy", b"\x93NUMPY")), "npz");
        assert_eq!(dataset(&place.path().join("a").display().to_string()), "npz");
        assert_eq!(dataset(&write("b/test_batch.bin", &[0; 3073])), "cifar");
        assert_eq!(dataset(&place.path().join("b").display().to_string()), "images");
        assert_eq!(dataset(&write("b/cut.bin", &[7; 2900])), "cifar");
        assert_eq!(dataset(&write("b/idx.bin", &super::super::idx::idx(&[1], &[0]))), "idx");
        write("py/data_batch_1", b"\x80\x02}");
        assert_eq!(dataset(&place.path().join("py").display().to_string()), "cifar");
        write("b/data_batch_1.bin", &[0; 3073]);
        assert_eq!(dataset(&place.path().join("b").display().to_string()), "cifar");
        assert_eq!(dataset(&write("c/mine", &super::super::idx::idx(&[1], &[0]))), "idx");
        write("d/emnist-digits-train-images-idx3-ubyte.gz", b"");
        assert_eq!(dataset(&place.path().join("d").display().to_string()), "idx");
        let picture = locate(&write("e/a.png", b"\x89PNG\r\n\x1a\n")).unwrap_err().to_string();
        assert!(picture.contains("name the folder"), "{picture}");
        let refusal = |name: &str, bytes: &[u8]| locate(&write(name, bytes)).unwrap_err().to_string();
        assert!(refusal("f/empty.npz", b"").ends_with("empty.npz: it is empty"));
        assert!(refusal("f/c.tar.bz2", b"BZh91AY").contains("packed by bzip2; unpack it"));
        assert!(refusal("f/letter.odt", b"hello").contains("none of the files that difflab reads"));
        assert_eq!(dataset(&write("f/train-images-idx3-ubyte", b"\x01\x02")), "idx");
        let advice = |path: &Path| {
            let error = DataError::Missing { path: "p".into(), problem: "no".into() };
            advised(error, &path.display().to_string()).to_string()
        };
        assert_eq!(advice(&place.path().join("a/digits")), "p: no; data.dataset = \"npz\" reads it");
        assert_eq!(advice(&place.path().join("b")), "p: no; data.dataset = \"cifar\" reads it");
        assert!(advice(&place.path().join("e/a.png")).contains("name the folder"));
        write("g/test_batch.bin", &[0; 3073]);
        assert!(advice(&place.path().join("g")).contains("test_batch.bin is CIFAR's batch for tests"));
        assert_eq!(advice(&place.path().join("e")), "p: no");
        assert!(locate("nowhere").unwrap_err().to_string().contains("mnist-10k"));
        let nothing = |path: &str| locate(path).unwrap_err().to_string();
        assert_eq!(nothing("/nowhere/at/all"), "/nowhere/at/all: there is no such file or folder");
        assert!(nothing("~nobody2/x").ends_with("the home folder of `nobody2` is not known here"));
    }
}
