//! From a config's `[data]` section to a [`Dataset`].

use std::path::{Path, PathBuf};

use super::catalogue::{CatalogueEntry, catalogue};
use super::gzip;
use super::home::expanded;
use super::idx::{self, Layout};
use super::idx_files::{self, Classes, dataset, existing};
use super::locate::unknown;
use super::watch::Watch;
use super::{Count, DataError, Dataset, Survey, cifar, embedded, folder, npz, points};
use crate::config::{DataConfig, POINT_SETS};

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
    let watch = &mut Watch::new(tell);
    let config = &at_home(config);
    match config.dataset.as_str() {
        "images" => {
            let (name, folder) = (own_name(&config.path), Path::new(&config.path));
            folder::load(&name, folder, config.image_size, config.channels, watch).map(|(data, _)| data)
        }
        "idx" => idx_files::load(&own_name(&config.path), config, watch),
        "npz" => npz::load(&own_name(&config.path), config, watch),
        "cifar" => cifar::load(&own_name(&config.path), config, watch),
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
    let (data, survey) = folder::load(&name, folder, config.image_size, config.channels, &mut Watch::new(&mut |_| {}))?;
    Ok((data, Some(survey)))
}

/// What the dataset that a config names holds: counts, classes, sizes, and what would be left out and why. A
/// folder of pictures is looked through without decoding them; other sources are read.
///
/// # Errors
/// Those of [`load`], as far as they show without decoding.
pub fn survey(config: &DataConfig, tell: &mut dyn FnMut(Count)) -> Result<Survey, DataError> {
    let config = &at_home(config);
    if config.dataset == "images" {
        return folder::survey(&own_name(&config.path), Path::new(&config.path), &mut Watch::new(tell));
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
    let images = idx::images(&images_shown, gzip::open(&images_file)?, Layout::Rows, config, watch)?;
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
}
