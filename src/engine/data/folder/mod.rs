//! A folder of pictures of any size; sub-folders are classes, or a labels file says them.

mod jpeg;
mod kind;
mod label_file;
mod listing;
mod open;
mod own_runs;
mod png;
mod quotes;
mod scan;
mod tiff;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) use kind::named_as_picture;
pub(super) use open::{look, with_picture};
pub(super) use own_runs::holds_only_runs;
use scan::{FoundPicture, Scan, scan, skipped};

use super::parallel::in_parallel;
use super::room::room_for;
use super::shown::shown_path;
use super::survey::shows_grey;
use super::watch::Watch;
use super::{DataError, Dataset, Survey, resize};

/// The longest side, in pixels, of pictures that are trained on as they are.
const LARGEST_SIDE: u32 = 1024;

/// Loads a folder. `image_size` 0 keeps the pictures' own size, which must then be the same for all;
/// `channels` 0 gives grey where every picture is stored without colour, else RGB. The order is that of the
/// classes, and then of the sorted paths. Files that can't be decoded are skipped, counted, and named in a
/// warning, as is what is left out.
///
/// Also what the folder holds, now that all of it was decoded. Beyond the result it needs the memory of one decoded picture a thread.
///
/// # Errors
/// No folder, no pictures, or pictures that differ in size or are too large to be kept as they are: each
/// message says what to set.
pub(super) fn load(
    name: &str,
    folder: &Path,
    image_size: usize,
    channels: usize,
    watch: &mut Watch,
) -> Result<(Dataset, Survey), DataError> {
    let mut scan = scan(folder, watch)?;
    let side = u32::try_from(image_size).unwrap_or(u32::MAX);
    let (width, height) = if scan.pictures.is_empty() {
        return Err(scan.nothing(folder));
    } else if side > 0 {
        (side, side)
    } else {
        own_size(&scan)?
    };
    let channels = if channels == 0 { scan.channels() } else { channels };
    let stored_in_colour = scan.channels() == 3;
    let (width, height) = (width as usize, height as usize);
    let image_len = width * height * channels;
    let mut pixels = room_for(scan.pictures.len(), (height, width, channels))?;

    let total = scan.pictures.len();
    let places = scan.pictures.iter().zip(pixels.chunks_exact_mut(image_len));
    let read = |(found, place): (&FoundPicture, &mut [u8])| {
        let rgb = with_picture(&found.path, |picture| resize::to_rgb(picture, side))?;
        let grey = shows_grey(rgb.as_raw());
        let bytes = resize::to_bytes(rgb, channels);
        // A file that changed since it was looked at.
        if bytes.len() != place.len() {
            return Err("it is of another size than its header said".to_string());
        }
        place.copy_from_slice(&bytes);
        Ok(grey)
    };
    let results = in_parallel(places, total, "loading", watch, read)?;

    let all_grey = results.iter().all(|result| *result != Ok(false));
    scan.keep_read(&results, &mut pixels, image_len);
    if scan.pictures.is_empty() {
        return Err(scan.nothing(folder));
    }
    let mut warnings = scan.warnings();
    if channels == 3 && stored_in_colour && all_grey {
        warnings.push("every picture is grey, though stored in colour: data.channels = 1 would learn faster".into());
    }
    let survey = Survey { shows_grey: all_grey, ..scan.survey(name, folder) };
    let labels = if scan.classes.is_empty() { Vec::new() } else { scan.pictures.iter().map(|f| f.class).collect() };
    let data = Dataset {
        name: name.into(),
        source: shown_path(folder),
        height,
        width,
        channels,
        pixels: pixels.into(),
        labels: Arc::new(labels),
        classes: scan.classes,
        warnings,
    };
    Ok((data, survey))
}

/// What a folder holds, without decoding a picture; with `pixels` they are decoded until one shows colour.
///
/// # Errors
/// No folder, or no pictures in it.
pub(super) fn survey(name: &str, folder: &Path, pixels: bool, watch: &mut Watch) -> Result<Survey, DataError> {
    let scan = scan(folder, watch)?;
    if scan.pictures.is_empty() {
        return Err(scan.nothing(folder));
    }
    let shows_grey = scan.channels() == 1 || pixels && nothing_coloured(&scan, watch)?;
    Ok(Survey { shows_grey, ..scan.survey(name, folder) })
}

/// Do all pictures show grey? They are decoded up to the first that doesn't.
fn nothing_coloured(scan: &Scan, watch: &mut Watch) -> Result<bool, DataError> {
    let coloured = AtomicBool::new(false);
    let look = |found: &FoundPicture| {
        if !coloured.load(Ordering::Relaxed) {
            // What can't be decoded will be skipped.
            let grey = with_picture(&found.path, |picture| shows_grey(resize::to_rgb(picture, 0).as_raw()))?;
            coloured.fetch_or(!grey, Ordering::Relaxed);
        }
        Ok(())
    };
    in_parallel(scan.pictures.iter(), scan.pictures.len(), "looking for colour in", watch, look)?;
    Ok(!coloured.into_inner())
}

/// Is anything in a folder, at any depth, named as a picture that is read?
pub(super) fn holds_pictures(folder: &Path) -> bool {
    listing::list(folder).is_ok_and(|listing| listing.files.iter().any(|file| named_as_picture(&file.path)))
}

/// Is a file with these first bytes a picture, read or not?
pub(super) fn is_picture(path: &Path, head: &[u8]) -> bool {
    kind::kind(path, head) != kind::FileKind::Unknown
}

/// Width and height that all pictures have.
fn own_size(scan: &Scan) -> Result<(u32, u32), DataError> {
    let size = |found: &FoundPicture| (found.look.width, found.look.height);
    let first = &scan.pictures[0];
    let (width, height) = size(first);
    let unfit = |problem: String| Err(DataError::Unfit { problem });
    if let Some(other) = scan.pictures.iter().find(|found| size(found) != (width, height)) {
        return unfit(format!(
            "the pictures differ in size: {} is {width}×{height}, {} is {}×{}. Set data.image_size, e.g. 32, to crop \
             and resize them all",
            shown_path(&first.path),
            shown_path(&other.path),
            other.look.width,
            other.look.height
        ));
    }
    if width.max(height) > LARGEST_SIDE {
        return unfit(format!(
            "the pictures are {width}×{height}, and a network here learns {LARGEST_SIDE} pixels a side at most. Set \
             data.image_size, e.g. data.image_size = 64, to crop and resize them"
        ));
    }
    Ok((width, height))
}

impl Scan {
    /// Keeps the pictures that could be read, and their pixels, in place; the others are broken.
    fn keep_read(&mut self, results: &[Result<bool, String>], pixels: &mut Vec<u8>, image_len: usize) {
        let mut kept = 0;
        for (index, (found, result)) in self.pictures.iter().zip(results).enumerate() {
            match result {
                Ok(_) => {
                    if kept < index {
                        pixels.copy_within(index * image_len..(index + 1) * image_len, kept * image_len);
                    }
                    kept += 1;
                }
                Err(reason) => self.broken.push((shown_path(&found.path), reason.clone())),
            }
        }
        pixels.truncate(kept * image_len);
        let mut results = results.iter();
        self.pictures.retain(|_| results.next().is_some_and(Result::is_ok));
        self.drop_empty_classes();
    }

    /// What the user should know of what was skipped, left out and chosen.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.broken.is_empty() {
            warnings.push(skipped(&self.broken, self.broken.len() + self.pictures.len()));
        }
        warnings.extend(self.left_out.iter().map(|kind| format!("left out {kind}")));
        warnings.extend(self.notes.iter().cloned());
        warnings
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    fn folder(path: &Path, image_size: usize, channels: usize) -> Result<Dataset, DataError> {
        load("mine", path, image_size, channels, &mut Watch::new(&mut |_| {})).map(|(data, _)| data)
    }

    fn grey(path: &Path, side: u32, value: u8) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        GrayImage::from_pixel(side, side, Luma([value])).save(path).unwrap();
    }

    #[test]
    fn sub_folders_are_classes_in_sorted_order() {
        let root = tempfile::tempdir().unwrap();
        grey(&root.path().join("b/2.png"), 4, 20);
        grey(&root.path().join("b/10.png"), 4, 10);
        grey(&root.path().join("a/deep/x.PNG"), 4, 30);
        grey(&root.path().join("loose.png"), 4, 99);
        std::fs::create_dir(root.path().join("empty")).unwrap();
        std::fs::write(root.path().join("b/notes.txt"), "not a picture").unwrap();
        let data = folder(root.path(), 0, 0).unwrap();
        assert_eq!(data.classes, ["a", "b"]);
        assert_eq!(*data.labels, [0, 1, 1]);
        assert_eq!((data.height, data.width, data.channels), (4, 4, 1));
        assert_eq!((data.pixels.bytes()[0], data.pixels.bytes()[16], data.pixels.bytes()[32]), (30, 10, 20));
        assert!(
            data.warnings.len() == 2 && data.warnings[1].contains("1 picture beside the class folders"),
            "{:?}",
            data.warnings
        );
    }

    #[test]
    fn without_sub_folders_the_pictures_have_no_class_and_any_size_and_colour_will_do() {
        let root = tempfile::tempdir().unwrap();
        grey(&root.path().join("a.png"), 9, 100);
        RgbImage::from_pixel(40, 20, Rgb([200, 0, 0])).save(root.path().join("b.jpg")).unwrap();
        let data = folder(root.path(), 8, 0).unwrap();
        assert!(data.labels.is_empty() && data.classes.is_empty());
        assert_eq!((data.len(), data.height, data.width, data.channels), (2, 8, 8, 3));
        assert_eq!(data.pixels.bytes()[..3], [100, 100, 100]);
        let red = &data.pixels.bytes()[8 * 8 * 3..];
        assert!(red[0] > 180 && red[1] < 20, "{:?}", &red[..3]);
        assert_eq!(folder(root.path(), 8, 1).unwrap().channels, 1);
        let message = folder(root.path(), 0, 0).unwrap_err().to_string();
        assert!(
            message.contains("9×9") && message.contains("40×20") && message.contains("data.image_size"),
            "{message}"
        );
    }

    #[test]
    fn a_broken_file_is_skipped_counted_and_named() {
        let root = tempfile::tempdir().unwrap();
        grey(&root.path().join("a.png"), 4, 1);
        grey(&root.path().join("c.png"), 4, 3);
        std::fs::write(root.path().join("b.png"), b"\x89PNG\r\n\x1a\nnonsense").unwrap();
        let data = folder(root.path(), 0, 0).unwrap();
        assert_eq!(data.len(), 2);
        let warning = &data.warnings[0];
        assert!(warning.contains("skipped 1 of 3 files") && warning.contains("b.png"), "{warning}");
        std::fs::remove_file(root.path().join("a.png")).unwrap();
        std::fs::write(root.path().join("c.png"), "").unwrap();
        assert!(folder(root.path(), 0, 0).unwrap_err().to_string().contains("no picture could be read"));
    }

    #[test]
    fn headers_of_no_pixel_and_of_too_many_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let told = |name: &str, bytes: &[u8]| {
            let path = root.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let message = folder(root.path(), 0, 0).unwrap_err().to_string();
            std::fs::remove_file(path).unwrap();
            message
        };
        let none = "its header says that it is 0×7, which is no pixel at all";
        // Its screen is 0×7, its one image a pixel.
        let gif = b"GIF89a\0\0\x07\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;";
        let message = told("a.gif", gif);
        assert!(message.ends_with(none), "{message}");
        let jpeg = b"\xff\xd8\xff\xc0\0\x0b\x08\0\x07\0\0\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0\xff\xd9";
        let message = told("a.jpg", jpeg);
        assert!(message.ends_with(none), "{message}");
        let mut large = jpeg.to_vec();
        large[7..11].fill(0xff);
        let message = told("a.jpg", &large);
        assert!(
            message.contains("65535×65535 pixels") && message.ends_with("or take it out of the folder"),
            "{message}"
        );
    }

    #[test]
    fn what_fails_in_decoding_is_left_out_by_its_reason_and_has_no_size() {
        let root = tempfile::tempdir().unwrap();
        RgbImage::from_fn(96, 72, |x, y| Rgb([x as u8, y as u8, 0])).save(root.path().join("whole.jpg")).unwrap();
        let whole = std::fs::read(root.path().join("whole.jpg")).unwrap();
        for share in [70, 80, 99] {
            let cut = &whole[..whole.len() * share / 100];
            std::fs::write(root.path().join(format!("truncated-{share}.jpg")), cut).unwrap();
        }
        let (data, survey) = load("mine", root.path(), 32, 0, &mut Watch::new(&mut |_| {})).unwrap();
        assert_eq!((data.len(), survey.images, &survey.sizes[..]), (1, 1, &[((96, 72), 1)][..]));
        let left_out: Vec<String> = survey.left_out.iter().map(|kind| kind.to_string()).collect();
        assert!(left_out.len() == 1 && left_out[0].starts_with("3 files that can't be read: it is truncated"));
        assert!(left_out[0].contains("truncated-70.jpg; ") && left_out[0].contains("truncated-99.jpg"), "{left_out:?}");
    }

    #[test]
    fn labels_that_match_nothing_twice_or_otherwise_are_told_for_what_they_are() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a/1.png", "b/1.png"] {
            grey(&root.path().join(name), 4, 1);
        }
        let with = |file: &str, text: &[u8]| {
            std::fs::write(root.path().join(file), text).unwrap();
            let result = folder(root.path(), 0, 0).map(|data| data.warnings.join("\n"));
            std::fs::remove_file(root.path().join(file)).unwrap();
            result.unwrap_or_else(|error| error.to_string())
        };
        let said = with("labels.csv", b"file,class\n1.png,cat\n");
        assert!(said.contains("gives none of the 2 pictures") && said.contains("as a/1.png"), "{said}");
        let said = with("labels.csv", b"file,class\nx.png,cat\n");
        assert!(said.contains("not there, such as x.png, and the pictures are a/1.png"), "{said}");
        let said = with("labels.csv", b"file,class\na/1.png,cat\nb/1.png,cat\na/1.png,dog\n");
        assert!(said.contains("(1 times): a/1.png is cat, then dog"), "{said}");
        let said = with("labels.csv", b"file,class\na/1.png,caf\xe9\nb/1.png,caf\xe8\n");
        assert!(said.contains("labels.csv:2: expected text in UTF-8") && said.contains("0xe9"), "{said}");
        let said = with("labels.csv", b"\xff\xfef\0i\0");
        assert!(said.contains("UTF-16"), "{said}");
        let said = with("metadata.jsonl", b"{\"file_name\": \"a/1.png\", \"label\": [\"dog\"]}\n");
        assert!(said.contains("metadata.jsonl:1") && said.contains("found a list"), "{said}");
        let said = with("metadata.jsonl", b"{\"file_name\": \"a/1.png\", \"label\": null}\n");
        assert!(said.contains("gives none of the 2 pictures in this folder a class"), "{said}");
        let said = with("metadata.jsonl", b"{\"file_name\": \"a/1.png\", \"text\": \"a dog\"}\n");
        assert!(said.contains("has no classes") && !said.contains("no pictures"), "{said}");
    }

    #[test]
    fn empty_missing_and_mistaken_folders_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let message = |path: &Path| folder(path, 0, 0).unwrap_err().to_string();
        assert!(message(root.path()).contains("no pictures in this folder"));
        assert!(message(&root.path().join("nowhere")).contains("no such folder"));
        let file = root.path().join("a.txt");
        std::fs::write(&file, "").unwrap();
        assert!(message(&file).contains("it is a file"));
    }
}
