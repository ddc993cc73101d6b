//! The bundled datasets inside the binary, so that an installed difflab runs anywhere: MNIST's training files and
//! Fashion-MNIST's test files as they lie in datasets/, and the emoji, packed by build.rs.

use std::sync::Arc;

use image::ImageFormat;

use super::catalogue::CatalogueEntry;
use super::gzip::Content;
use super::idx::{self, IdxImages, Layout};
use super::idx_files::{Classes, dataset};
use super::room::room_for;
use super::watch::Watch;
use super::{DataError, Dataset, mnist_places, resize};
use crate::config::DataConfig;

/// Where embedded data come from, in words.
const SOURCE: &str = "inside the program";

/// Images and labels, idx files in gzip.
struct Files {
    images: &'static [u8],
    labels: &'static [u8],
}

static MNIST: Files = Files {
    images: include_bytes!("../../../datasets/mnist/train-images-idx3-ubyte.gz"),
    labels: include_bytes!("../../../datasets/mnist/train-labels-idx1-ubyte.gz"),
};

static FASHION: Files = Files {
    images: include_bytes!("../../../datasets/fashion-mnist-10k/t10k-images-idx3-ubyte.gz"),
    labels: include_bytes!("../../../datasets/fashion-mnist-10k/t10k-labels-idx1-ubyte.gz"),
};

/// PNG after PNG, each behind its class and its length, u32 little-endian both.
static EMOJI_32: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/emoji-32.pack"));
static EMOJI_64: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/emoji-64.pack"));

/// Images of each digit in mnist-10k.
const OF_EACH: usize = 1000;

/// The licences and notices of what is inside, as they lie beside the data.
pub fn licences() -> String {
    let part = |what: &str, texts: &[&str]| format!("# {what}\n\n{}\n", texts.join("\n"));
    [
        part("mnist, mnist-10k", &[include_str!("../../../datasets/mnist/NOTICE")]),
        part(
            "fashion-mnist-10k",
            &[
                include_str!("../../../datasets/fashion-mnist-10k/NOTICE"),
                include_str!("../../../datasets/fashion-mnist-10k/LICENSE"),
            ],
        ),
        part(
            "emoji-32",
            &[include_str!("../../../datasets/emoji-32/NOTICE"), include_str!("../../../datasets/emoji-32/LICENSE")],
        ),
        part(
            "emoji-64",
            &[include_str!("../../../datasets/emoji-64/NOTICE"), include_str!("../../../datasets/emoji-64/LICENSE")],
        ),
        part("picture", &[include_str!("../../../datasets/picture/LICENSE")]),
        part(
            "the digit judge",
            &[
                include_str!("../../../datasets/judge/NOTICE"),
                include_str!("../../../datasets/judge/LICENSE.digit_recognizer"),
            ],
        ),
        part("the clothes judge", &[include_str!("../../../datasets/judge/NOTICE.clothes_reader")]),
    ]
    .join("\n")
}

/// Loads the dataset of an entry from the binary, resized and recoloured as `config` asks: the same as from its folder.
///
/// # Errors
/// No room for it.
pub(super) fn load(entry: &CatalogueEntry, config: &DataConfig, watch: &mut Watch) -> Result<Dataset, DataError> {
    match entry.name {
        "emoji-32" => emoji(entry, EMOJI_32, config),
        "emoji-64" => emoji(entry, EMOJI_64, config),
        "fashion-mnist-10k" => digits_or_clothes(entry, &FASHION, usize::MAX, config, watch),
        "mnist-10k" => digits_or_clothes(entry, &MNIST, OF_EACH, config, watch),
        _ => digits_or_clothes(entry, &MNIST, usize::MAX, config, watch),
    }
}

/// The first `of_each` of every class.
fn digits_or_clothes(
    entry: &CatalogueEntry,
    files: &Files,
    of_each: usize,
    config: &DataConfig,
    watch: &mut Watch,
) -> Result<Dataset, DataError> {
    let mut labels = idx::labels(SOURCE, unpacked(files.labels)?)?;
    let mut images = match mnist_places::images(files.images, config, watch)? {
        Some(images) => images,
        None => idx::images(SOURCE, unpacked(files.images)?, Layout::Rows, config, watch)?,
    };
    if of_each != usize::MAX {
        keep_first(&mut images, &mut labels, of_each);
    }
    let classes = Classes::Known(entry.classes.iter().map(|class| class.to_string()).collect());
    dataset(entry.name, SOURCE.into(), images, Some((SOURCE.into(), labels)), classes)
}

/// Keeps the first `of_each` images of every class, in place and in their order.
fn keep_first(images: &mut IdxImages, labels: &mut Vec<u32>, of_each: usize) {
    let len = images.height * images.width * images.channels;
    let mut counts = std::collections::HashMap::new();
    let mut kept = 0;
    for index in 0..labels.len() {
        let count = counts.entry(labels[index]).or_insert(0);
        if *count < of_each {
            *count += 1;
            labels[kept] = labels[index];
            images.pixels.copy_within(index * len..(index + 1) * len, kept * len);
            kept += 1;
        }
    }
    labels.truncate(kept);
    images.pixels.truncate(kept * len);
    images.count = kept;
}

fn emoji(entry: &CatalogueEntry, packed: &[u8], config: &DataConfig) -> Result<Dataset, DataError> {
    let damaged = |reason: String| DataError::Unreadable { path: SOURCE.into(), reason };
    let channels = if config.channels == 0 { entry.channels } else { config.channels };
    let side = u32::try_from(config.image_size).unwrap_or(u32::MAX);
    let (height, width) = if side == 0 { (entry.height, entry.width) } else { (side as usize, side as usize) };
    let mut pixels = room_for(entry.images, (height, width, channels))?;
    let mut labels = Vec::with_capacity(entry.images);
    let (mut rest, mut places) = (packed, pixels.chunks_exact_mut(height * width * channels));
    while let Some((class, after)) = number(rest) {
        let (length, after) = number(after).ok_or_else(|| damaged("the emoji end early".into()))?;
        let (png, after) =
            after.split_at_checked(length as usize).ok_or_else(|| damaged("an emoji is cut off".into()))?;
        rest = after;
        let picture = image::load_from_memory_with_format(png, ImageFormat::Png).map_err(|e| damaged(e.to_string()))?;
        let bytes = resize::to_bytes(resize::to_rgb(picture, side), channels);
        let place = places.next().filter(|place| place.len() == bytes.len());
        place.ok_or_else(|| damaged("an emoji is of another size than the others".into()))?.copy_from_slice(&bytes);
        labels.push(class);
    }
    Ok(Dataset {
        name: entry.name.into(),
        source: SOURCE.into(),
        height,
        width,
        channels,
        pixels: pixels.into(),
        labels: Arc::new(labels),
        classes: entry.classes.iter().map(|class| class.to_string()).collect(),
        warnings: Vec::new(),
    })
}

/// A u32 and what follows it; None at the end.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number), rest))
}

fn unpacked(bytes: &'static [u8]) -> Result<Content<&'static [u8]>, DataError> {
    let unreadable = |error: std::io::Error| DataError::Unreadable { path: SOURCE.into(), reason: error.to_string() };
    Content::new(bytes, bytes.len() as u64).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::catalogue::catalogue;
    use crate::data::{DataIdentity, load as load_anywhere};

    #[test]
    fn what_is_inside_is_what_lies_in_the_folders_as_stored_and_resized() {
        for entry in catalogue().into_iter().filter(|entry| !entry.is_points()) {
            let stored = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/").to_string() + entry.name;
            let small = DataConfig { image_size: 16, channels: 1, ..DataConfig::default() };
            for config in [DataConfig::default(), small] {
                let config = DataConfig { dataset: entry.name.into(), ..config };
                let folder = load_anywhere(&DataConfig { path: stored.clone(), ..config.clone() }).unwrap();
                let inside = load(&entry, &config, &mut Watch::new(&mut |_| {})).unwrap();
                assert_eq!(inside.len(), entry.images, "{}", entry.name);
                assert_eq!(inside.pixels.bytes(), folder.pixels.bytes(), "{}", entry.name);
                assert_eq!((&inside.labels, &inside.classes), (&folder.labels, &folder.classes), "{}", entry.name);
                assert_eq!(DataIdentity::of(&inside), DataIdentity::of(&folder), "a run goes on with either");
                assert!(inside.warnings.is_empty());
            }
        }
    }

    #[test]
    fn the_licences_come_along() {
        let text = licences();
        for part in ["Yann LeCun", "Zalando", "Apache License", "permission notice shall be included", "# picture"] {
            assert!(text.contains(part), "{part} is missing");
        }
    }
}
