//! From what a person names to the `[data]` section that loads it.

use std::path::Path;

use super::catalogue::catalogue;
use super::home::expanded;
use super::shown::shown_path;
use super::{DataError, cifar, folder, gzip, idx_files};
use crate::config::DataConfig;

/// Where a tar archive has its magic.
const TAR: std::ops::Range<usize> = 257..262;

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
    if let Some(what) = folder::not_a_file(&about) {
        return unfit(format!("it is {what}, not a file"));
    }
    match of_file(path) {
        Some(dataset) => Ok(own(dataset)),
        None => unfit("it is one picture; name the folder that it lies in".into()),
    }
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

/// Are there NumPy's files in a folder, and neither pictures beside them nor folders?
fn holds_only_arrays(path: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(path) else { return false };
    let mut arrays = false;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() || folder::named_as_picture(&path) {
            return false;
        }
        arrays |= path.extension().is_some_and(|ending| ending == "npz" || ending == "npy");
    }
    arrays
}

/// `None` for a picture.
fn of_file(path: &Path) -> Option<&'static str> {
    let head = gzip::head(path, 512);
    if head.starts_with(b"PK") || head.starts_with(b"\x93NUMPY") {
        Some("npz")
    } else if head.get(TAR) == Some(b"ustar") || cifar::is_batch(path, &head) {
        Some("cifar")
    } else if !head.starts_with(&[0, 0]) && folder::is_picture(path, &head) {
        None
    } else {
        Some("idx")
    }
}

/// The error of a name that is neither a dataset's nor in the file system.
pub(super) fn unknown(name: &str) -> DataError {
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
        assert!(locate("/nowhere/at/all").unwrap_err().to_string().contains("mnist-10k"));
    }
}
