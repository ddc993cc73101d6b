//! Idx files by their names: which are images, and where their labels are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::classes::without_holes;
use super::gzip;
use super::idx::{self, IdxImages, Layout};
use super::shown::shown_path;
use super::watch::Watch;
use super::{DataError, Dataset};
use crate::config::DataConfig;

/// The usual names of image files, best first.
const USUAL_NAMES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-images.idx3-ubyte", "t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"];

/// EMNIST's splits, the most used first (Cohen et al. 2017, table II).
const EMNIST: [&str; 6] = ["balanced", "letters", "digits", "mnist", "bymerge", "byclass"];

/// The images file in a folder: MNIST's usual names first, else any that is named like one, such as EMNIST's;
/// of several, training images first. With a note where there was a choice.
pub(super) fn images_in(folder: &Path) -> Option<(PathBuf, Option<String>)> {
    if let Some(usual) = USUAL_NAMES.iter().find_map(|images| existing(folder, images).ok()) {
        return Some((usual, None));
    }
    let mut found: Vec<(PathBuf, String)> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = plain_name(&path)?;
            let images = name.contains("images") && (name.ends_with("idx3-ubyte") || name.ends_with("idx4-ubyte"));
            (images && path.is_file()).then_some((path, name))
        })
        .collect();
    found.sort_by_cached_key(|(path, name)| {
        let split = EMNIST.iter().position(|split| name.contains(&format!("-{split}-"))).unwrap_or(EMNIST.len());
        (!name.contains("train"), split, path.clone())
    });
    let count = found.len();
    let (path, _) = found.into_iter().next()?;
    let note = (count > 1).then(|| {
        let named = shown_path(Path::new(path.file_name().unwrap_or_default()));
        format!("chose {named} of {count} idx files of images in {}; data.path names another", shown_path(folder))
    });
    Some((path, note))
}

/// The labels file that belongs to an images file, by the usual naming, gzipped or not.
fn labels_beside(images: &Path) -> Option<PathBuf> {
    let name = plain_name(images)?;
    let labels = name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1");
    if labels == name { None } else { existing(images.parent()?, &labels).ok() }
}

/// A file's name without `.gz`.
fn plain_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    Some(name.strip_suffix(".gz").unwrap_or(name).to_string())
}

/// `folder/name` or `folder/name.gz`, whichever is there.
pub(super) fn existing(folder: &Path, name: &str) -> Result<PathBuf, DataError> {
    let (plain, gzipped) = (folder.join(name), folder.join(format!("{name}.gz")));
    [plain, gzipped].into_iter().find(|file| file.is_file()).ok_or_else(|| DataError::Missing {
        path: shown_path(&folder.join(name)),
        problem: "the file is missing, with .gz at the end of its name and without".into(),
    })
}

/// A user's own idx files.
///
/// # Errors
/// Files that are missing, broken, or don't belong together.
pub(super) fn load(name: &str, config: &DataConfig, watch: &mut Watch) -> Result<Dataset, DataError> {
    let path = Path::new(&config.path);
    let missing = |problem: &str| DataError::Missing { path: shown_path(path), problem: problem.into() };
    if !path.exists() {
        return Err(missing("there is no such file or folder; check data.path"));
    }
    let (images, note) = match path.is_dir() {
        true => images_in(path).ok_or_else(|| {
            missing("there is no images file with a usual name, such as train-images-idx3-ubyte.gz, in this folder")
        })?,
        false => (path.to_path_buf(), None),
    };
    let labels = match config.labels.as_str() {
        "" => labels_beside(&images),
        given if Path::new(given).is_file() => Some(PathBuf::from(given)),
        given => {
            let problem = "there is no such labels file; check data.labels".into();
            return Err(DataError::Missing { path: given.into(), problem });
        }
    };
    let emnist = plain_name(&images).is_some_and(|name| name.starts_with("emnist-"));
    let layout = if emnist { Layout::Columns } else { Layout::Rows };
    let shown = shown_path(&images);
    let read = idx::images(&shown, gzip::open(&images)?, layout, config, watch)?;
    let labels = match labels {
        Some(file) => Some((shown_path(&file), idx::labels(&shown_path(&file), gzip::open(&file)?)?)),
        None => None,
    };
    let names = emnist.then(|| mapping(&images)).flatten();
    let mut data = dataset(name, shown, read, labels, Classes::Found(names.unwrap_or_default()))?;
    data.warnings.extend(note);
    if emnist {
        data.warnings.push("EMNIST's files hold each image column by column; it was turned upright".into());
    }
    Ok(data)
}

/// What the labels of EMNIST stand for, by the file `emnist-letters-mapping.txt` beside the images: label and the
/// numbers of its characters.
fn mapping(images: &Path) -> Option<Vec<(u32, String)>> {
    let name = plain_name(images)?;
    let (stem, _) = name.split_once("-train-").or_else(|| name.split_once("-test-"))?;
    let (file, _) = gzip::open_file(&images.parent()?.join(format!("{stem}-mapping.txt"))).ok()?;
    let text = std::io::read_to_string(std::io::Read::take(file, 1 << 16)).ok()?;
    let line = |line: &str| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u32>().ok());
        let (label, code) = (numbers.next()??, numbers.next()??);
        Some((label, char::from_u32(code).filter(char::is_ascii_graphic)?.to_string()))
    };
    text.lines().map(line).collect()
}

/// What classes are called.
pub(super) enum Classes {
    /// These, and every label must be one of them.
    Known(Vec<String>),
    /// Those that labels name: by these names where there is one, else by their number.
    Found(Vec<(u32, String)>),
}

/// A dataset of images and their labels with the file that they are from.
///
/// # Errors
/// Labels that don't fit.
pub(super) fn dataset(
    name: &str,
    source: String,
    images: IdxImages,
    labels: Option<(String, Vec<u32>)>,
    classes: Classes,
) -> Result<Dataset, DataError> {
    let IdxImages { count, height, width, channels, pixels } = images;
    let (labels, classes) = match labels {
        None => (Vec::new(), Vec::new()),
        Some((file, mut labels)) => {
            if labels.len() != count {
                return Err(DataError::Malformed {
                    file,
                    expected: format!("{count} labels, one for each image of {source}"),
                    found: labels.len().to_string(),
                });
            }
            let classes = match classes {
                Classes::Found(names) => without_holes(&mut labels)
                    .into_iter()
                    .map(|number| {
                        let known = names.iter().find(|(known, _)| *known == number);
                        known.map_or_else(|| number.to_string(), |(_, name)| name.clone())
                    })
                    .collect(),
                Classes::Known(names) => {
                    let largest = labels.iter().copied().max().unwrap_or(0);
                    if largest as usize >= names.len() {
                        let expected = match names.len() {
                            1 => "labels that are all 0".into(),
                            classes => format!("labels from 0 to {}", classes.saturating_sub(1)),
                        };
                        return Err(DataError::Malformed { file, expected, found: largest.to_string() });
                    }
                    names
                }
            };
            (labels, classes)
        }
    };
    Ok(Dataset {
        name: name.into(),
        source,
        height,
        width,
        channels,
        pixels: pixels.into(),
        labels: Arc::new(labels),
        classes,
        warnings: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::idx::idx;
    use super::*;

    fn own(path: &Path) -> DataConfig {
        DataConfig { dataset: "idx".into(), path: path.display().to_string(), ..DataConfig::default() }
    }

    fn read(config: &DataConfig) -> Result<Dataset, DataError> {
        load("own", config, &mut Watch::new(&mut |_| {}))
    }

    #[test]
    fn own_idx_files_find_their_labels_and_only_classes_with_images_count() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("train-images-idx3-ubyte"), idx(&[2, 2, 2], &[7; 8])).unwrap();
        let data = read(&own(folder.path())).unwrap();
        assert_eq!((data.len(), data.labels.len(), data.classes.len()), (2, 0, 0), "unlabelled");
        std::fs::write(folder.path().join("train-labels-idx1-ubyte"), idx(&[2], &[9, 4])).unwrap();
        let data = read(&own(&folder.path().join("train-images-idx3-ubyte"))).unwrap();
        assert_eq!((&(*data.labels)[..], &data.classes[..]), (&[1, 0][..], &["4".to_string(), "9".into()][..]));
    }

    #[test]
    fn emnist_is_found_by_its_names_turned_upright_and_lettered() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("emnist-letters-test-images-idx3-ubyte", &idx(&[1, 2, 2], &[0; 4]));
        write("emnist-letters-train-images-idx3-ubyte", &idx(&[2, 2, 2], &[1, 2, 3, 4, 5, 6, 7, 8]));
        write("emnist-letters-train-labels-idx1-ubyte", &idx(&[2], &[26, 1]));
        let data = read(&own(folder.path())).unwrap();
        assert_eq!(data.classes, ["1", "26"]);
        assert_eq!(data.pixels.bytes(), [1, 3, 2, 4, 5, 7, 6, 8]);
        assert!(data.warnings[0].starts_with("chose emnist-letters-train-images-idx3-ubyte of 2 idx files"));
        assert!(data.warnings[1].contains("turned upright"));
        write("emnist-letters-mapping.txt", b"1 65 97\n26 90 122\n");
        assert_eq!(read(&own(folder.path())).unwrap().classes, ["A", "Z"]);
        write("emnist-balanced-train-images-idx3-ubyte", &idx(&[1, 2, 2], &[9; 4]));
        assert!(read(&own(folder.path())).unwrap().source.contains("emnist-balanced-train"));
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("train-images-idx3-ubyte"), idx(&[2, 2, 2], &[7; 8])).unwrap();
        std::fs::write(folder.path().join("train-labels-idx1-ubyte"), idx(&[3], &[1, 1, 1])).unwrap();
        let message = read(&own(folder.path())).unwrap_err().to_string();
        assert!(message.contains("expected 2 labels") && message.ends_with("found 3"), "{message}");
        let given = DataConfig { labels: "/nowhere/labels".into(), ..own(folder.path()) };
        assert!(read(&given).unwrap_err().to_string().contains("check data.labels"));
    }

    #[test]
    fn missing_files_say_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&own(folder.path())).unwrap_err().to_string().contains("train-images-idx3-ubyte.gz"));
        assert!(read(&own(&folder.path().join("x"))).unwrap_err().to_string().contains("check data.path"));
    }
}
