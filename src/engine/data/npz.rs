//! Images and labels in NumPy's files: which array is which, and what its numbers mean.

use std::path::Path;

use super::arrays::{self, Arrays, Named, Unread, meant};
use super::idx::IdxImages;
use super::idx_files::{Classes, dataset};
use super::intake::{Intake, LARGEST_SIDE};
use super::npy::Element;
use super::npz_labels::labels;
use super::shown::shown_path;
use super::watch::Watch;
use super::{DataError, Dataset};
use crate::config::DataConfig;
use crate::thousands::thousands;

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
/// Arrays that can't be read and are named; the rest is counted.
const MOST_NAMED: usize = 5;

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
    let found = arrays::list(path)?;
    let Arrays { arrays, unread, .. } = &found;
    let Some(images) = choose(arrays) else {
        let mut there: Vec<String> = arrays
            .iter()
            .map(|Named { name, array, .. }| format!("{name} of shape {:?}, {}", array.shape, array.element))
            .collect();
        there.extend(unread.iter().map(Unread::shown));
        let there = if there.is_empty() { "no arrays at all".into() } else { there.join("; ") };
        return Err(DataError::Malformed {
            file: shown,
            expected: "an array of images, numbers as [N, H, W], [N, H, W, C] or [N, C, H, W] with 1, 3 or 4 channels"
                .into(),
            found: there,
        });
    };
    let Some(layout) = layout(images) else { return Err(unlike_images(images)) };
    let mut notes = Vec::new();
    let of_labels = labels(&found, images, layout.count, config, &mut notes)?;
    let labels = of_labels.labels;
    let (read, meaning) = read(images, &layout, config, watch)?;
    let of = labels.as_ref().map_or("without labels".to_string(), |labels| format!("with the labels {}", labels.name));
    let mut said = format!("read {} images from {} {of}, {meaning}", thousands(layout.count), images.name);
    if layout.shape.2 > 1 {
        said += if layout.planes { ", channels first" } else { ", channels last" };
    }
    let rest = arrays
        .iter()
        .enumerate()
        .filter(|&(place, named)| !std::ptr::eq(named, images) && of_labels.array != Some(place));
    let rest: Vec<&str> = rest.map(|(_, named)| named.name.as_str()).collect();
    if !rest.is_empty() {
        said += &format!("; left out {}", rest.join(", "));
    }
    notes.insert(0, said);
    let read_of = of_labels.array.and_then(|place| arrays.get(place)).filter(|_| labels.is_some());
    notes.extend([Some(images), read_of].into_iter().flatten().filter_map(Named::behind_it));
    let untold = unread.iter().enumerate().filter(|&(place, _)| of_labels.unread != Some(place));
    let untold: Vec<String> = untold.map(|(_, unread)| format!("left out {}", unread.shown())).collect();
    notes.extend(untold.iter().take(MOST_NAMED).cloned());
    if untold.len() > MOST_NAMED {
        notes.push(format!("left out {} more arrays that can't be read", untold.len() - MOST_NAMED));
    }
    notes.extend(found.notes.iter().cloned());
    let (labels, classes) = labels.map(|labels| ((labels.name, labels.numbers), labels.classes)).unzip();
    let mut data = dataset(name, images.shown(), read, labels, Classes::Found(classes.unwrap_or_default()))?;
    data.warnings = notes;
    Ok(data)
}

fn unlike_images(images: &Named) -> DataError {
    DataError::Malformed {
        file: images.shown(),
        expected: "images as [N, H, W], [N, H, W, C] or [N, C, H, W] with 1, 3 or 4 channels".into(),
        found: format!("shape {:?}, {}", images.array.shape, images.array.element),
    }
}

/// The array of images: by its name, else the one with the most elements that is shaped like images.
fn choose(arrays: &[Named]) -> Option<&Named> {
    let shaped: Vec<&Named> = arrays
        .iter()
        .filter(|named| matches!(named.array.shape.len(), 3 | 4) && !named.array.element.is_text())
        .collect();
    let names = shaped.iter().map(|named| named.name.as_str());
    let named = IMAGES.iter().find_map(|wanted| shaped.get(meant(names.clone(), wanted)?));
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
            let (mut least, mut most, mut nan, mut infinite) = (f64::INFINITY, f64::NEG_INFINITY, 0usize, 0usize);
            images.read(len, |bytes| {
                numbers.clear();
                array.numbers(bytes, &mut numbers);
                for &number in &numbers {
                    if number.is_finite() {
                        (least, most) = (least.min(number), most.max(number));
                    }
                    nan += usize::from(number.is_nan());
                    infinite += usize::from(number.is_infinite());
                }
                watch.at("looking at", 0, layout.count)
            })?;
            if nan + infinite > 0 {
                return Err(not_finite(images, (nan, infinite), (least, most)));
            }
            let float = array.element.is_float();
            meaning(least, most, float).ok_or_else(|| beyond(images, least, most, float))?
        }
    };
    images.check()?;
    let mut intake = Intake::new(layout.count, layout.shape, config)?;
    let (mut image, mut scratch, mut done, mut brightest) = (Vec::with_capacity(len), Vec::new(), 0, 0);
    images.read(len, |bytes| {
        image.clear();
        if array.element == Element::Unsigned(1) {
            image.extend_from_slice(bytes);
            // No further than the first image that is no mask.
            if brightest <= 1 {
                brightest = bytes.iter().copied().fold(brightest, u8::max);
            }
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
    if array.element == Element::Unsigned(1) && brightest == 1 {
        return Err(beyond(images, 0.0, 1.0, false));
    }
    let (height, width, channels) = intake.shape();
    Ok((IdxImages { count: layout.count, height, width, channels, pixels: intake.pixels() }, meaning))
}

/// The refusal of arrays with so many NaN and infinite numbers, the others from `least` to `most`, with the cure.
fn not_finite(images: &Named, (nan, infinite): (usize, usize), (least, most): (f64, f64)) -> DataError {
    let all = thousands(images.array.elements().unwrap_or(usize::MAX));
    let found = match (nan, infinite) {
        _ if least > most => format!("none among its {all}, only NaN or infinite: is this the array that was meant?"),
        (nan, 0) => format!(
            "{} NaN among its {all}; numpy.nan_to_num(x) replaces them, numpy.isnan(x) finds them",
            thousands(nan)
        ),
        (nan, infinite) => {
            let nan = if nan > 0 { format!("{} NaN and ", thousands(nan)) } else { String::new() };
            format!(
                "{nan}{} infinite among its {all}; numpy.nan_to_num(x, posinf={most}, neginf={least}) replaces them by \
                 the largest and the smallest of the others, numpy.isfinite(x) finds those",
                thousands(infinite)
            )
        }
    };
    DataError::Malformed { file: images.shown(), expected: "numbers".into(), found }
}

/// The factor and the summand that make bytes of numbers from `least` to `most`, and what they were taken for.
fn meaning(least: f64, most: f64, float: bool) -> Option<(f64, f64, &'static str)> {
    match (least, most) {
        (least, most) if least >= 0.0 && most <= 1.0 && float => Some((255.0, 0.0, "taken to lie in [0, 1]")),
        (least, most) if least >= -1.0 && most <= 1.0 && float => Some((127.5, 127.5, "taken to lie in [-1, 1]")),
        // Of 255 these would all be black: they were meant otherwise.
        (least, most) if least >= 0.0 && (most == 1.0 || float && most < 2.0) => None,
        (least, most) if least >= 0.0 && most <= 255.0 => Some((1.0, 0.0, "taken to lie in [0, 255]")),
        (least, most) if least >= 0.0 && most <= 65535.0 && !float => {
            Some((1.0 / 257.0, 0.0, "taken to lie in [0, 65535]"))
        }
        _ => None,
    }
}

/// The refusal of numbers that lie in none of the usual ranges, with what brings them there.
fn beyond(images: &Named, least: f64, most: f64, float: bool) -> DataError {
    let cure = match (float, least, most) {
        (false, 0.0, 1.0) => "; save x.astype(bool) for black and white, or x * 255",
        (true, least, most) if least >= 0.0 && most < 2.0 => "; numpy.clip(x, 0, 1) brings them into [0, 1]",
        (true, least, most) if least > -2.0 && most < 2.0 => "; numpy.clip(x, -1, 1) brings them into [-1, 1]",
        (false, least, most) if (-128.0..0.0).contains(&least) && most <= 127.0 => {
            "; x.view(numpy.uint8) if they are bytes, or x + 128 if 0 is grey"
        }
        (true, ..) => "; (x - x.min()) / (x.max() - x.min()) brings them into [0, 1]",
        (false, ..) => "",
    };
    let expected = match float {
        true => "floats in [0, 1], [-1, 1] or [0, 255]",
        false => "whole numbers in [0, 255] or [0, 65535]",
    };
    let found = format!("numbers from {least} to {most}{cure}");
    DataError::Malformed { file: images.shown(), expected: expected.into(), found }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::npy::file;
    use super::*;

    fn read(path: &Path) -> Result<Dataset, DataError> {
        let config = DataConfig { path: path.display().to_string(), ..DataConfig::default() };
        load("own", &config, &mut Watch::new(&mut |_| {}))
    }

    #[test]
    fn nan_is_refused_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        for (numbers, told) in [
            ([0.5, f32::NAN, 1.0, f32::NAN], "2 NaN among its 4"),
            ([f32::NAN, 0.5, 0.5, 0.5], "1 NaN among its 4"),
            ([0.5, f32::INFINITY, 1.0, 0.0], "1 infinite among its 4; numpy.nan_to_num(x, posinf=1, neginf=0)"),
            (
                [0.5, f32::NEG_INFINITY, f32::NAN, 0.0],
                "1 NaN and 1 infinite among its 4; numpy.nan_to_num(x, posinf=0.5",
            ),
            ([f32::NAN; 4], "none among its 4, only NaN or infinite"),
        ] {
            let elements = numbers.map(f32::to_le_bytes).concat();
            std::fs::write(&path, file("<f4", "(1, 2, 2)", false, &elements)).unwrap();
            let refusal = read(&path).unwrap_err().to_string();
            assert!(refusal.contains("x.npy") && refusal.contains(told), "{refusal}");
        }
    }

    #[test]
    fn arrays_that_are_no_images_are_told_with_what_they_hold() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        for (descr, shape, elements, told) in [
            ("|S3", "(1, 1, 1, 3)", &b"catoxoant"[..], "found x of shape [1, 1, 1, 3], text (S3)"),
            ("<u2", "(1, 2)", &[0; 4], "found x of shape [1, 2], uint16"),
            ("|i1", "(1, 2, 2, 2)", &[0; 8], "found shape [1, 2, 2, 2], int8"),
        ] {
            std::fs::write(&path, file(descr, shape, false, elements)).unwrap();
            let refusal = read(&path).unwrap_err().to_string();
            assert!(refusal.contains(told), "{descr}: {refusal}");
        }
    }

    #[test]
    fn numbers_that_would_be_black_of_255_are_refused_with_the_cure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        let floats = |numbers: [f32; 2]| numbers.map(f32::to_le_bytes).concat();
        for (descr, elements, told) in [
            ("|u1", vec![0, 1], "numbers from 0 to 1; save x.astype(bool)"),
            ("<i8", [0i64, 1].map(i64::to_le_bytes).concat(), "numbers from 0 to 1; save x.astype(bool)"),
            ("<f4", floats([0.0, 1.0625]), "to 1.0625; numpy.clip(x, 0, 1)"),
            ("<f4", floats([-1.0625, 1.0]), "numpy.clip(x, -1, 1)"),
            ("|i1", vec![0x80, 0x7f], "whole numbers in [0, 255] or [0, 65535], found numbers from -128 to 127"),
        ] {
            std::fs::write(&path, file(descr, "(1, 1, 2)", false, &elements)).unwrap();
            let refusal = read(&path).unwrap_err().to_string();
            assert!(refusal.contains("x.npy") && refusal.contains(told), "{descr}: {refusal}");
        }
        for (descr, elements) in [("|u1", vec![0, 0]), ("|b1", vec![0, 1]), ("<f4", floats([0.0, 1.0]))] {
            std::fs::write(&path, file(descr, "(1, 1, 2)", false, &elements)).unwrap();
            assert!(read(&path).is_ok(), "{descr}");
        }
    }

    #[test]
    fn names_of_arrays_do_not_act_on_the_terminal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, elements) in [("im\u{1b}ages.npy", [7; 2]), ("more\u{7}.npy", [8; 2])] {
            archive.start_file(name, stored).unwrap();
            archive.write_all(&file("|u1", "(1, 1, 2)", false, &elements)).unwrap();
        }
        archive.finish().unwrap();
        let said = read(&path).unwrap().warnings.join(" ");
        assert!(said.contains("\\u{1b}") && !said.contains(['\u{1b}', '\u{7}']), "{said:?}");
    }

    #[test]
    fn of_several_archives_the_chosen_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, value: u8| {
            let mut archive = zip::ZipWriter::new(std::fs::File::create(folder.path().join(name)).unwrap());
            let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            archive.start_file("images.npy", stored).unwrap();
            archive.write_all(&file("|u1", "(1, 1, 2)", false, &[value; 2])).unwrap();
            archive.finish().unwrap();
        };
        write("shard_0.npz", 7);
        assert_eq!(read(folder.path()).unwrap().warnings.len(), 1);
        write("shard_1.npz", 8);
        let data = read(folder.path()).unwrap();
        assert_eq!(data.pixels.bytes(), [7, 7]);
        assert!(data.warnings[1].starts_with("chose shard_0.npz of 2 NumPy files"), "{:?}", data.warnings);
    }
}
