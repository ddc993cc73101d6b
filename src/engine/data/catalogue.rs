//! The bundled datasets: what they are, and where they may lie.

use std::path::PathBuf;

use crate::config::DataConfig;

/// A bundled dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogueEntry {
    pub name: &'static str,
    pub description: &'static str,
    pub licence: &'static str,
    /// Number of images, or of points.
    pub images: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Names of the classes.
    pub classes: &'static [&'static str],
    /// Names of the idx files, images and labels, without `.gz`; `None` for a folder of pictures.
    pub idx_files: Option<(&'static str, &'static str)>,
    /// Made by formula, and stored nowhere; the others are inside the binary as well.
    pub by_formula: bool,
    /// The folder it was found in; the one inside the binary is taken where there is none.
    pub found: Option<PathBuf>,
}

/// The classes of MNIST.
pub const DIGITS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
/// The classes of Fashion-MNIST.
pub const CLOTHES: &[&str] =
    &["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];
const EMOJI: &[&str] = &[
    "activities",
    "animals-nature",
    "flags",
    "food-drink",
    "objects",
    "people-body",
    "smileys-emotion",
    "symbols",
    "travel-places",
];
const TRAIN: (&str, &str) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
const TEST: (&str, &str) = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");

/// Every bundled dataset, each with the folder it is found in.
pub fn catalogue() -> Vec<CatalogueEntry> {
    let entry = |name, description, licence, images, (height, width, channels), classes, idx_files| {
        let found = places(name).into_iter().find(|place| place.is_dir());
        CatalogueEntry {
            name,
            description,
            licence,
            images,
            height,
            width,
            channels,
            classes,
            idx_files,
            by_formula: false,
            found,
        }
    };
    let points = |name, description, classes| {
        let num_points = DataConfig::default().num_points;
        CatalogueEntry {
            found: None,
            by_formula: true,
            ..entry(name, description, "CC0", num_points, (1, 1, 2), classes, None)
        }
    };
    vec![
        entry(
            "mnist",
            "handwritten digits, the complete training set",
            "CC BY-SA 3.0",
            60_000,
            (28, 28, 1),
            DIGITS,
            Some(TRAIN),
        ),
        entry(
            "mnist-10k",
            "the first 1,000 of each handwritten digit",
            "CC BY-SA 3.0",
            10_000,
            (28, 28, 1),
            DIGITS,
            Some(TRAIN),
        ),
        entry(
            "fashion-mnist-10k",
            "clothes, Fashion-MNIST's test set",
            "MIT",
            10_000,
            (28, 28, 1),
            CLOTHES,
            Some(TEST),
        ),
        entry("emoji-32", "Noto emoji in colour, on white", "Apache-2.0", 1_892, (32, 32, 3), EMOJI, None),
        entry("emoji-64", "the same emoji, larger", "Apache-2.0", 1_892, (64, 64, 3), EMOJI, None),
        points("two_moons", "points: two interleaved half circles", &["upper", "lower"]),
        points("swiss_roll", "points: a spiral", &[]),
        points(
            "eight_gaussians",
            "points: eight normal distributions on a circle",
            &["0°", "45°", "90°", "135°", "180°", "225°", "270°", "315°"],
        ),
        points("checkerboard", "points: the dark squares of a board of 4 × 4", &[]),
        points("pinwheel", "points: five bent arms", &["arm 0", "arm 1", "arm 2", "arm 3", "arm 4"]),
        points("picture", "points: the dark pixels of a drawing, a cat unless data.path names another", &[]),
    ]
}

impl CatalogueEntry {
    /// Is it points in the plane?
    pub fn is_points(&self) -> bool {
        self.by_formula
    }
}

/// Where a bundled dataset is looked for, in order: `$DIFFLAB_DATASETS`, `./datasets`, and beside the
/// executable (`datasets/` next to it, or two folders up, as in `target/release/`).
pub(super) fn places(name: &str) -> Vec<PathBuf> {
    let named = std::env::var_os("DIFFLAB_DATASETS").filter(|value| !value.is_empty()).map(PathBuf::from);
    let executable = std::env::current_exe().unwrap_or_default();
    // Its own folder is its first ancestor; two up from there is the third.
    let beside =
        [1, 3].into_iter().filter_map(|up| executable.ancestors().nth(up)).map(|folder| folder.join("datasets"));
    named.into_iter().chain([PathBuf::from("datasets")]).chain(beside).map(|place| place.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::load;

    #[test]
    fn the_catalogue_says_what_the_loader_finds() {
        for entry in catalogue() {
            let data = load(&DataConfig { dataset: entry.name.into(), ..DataConfig::default() }).unwrap();
            assert!(data.warnings.is_empty(), "{:?}", data.warnings);
            assert_eq!(data.len(), entry.images, "{}", entry.name);
            assert_eq!((data.height, data.width, data.channels), (entry.height, entry.width, entry.channels));
            assert_eq!(data.classes, entry.classes);
            assert_eq!(data.labels.len(), if entry.classes.is_empty() { 0 } else { data.len() }, "{}", entry.name);
            assert!(data.class_counts().iter().all(|&count| count > 0));
        }
    }
}
