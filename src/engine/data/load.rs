//! From a config's `[data]` section to a [`Dataset`].

use std::path::{Path, PathBuf};

use super::catalogue::{CatalogueEntry, catalogue};
use super::gzip;
use super::home::expanded;
use super::idx::{self, Layout};
use super::idx_files::{self, Classes, dataset, existing};
use super::locate::{advised, advised_of_kind, unknown};
use super::watch::Watch;
use super::{Count, DataError, Dataset, Survey, cifar, embedded, folder, mnist_places, npz, points};
use crate::config::{DataConfig, POINT_SETS};

/// A set without a number from here on, of 255, shows nothing.
const BRIGHT: u8 = 16;

/// Loads the dataset that a config names, resized and recoloured as it asks; point sets are made here.
///
/// Bundled datasets are looked for at `path` if that is set, else in `$DIFFLAB_DATASETS`, `./datasets`
/// and beside the executable; what is in none of these places comes out of the binary.
///
/// # Errors
/// Missing, truncated or lying files, empty folders, images that don't fit together: each message names
/// the file, what was expected and what was found.
pub fn load(config: &DataConfig) -> Result<Dataset, DataError> {
    load_watched(config, &mut |_| {})
}

/// Loads as [`load`] does, and tells at most ten times a second how far it is.
///
/// # Errors
/// Those of [`load`].
pub fn load_watched(config: &DataConfig, tell: &mut dyn FnMut(Count)) -> Result<Dataset, DataError> {
    load_kind(&at_home(config), &mut Watch::new(tell)).map(told_if_black)
}

/// Says so where the numbers were probably meant otherwise. Looks no further than the first that is bright enough.
fn told_if_black(mut data: Dataset) -> Dataset {
    let bytes = data.pixels.bytes();
    if !bytes.is_empty() && bytes.iter().all(|&byte| byte < BRIGHT) {
        let most = bytes.iter().copied().max().unwrap_or_default();
        data.warnings.push(format!(
            "all images are black to the eye: the largest of their numbers is {most} of 255; where they were meant to lie \
             in [0, {}], save them times {}",
            most.max(1),
            255 / most.max(1)
        ));
    }
    data
}

fn load_kind(config: &DataConfig, watch: &mut Watch) -> Result<Dataset, DataError> {
    match config.dataset.as_str() {
        "images" => {
            let (name, folder) = (own_name(&config.path), Path::new(&config.path));
            let loaded = folder::load(&name, folder, config.image_size, config.channels, watch);
            loaded.map(|(data, _)| data).map_err(|error| advised(error, &config.path))
        }
        kind @ ("idx" | "npz" | "cifar") => {
            let load = match kind {
                "idx" => idx_files::load,
                "npz" => npz::load,
                _ => cifar::load,
            };
            load(&own_name(&config.path), config, watch).map_err(|error| advised_of_kind(kind, error, &config.path))
        }
        name if POINT_SETS.contains(&name) => points::load(config),
        name => {
            let entries = catalogue();
            match entries.iter().find(|entry| entry.name == name) {
                Some(entry) => load_bundled(entry, config, watch),
                None => Err(unknown(name)),
            }
        }
    }
}

/// Loads as [`load`] does; of a folder of pictures also what it holds, now that every one was decoded.
///
/// # Errors
/// Those of [`load`].
pub fn load_and_survey(config: &DataConfig) -> Result<(Dataset, Option<Survey>), DataError> {
    let at_home = at_home(config);
    if at_home.dataset != "images" {
        return Ok((load(config)?, None));
    }
    let (name, folder) = (own_name(&at_home.path), Path::new(&at_home.path));
    let mut tell = |_| {};
    let watch = &mut Watch::new(&mut tell);
    let (data, survey) = folder::load(&name, folder, config.image_size, config.channels, watch)
        .map_err(|error| advised(error, &at_home.path))?;
    Ok((told_if_black(data), Some(survey)))
}

/// What the dataset that a config names holds: counts, classes, sizes, and what would be left out and why. A
/// folder of pictures is looked through without decoding them; other sources are read.
///
/// # Errors
/// Those of [`load`], as far as they show without decoding.
pub fn survey(config: &DataConfig, tell: &mut dyn FnMut(Count)) -> Result<Survey, DataError> {
    survey_of(config, false, tell)
}

/// As [`survey`], and pictures stored in colour are decoded until one of them shows some: see
/// [`Survey::shows_grey`].
///
/// # Errors
/// Those of [`survey`].
pub fn survey_for_colour(config: &DataConfig, tell: &mut dyn FnMut(Count)) -> Result<Survey, DataError> {
    survey_of(config, true, tell)
}

fn survey_of(config: &DataConfig, pixels: bool, tell: &mut dyn FnMut(Count)) -> Result<Survey, DataError> {
    let config = &at_home(config);
    if config.dataset == "images" {
        return folder::survey(&own_name(&config.path), Path::new(&config.path), pixels, &mut Watch::new(tell))
            .map_err(|error| advised(error, &config.path));
    }
    let as_stored = DataConfig { image_size: 0, channels: 0, ..config.clone() };
    Ok(Survey::of(&load_watched(&as_stored, tell)?))
}

/// The same with `~` in its paths replaced.
fn at_home(config: &DataConfig) -> DataConfig {
    DataConfig { path: expanded(&config.path), labels: expanded(&config.labels), ..config.clone() }
}

fn load_bundled(entry: &CatalogueEntry, config: &DataConfig, watch: &mut Watch) -> Result<Dataset, DataError> {
    let found = match config.path.as_str() {
        "" => entry.found.clone(),
        given => Some(PathBuf::from(given)),
    };
    let Some(folder) = found else { return embedded::load(entry, config, watch) };
    let Some((images, labels)) = entry.idx_files else {
        return folder::load(entry.name, &folder, config.image_size, config.channels, watch).map(|(data, _)| data);
    };
    let (images_file, labels_file) = (existing(&folder, images)?, existing(&folder, labels)?);
    let labels_shown = labels_file.display().to_string();
    let labels = idx::labels(&labels_shown, gzip::open(&labels_file)?)?;
    let images_shown = images_file.display().to_string();
    let images = match mnist_places::images_in(&images_file, config, watch)? {
        Some(images) => images,
        None => idx::images(&images_shown, gzip::open(&images_file)?, Layout::Rows, config, watch)?,
    };
    let classes = Classes::Known(entry.classes.iter().map(|class| class.to_string()).collect());
    dataset(entry.name, folder.display().to_string(), images, Some((labels_shown, labels)), classes)
}

/// The last part of a path, as the name of a user's own dataset.
fn own_name(path: &str) -> String {
    let stem = Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.filter(|stem| !stem.is_empty()).unwrap_or_else(|| "own".into())
}

#[cfg(test)]
mod tests {
    use super::super::idx::idx as idx_file;
    use super::*;

    #[test]
    fn bundled_names_take_files_from_a_given_folder_and_only_their_own_classes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        let bundled = DataConfig { dataset: "mnist".into(), path, ..DataConfig::default() };
        let message = load(&bundled).unwrap_err().to_string();
        assert!(message.contains("train-images-idx3-ubyte: the file is missing"), "{message}");
        std::fs::write(folder.path().join("train-images-idx3-ubyte"), idx_file(&[2, 2, 2], &[7; 8])).unwrap();
        std::fs::write(folder.path().join("train-labels-idx1-ubyte"), idx_file(&[2], &[1, 10])).unwrap();
        assert!(load(&bundled).unwrap_err().to_string().contains("labels from 0 to 9, found 10"));
        let unknown = DataConfig { dataset: "imagenet".into(), ..DataConfig::default() };
        assert!(load(&unknown).unwrap_err().to_string().contains("mnist-10k"));
    }

    #[test]
    fn images_are_resized_and_recoloured_as_asked() {
        let config = DataConfig { dataset: "mnist-10k".into(), image_size: 32, channels: 3, ..DataConfig::default() };
        let data = load(&config).unwrap();
        assert_eq!((data.len(), data.height, data.width, data.channels), (10_000, 32, 32, 3));
    }

    #[test]
    fn a_reader_given_anothers_data_says_whose_they_are() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        let write = |name: &str, bytes: &[u8]| {
            std::fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            std::fs::write(path(name), bytes).unwrap();
        };
        write("arrays/x.npy", &super::super::npy::file("|u1", "(1, 1, 2)", false, &[1, 2]));
        write("idx/a-images-idx3-ubyte", &idx_file(&[1, 2, 2], &[7; 4]));
        write("cifar/data_batch_1.bin", &[0; 3073]);
        write("pictures/cat/a.png", b"\x89PNG\r\n\x1a\n");
        write("packed/data_batch_1.bin.gz", &gzip::gzip(&[0; 3073]));
        let refusal = |dataset: &str, name: &str| {
            let config =
                DataConfig { dataset: dataset.into(), path: path(name).display().to_string(), ..DataConfig::default() };
            load(&config).unwrap_err().to_string()
        };
        let all = [
            ("npz", "arrays", "arrays/x.npy"),
            ("idx", "idx", "idx/a-images-idx3-ubyte"),
            ("cifar", "cifar", "cifar/data_batch_1.bin"),
        ];
        for asked in ["npz", "idx", "cifar"] {
            for (kind, folder, file) in all.into_iter().filter(|(kind, ..)| *kind != asked) {
                for name in [folder, file] {
                    let told = refusal(asked, name);
                    let words = format!("data.dataset = \"{asked}\" does not read it; data.dataset = \"{kind}\" does");
                    assert!(told.ends_with(&words), "{asked}, {name}: {told}");
                }
            }
            let told = refusal(asked, "pictures");
            assert!(told.ends_with("data.dataset = \"images\" does"), "{asked}: {told}");
            assert!(refusal(asked, "pictures/cat/a.png").contains("\"images\" reads its folder"), "{asked}");
            let told = refusal(asked, "packed");
            assert!(told.contains("data_batch_1.bin.gz is one of CIFAR's batches, gzipped"), "{asked}: {told}");
            assert!(refusal(asked, "packed/data_batch_1.bin.gz").contains("packed by gzip"), "{asked}");
        }
        assert!(refusal("images", "packed").contains("gunzip"), "{}", refusal("images", "packed"));
        // What is a reader's own, it tells itself.
        write("both/x.npy", b"\x93NUMPY");
        write("both/a.png", b"\x89PNG\r\n\x1a\n");
        assert!(refusal("npz", "both").contains("its header is damaged"), "{}", refusal("npz", "both"));
        assert!(refusal("cifar", "nowhere").contains("check data.path"));
    }

    #[test]
    fn a_set_that_shows_nothing_is_told_with_the_cure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a-images-idx3-ubyte").display().to_string();
        let said = |most: u8| {
            std::fs::write(&path, idx_file(&[1, 2, 2], &[0, 0, most, 0])).unwrap();
            let config = DataConfig { dataset: "idx".into(), path: path.clone(), ..DataConfig::default() };
            load(&config).unwrap().warnings.join("\n")
        };
        assert!(said(1).contains("black to the eye: the largest of their numbers is 1 of 255"), "{}", said(1));
        assert!(said(1).contains("times 255") && said(15).contains("times 17"));
        assert_eq!((said(0).contains("black"), said(16).as_str()), (true, ""));
    }
}
