//! Images and labels in NumPy's files: which array is which, and what its numbers mean.

use std::path::Path;

use super::arrays::{self, Arrays, Named};
use super::idx::IdxImages;
use super::idx_files::{Classes, dataset};
use super::intake::{Intake, LARGEST_SIDE};
use super::npy::Element;
use super::shown::shown_path;
use super::watch::Watch;
use super::{DataError, Dataset, thousands};
use crate::config::DataConfig;

/// Names of arrays of images, best first: Keras' and MedMNIST's, and what people call them.
const IMAGES: [&str; 14] = [
    "x_train",
    "train_images",
    "images_train",
    "train_x",
    "train_data",
    "data_train",
    "images",
    "image",
    "x",
    "data",
    "train",
    "imgs",
    "samples",
    "arr_0",
];
/// Names of labels where the images' name has no other half.
const LABELS: [&str; 10] =
    ["y", "labels", "label", "targets", "target", "classes", "y_train", "train_labels", "labels_train", "arr_1"];
/// Room is made at once for as many bytes as this times the file's.
const BELIEVED: u64 = 8;

/// How an array of images is laid out, and what its numbers mean.
struct Images {
    count: usize,
    /// Height, width, channels.
    shape: (usize, usize, usize),
    planes: bool,
}

/// A user's own arrays: `data.path` names an archive, a file or a folder of files; `data.labels` an array of it,
/// or a `.npy` file.
///
/// # Errors
/// Files that are broken, arrays that are no images, labels that don't fit.
pub(super) fn load(name: &str, config: &DataConfig, watch: &mut Watch) -> Result<Dataset, DataError> {
    let path = Path::new(&config.path);
    let shown = shown_path(path);
    if !path.exists() {
        let problem = "there is no such file or folder; check data.path".into();
        return Err(DataError::Missing { path: shown, problem });
    }
    let Arrays { arrays, unread } = arrays::list(path)?;
    let Some(images) = choose(&arrays) else {
        let mut there: Vec<String> =
            arrays.iter().map(|named| format!("{} of shape {:?}", named.name, named.array.shape)).collect();
        there.extend(unread);
        let there = if there.is_empty() { "no arrays at all".into() } else { there.join("; ") };
        return Err(DataError::Malformed {
            file: shown,
            expected: "an array of images, [N, H, W], [N, H, W, C] or [N, C, H, W] with 1, 3 or 4 channels".into(),
            found: there,
        });
    };
    let Some(layout) = layout(images) else { return Err(unlike_images(images)) };
    let mut notes = Vec::new();
    let labels = labels(&arrays, images, layout.count, config, &mut notes)?;
    let (read, meaning) = read(images, &layout, config, watch)?;
    let of = labels.as_ref().map_or("without labels".to_string(), |(name, _)| format!("with the labels {name}"));
    let mut said = format!("read {} images from {} {of}, {meaning}", thousands(layout.count), images.name);
    if layout.shape.2 > 1 {
        said += if layout.planes { ", channels first" } else { ", channels last" };
    }
    let used =
        |named: &&Named| named.name != images.name && labels.as_ref().is_none_or(|(name, _)| *name != named.name);
    let rest: Vec<&str> = arrays.iter().filter(used).map(|named| named.name.as_str()).collect();
    if !rest.is_empty() {
        said += &format!("; left out {}", rest.join(", "));
    }
    notes.insert(0, said);
    let mut data = dataset(name, images.shown(), read, labels, Classes::Found(Vec::new()))?;
    data.warnings = notes;
    Ok(data)
}

fn unlike_images(images: &Named) -> DataError {
    DataError::Malformed {
        file: images.shown(),
        expected: "images as [N, H, W], [N, H, W, C] or [N, C, H, W] with 1, 3 or 4 channels".into(),
        found: format!("shape {:?}", images.array.shape),
    }
}

/// The array of images: by its name, else the one with the most elements that is shaped like images.
fn choose(arrays: &[Named]) -> Option<&Named> {
    let shaped: Vec<&Named> = arrays.iter().filter(|named| matches!(named.array.shape.len(), 3 | 4)).collect();
    let named = IMAGES.iter().find_map(|wanted| shaped.iter().find(|named| named.name == *wanted));
    named.or_else(|| shaped.iter().max_by_key(|named| named.array.elements())).copied()
}

fn layout(images: &Named) -> Option<Images> {
    let channels = |n: usize| matches!(n, 1 | 3 | 4);
    let sane = |n: usize| (1..=LARGEST_SIDE).contains(&n);
    let layout = match images.array.shape[..] {
        [count, height, width] => Images { count, shape: (height, width, 1), planes: false },
        [count, height, width, c] if channels(c) => Images { count, shape: (height, width, c), planes: false },
        [count, c, height, width] if channels(c) => Images { count, shape: (height, width, c), planes: true },
        _ => return None,
    };
    let (height, width, _) = layout.shape;
    (layout.count > 0 && sane(height) && sane(width)).then_some(layout)
}

/// The labels that belong to an array of images, and the name of their array.
fn labels(
    arrays: &[Named],
    images: &Named,
    count: usize,
    config: &DataConfig,
    notes: &mut Vec<String>,
) -> Result<Option<(String, Vec<u32>)>, DataError> {
    let given;
    let found = match config.labels.as_str() {
        "" => labels_for(&images.name).into_iter().find_map(|name| arrays.iter().find(|named| named.name == name)),
        asked => match arrays.iter().find(|named| named.name == asked.to_lowercase()) {
            Some(named) => Some(named),
            None if Path::new(asked).is_file() => {
                given = arrays::list(Path::new(asked))?.arrays;
                given.first()
            }
            None => {
                let problem = "there is no such array or labels file; check data.labels".into();
                return Err(DataError::Missing { path: asked.into(), problem });
            }
        },
    };
    let Some(named) = found else { return Ok(None) };
    let columns = named.array.shape.get(1..).map(|more| more.iter().all(|&n| n == 1));
    if columns != Some(true) {
        notes.push(format!(
            "left out the labels {}: their shape is {:?}, and an image has one class here; save [N] numbers",
            named.name, named.array.shape
        ));
        return Ok(None);
    }
    if named.array.shape[0] != count {
        return Err(DataError::Malformed {
            file: named.shown(),
            expected: format!("{count} labels, one for each image of {}", images.name),
            found: named.array.shape[0].to_string(),
        });
    }
    let mut labels = Vec::new();
    let mut number = Vec::new();
    named.read(1, |bytes| {
        number.clear();
        named.array.numbers(bytes, &mut number);
        match number[..] {
            [label] if label >= 0.0 && label <= f64::from(u32::MAX) && label.fract() == 0.0 => {
                labels.push(label as u32);
                Ok(())
            }
            _ => Err(DataError::Malformed {
                file: named.shown(),
                expected: "labels that are whole numbers from 0".into(),
                found: number.first().map_or("none".into(), f64::to_string),
            }),
        }
    })?;
    Ok(Some((named.name.clone(), labels)))
}

/// What the labels of an array of images may be called: its own name with the other half of a pair, then the
/// usual names.
fn labels_for(images: &str) -> Vec<String> {
    let mut names: Vec<String> = [
        ("images", "labels"),
        ("images", "label"),
        ("image", "label"),
        ("data", "labels"),
        ("data", "target"),
        ("imgs", "labels"),
    ]
    .iter()
    .map(|(this, other)| images.replace(this, other))
    .collect();
    names.push(images.strip_prefix('x').map(|rest| format!("y{rest}")).unwrap_or_default());
    names.push(images.strip_suffix("_x").map(|rest| format!("{rest}_y")).unwrap_or_default());
    names.extend(LABELS.map(String::from));
    names.retain(|name| name != images);
    names
}

/// The images as bytes, and what their numbers were taken for, in words.
fn read(
    images: &Named,
    layout: &Images,
    config: &DataConfig,
    watch: &mut Watch,
) -> Result<(IdxImages, &'static str), DataError> {
    let array = &images.array;
    let (height, width, channels) = layout.shape;
    let len = height * width * channels;
    let mut numbers = Vec::new();
    let (scale, offset, meaning) = match array.element {
        Element::Unsigned(1) => (1.0, 0.0, "bytes from 0 to 255"),
        Element::Bool => (255.0, 0.0, "false as black and true as white"),
        _ => {
            let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
            images.read(len, |bytes| {
                numbers.clear();
                array.numbers(bytes, &mut numbers);
                for &number in &numbers {
                    // A NaN stays, and is found below.
                    least = if number >= least { least } else { number };
                    most = if number <= most { most } else { number };
                }
                watch.at("looking at", 0, layout.count)
            })?;
            meaning(least, most, array.element.is_float()).ok_or_else(|| DataError::Malformed {
                file: images.shown(),
                expected: "numbers in [0, 1], [-1, 1] or [0, 255]".into(),
                found: format!("numbers from {least} to {most}"),
            })?
        }
    };
    let believed = usize::try_from(images.stored.saturating_mul(BELIEVED) / len as u64).unwrap_or(usize::MAX);
    let mut intake = Intake::new(layout.count, layout.shape, config, believed)?;
    let (mut image, mut scratch, mut done) = (Vec::with_capacity(len), Vec::new(), 0);
    images.read(len, |bytes| {
        image.clear();
        if array.element == Element::Unsigned(1) {
            image.extend_from_slice(bytes);
        } else {
            numbers.clear();
            array.numbers(bytes, &mut numbers);
            image.extend(numbers.iter().map(|number| (number * scale + offset).round().clamp(0.0, 255.0) as u8));
        }
        match layout.planes {
            true => intake.push_planes(&image, &mut scratch),
            false => intake.push(&image),
        }
        done += 1;
        watch.at("loading", done, layout.count)
    })?;
    let (height, width, channels) = intake.shape();
    Ok((IdxImages { count: layout.count, height, width, channels, pixels: intake.pixels() }, meaning))
}

/// The factor and the summand that make bytes of numbers from `least` to `most`, and what they were taken for.
fn meaning(least: f64, most: f64, float: bool) -> Option<(f64, f64, &'static str)> {
    match (least, most) {
        (least, most) if least >= 0.0 && most <= 1.0 && float => Some((255.0, 0.0, "taken to lie in [0, 1]")),
        (least, most) if least >= -1.0 && most <= 1.0 && float => Some((127.5, 127.5, "taken to lie in [-1, 1]")),
        (least, most) if least >= 0.0 && most <= 255.0 => Some((1.0, 0.0, "taken to lie in [0, 255]")),
        (least, most) if least >= 0.0 && most <= 65535.0 && !float => {
            Some((1.0 / 257.0, 0.0, "taken to lie in [0, 65535]"))
        }
        _ => None,
    }
}
