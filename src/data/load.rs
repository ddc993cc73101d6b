//! From a config's `[data]` section to a [`Dataset`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::catalogue::{self, CatalogueEntry, Embedded, catalogue};
use super::home::expanded;
use super::idx::IdxImages;
use super::{DataError, Dataset, embedded, folder, idx, points, resize};
use crate::config::{DataConfig, POINT_SETS};

/// The usual names of image files, best first.
const USUAL_NAMES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-images.idx3-ubyte", "t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"];

/// Loads the dataset that a config names, resized and recoloured as it asks; point sets are made here.
///
/// Bundled datasets are looked for at `path` if that is set, else in `$DIFFLAB_DATASETS`, `./datasets`
/// and beside the executable; MNIST falls back to the 10,000 digits inside the binary.
///
/// # Errors
/// Missing, truncated or lying files, empty folders, images that don't fit together: each message names
/// the file, what was expected and what was found.
pub fn load(config: &DataConfig) -> Result<Dataset, DataError> {
    let config = &at_home(config);
    match config.dataset.as_str() {
        "images" => folder::load(&own_name(&config.path), Path::new(&config.path), config.image_size, config.channels),
        "idx" => fit(load_own_idx(config)?, config),
        name if POINT_SETS.contains(&name) => points::load(config),
        name => {
            let entries = catalogue();
            match entries.iter().find(|entry| entry.name == name) {
                Some(entry) => load_bundled(entry, config),
                None => Err(unknown(name)),
            }
        }
    }
}

/// The `[data]` section that loads what a person names: a bundled dataset, an idx file or the folder it
/// lies in, or a folder of pictures.
///
/// # Errors
/// [`DataError::Unknown`] when it is none of these.
pub fn locate(name_or_path: &str) -> Result<DataConfig, DataError> {
    let name_or_path = &expanded(name_or_path);
    let own =
        |dataset: &str| DataConfig { dataset: dataset.into(), path: name_or_path.into(), ..DataConfig::default() };
    let path = Path::new(name_or_path);
    if catalogue().iter().any(|entry| entry.name == name_or_path) {
        Ok(DataConfig { dataset: name_or_path.into(), ..DataConfig::default() })
    } else if path.is_file() || USUAL_NAMES.iter().any(|images| existing(path, images).is_ok()) {
        Ok(own("idx"))
    } else if path.is_dir() {
        Ok(own("images"))
    } else {
        Err(unknown(name_or_path))
    }
}

/// The same with `~` in its paths replaced.
fn at_home(config: &DataConfig) -> DataConfig {
    DataConfig { path: expanded(&config.path), labels: expanded(&config.labels), ..config.clone() }
}

fn unknown(name: &str) -> DataError {
    let known = catalogue().iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ");
    DataError::Unknown { name: name.into(), known }
}

fn load_bundled(entry: &CatalogueEntry, config: &DataConfig) -> Result<Dataset, DataError> {
    let found = match config.path.as_str() {
        "" => entry.found.clone(),
        given => Some(PathBuf::from(given)),
    };
    let Some((images_name, labels_name)) = entry.idx_files else {
        let folder = found.ok_or_else(|| not_bundled(entry))?;
        return folder::load(entry.name, &folder, config.image_size, config.channels);
    };
    let classes = || entry.classes.iter().map(|class| class.to_string()).collect();
    let data = match (found, entry.embedded) {
        (Some(folder), _) => {
            let (images, labels) = (existing(&folder, images_name)?, existing(&folder, labels_name)?);
            let source = folder.display().to_string();
            let images_bytes = read(&images)?;
            let labels_bytes = read(&labels)?;
            from_idx(entry.name, source, (&images, &images_bytes), Some((&labels, &labels_bytes)), classes())?
        }
        (None, Embedded::No) => return Err(not_bundled(entry)),
        (None, inside) => {
            let images = (Path::new("embedded images"), embedded::IMAGES);
            let labels = (Path::new("embedded labels"), embedded::LABELS);
            let mut data = from_idx(entry.name, "embedded 10k subset".into(), images, Some(labels), classes())?;
            if inside == Embedded::Subset {
                data.warnings.push(format!(
                    "the folder datasets/{} isn't here, so this is the 10,000-digit subset inside the program; \
                     DIFFLAB_DATASETS names another place for datasets",
                    entry.name
                ));
            }
            data
        }
    };
    fit(data, config)
}

fn not_bundled(entry: &CatalogueEntry) -> DataError {
    let looked = catalogue::places(entry.name).iter().map(|place| place.display().to_string()).collect();
    DataError::NotBundled { name: entry.name.into(), looked }
}

fn load_own_idx(config: &DataConfig) -> Result<Dataset, DataError> {
    let path = Path::new(&config.path);
    let missing = |problem: &str| DataError::Missing { path: config.path.clone(), problem: problem.into() };
    if !path.exists() {
        return Err(missing("there is no such file or folder; check data.path"));
    }
    let images = if path.is_dir() {
        let usual = USUAL_NAMES.iter().find_map(|images| existing(path, images).ok());
        usual.ok_or_else(|| {
            missing("there is no images file with a usual name, such as train-images-idx3-ubyte.gz, in this folder")
        })?
    } else {
        path.to_path_buf()
    };
    let labels = match config.labels.as_str() {
        "" => labels_beside(&images),
        given if Path::new(given).is_file() => Some(PathBuf::from(given)),
        given => {
            let problem = "there is no such labels file; check data.labels".into();
            return Err(DataError::Missing { path: given.into(), problem });
        }
    };
    let bytes = read(&images)?;
    let label_bytes = labels.as_deref().map(read).transpose()?;
    let labels = labels.as_deref().zip(label_bytes.as_deref());
    from_idx(&own_name(&config.path), images.display().to_string(), (&images, &bytes), labels, Vec::new())
}

/// The labels file that belongs to an images file, by the usual naming, gzipped or not.
fn labels_beside(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let labels = plain.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1");
    if labels == plain { None } else { existing(images.parent()?, &labels).ok() }
}

/// `folder/name` or `folder/name.gz`, whichever is there.
fn existing(folder: &Path, name: &str) -> Result<PathBuf, DataError> {
    let (plain, gzipped) = (folder.join(name), folder.join(format!("{name}.gz")));
    [plain, gzipped].into_iter().find(|file| file.is_file()).ok_or_else(|| DataError::Missing {
        path: folder.join(name).display().to_string(),
        problem: "the file is missing, with .gz at the end of its name and without".into(),
    })
}

fn read(file: &Path) -> Result<Vec<u8>, DataError> {
    std::fs::read(file)
        .map_err(|error| DataError::Unreadable { path: file.display().to_string(), reason: error.to_string() })
}

/// The last part of a path, as the name of a user's own dataset.
fn own_name(path: &str) -> String {
    let stem = Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.filter(|stem| !stem.is_empty()).unwrap_or_else(|| "own".into())
}

/// A dataset from the bytes of idx files. `classes` may be empty: then the labels' numbers name them.
fn from_idx(
    name: &str,
    source: String,
    (images_file, images_bytes): (&Path, &[u8]),
    labels: Option<(&Path, &[u8])>,
    mut classes: Vec<String>,
) -> Result<Dataset, DataError> {
    let IdxImages { height, width, channels, pixels } = idx::images(&images_file.display().to_string(), images_bytes)?;
    let count = pixels.len() / (height * width * channels);
    let labels = match labels {
        None => {
            classes.clear();
            Vec::new()
        }
        Some((file, bytes)) => {
            let shown = file.display().to_string();
            let labels = idx::labels(&shown, bytes)?;
            if labels.len() != count {
                return Err(DataError::Malformed {
                    file: shown,
                    expected: format!("{count} labels, one for each image of {}", images_file.display()),
                    found: labels.len().to_string(),
                });
            }
            let largest = labels.iter().copied().max().unwrap_or(0);
            if classes.is_empty() {
                classes = (0..=largest).map(|class| class.to_string()).collect();
            } else if largest as usize >= classes.len() {
                return Err(DataError::Malformed {
                    file: shown,
                    expected: format!("labels from 0 to {}", classes.len() - 1),
                    found: largest.to_string(),
                });
            }
            labels
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

/// Resizes and recolours as the config asks.
fn fit(data: Dataset, config: &DataConfig) -> Result<Dataset, DataError> {
    let square = |side: usize| (side, side) == (data.height, data.width);
    let side = if config.image_size == 0 || square(config.image_size) { 0 } else { config.image_size };
    let channels = if config.channels == 0 { data.channels } else { config.channels };
    if side == 0 && channels == data.channels {
        return Ok(data);
    }
    let shape = (data.height as u32, data.width as u32, data.channels);
    let mut pixels = Vec::new();
    for image in data.pixels.bytes().chunks_exact(data.image_len()) {
        let fitted = resize::bytes_to_bytes(image, shape, side as u32, channels).ok_or_else(|| DataError::Unfit {
            problem: format!("{}: an image doesn't fill its {}×{} pixels", data.source, data.height, data.width),
        })?;
        pixels.extend(fitted);
    }
    let (height, width) = if side == 0 { (data.height, data.width) } else { (side, side) };
    Ok(Dataset { height, width, channels, pixels: pixels.into(), ..data })
}

#[cfg(test)]
mod tests {
    use super::idx::idx;
    use super::*;

    fn own(path: &Path) -> DataConfig {
        DataConfig { dataset: "idx".into(), path: path.display().to_string(), ..DataConfig::default() }
    }

    #[test]
    fn own_idx_files_find_their_labels_by_the_usual_names() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("train-images-idx3-ubyte"), idx(&[2, 2, 2], &[7; 8])).unwrap();
        let data = load(&own(folder.path())).unwrap();
        assert_eq!((data.len(), data.labels.len(), data.classes.len()), (2, 0, 0), "unlabelled");
        std::fs::write(folder.path().join("train-labels-idx1-ubyte"), idx(&[2], &[2, 0])).unwrap();
        let data = load(&own(&folder.path().join("train-images-idx3-ubyte"))).unwrap();
        assert_eq!((*data.labels).clone(), [2, 0]);
        assert_eq!(data.classes, ["0", "1", "2"]);
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("train-images-idx3-ubyte"), idx(&[2, 2, 2], &[7; 8])).unwrap();
        std::fs::write(folder.path().join("train-labels-idx1-ubyte"), idx(&[3], &[1, 1, 1])).unwrap();
        let message = load(&own(folder.path())).unwrap_err().to_string();
        assert!(message.contains("expected 2 labels") && message.ends_with("found 3"), "{message}");
        let given = DataConfig { labels: "/nowhere/labels".into(), ..own(folder.path()) };
        assert!(load(&given).unwrap_err().to_string().contains("check data.labels"));
        let bundled = DataConfig { dataset: "mnist".into(), ..own(folder.path()) };
        std::fs::write(folder.path().join("train-labels-idx1-ubyte"), idx(&[2], &[1, 10])).unwrap();
        assert!(load(&bundled).unwrap_err().to_string().contains("labels from 0 to 9, found 10"));
    }

    #[test]
    fn missing_files_and_unknown_names_say_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load(&own(folder.path())).unwrap_err().to_string().contains("train-images-idx3-ubyte.gz"));
        assert!(load(&own(&folder.path().join("x"))).unwrap_err().to_string().contains("check data.path"));
        let bundled = DataConfig { dataset: "mnist".into(), ..own(folder.path()) };
        let message = load(&bundled).unwrap_err().to_string();
        assert!(message.contains("train-images-idx3-ubyte: the file is missing"), "{message}");
        let unknown = DataConfig { dataset: "cifar".into(), ..DataConfig::default() };
        assert!(load(&unknown).unwrap_err().to_string().contains("mnist-10k"));
    }

    #[test]
    fn images_are_resized_and_recoloured_as_asked() {
        let config = DataConfig { dataset: "mnist-10k".into(), image_size: 32, channels: 3, ..DataConfig::default() };
        let data = load(&config).unwrap();
        assert_eq!((data.len(), data.height, data.width, data.channels), (10_000, 32, 32, 3));
    }

    #[test]
    fn the_digits_inside_the_binary_are_those_of_the_folder() {
        let images = idx::images("embedded", embedded::IMAGES).unwrap();
        let folder = load(&DataConfig { dataset: "mnist-10k".into(), ..DataConfig::default() }).unwrap();
        assert_eq!(images.pixels, folder.pixels.bytes());
        assert_eq!(idx::labels("embedded", embedded::LABELS).unwrap(), *folder.labels);
        assert_eq!(folder.class_counts(), [1000; 10]);
    }
}
