//! A folder of PNG and JPEG pictures of any size; sub-folders are classes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};

use super::undecodable::why;
use super::{DataError, Dataset, resize};

/// Folders inside a class folder are searched this deep; it also ends loops of links.
const DEEPEST: usize = 8;
/// Broken files named in the warning; the rest is counted.
const MOST_NAMED: usize = 5;

/// Loads a folder. `image_size` 0 keeps the pictures' own size, which must then be the same for all;
/// `channels` 0 gives grey where every picture is grey, else RGB. The order is that of the sorted paths.
/// Files that can't be decoded are skipped, counted, and named in a warning.
pub(super) fn load(name: &str, folder: &Path, image_size: usize, channels: usize) -> Result<Dataset, DataError> {
    let shown = folder.display().to_string();
    if !folder.exists() {
        return Err(DataError::Missing { path: shown, problem: "there is no such folder; check data.path".into() });
    }
    if !folder.is_dir() {
        let problem = "it is a file, and a folder of pictures is needed; for idx files use dataset \"idx\"";
        return Err(DataError::Missing { path: shown, problem: problem.into() });
    }
    let mut warnings = Vec::new();
    let (classes, files) = list(folder, &mut warnings)?;
    if files.is_empty() {
        let problem = "there are no .png, .jpg or .jpeg files in this folder or its sub-folders";
        return Err(DataError::Missing { path: shown, problem: problem.into() });
    }

    let decoded = decode_all(&files, u32::try_from(image_size).unwrap_or(u32::MAX));
    let mut pictures = Vec::with_capacity(files.len());
    let mut broken = Vec::new();
    for ((path, class), result) in files.iter().zip(decoded) {
        match result {
            Ok(picture) => pictures.push((path, *class, picture)),
            Err(reason) => broken.push(format!("{}: {reason}", path.display())),
        }
    }
    if !broken.is_empty() {
        let warning = skipped(&broken, files.len());
        if pictures.is_empty() {
            return Err(DataError::Unfit { problem: format!("{shown}: no picture could be read; {warning}") });
        }
        warnings.push(warning);
    }

    let (first_path, _, first) = &pictures[0];
    let (width, height) = first.rgb.dimensions();
    if let Some((path, _, other)) = pictures.iter().find(|(_, _, picture)| picture.rgb.dimensions() != (width, height))
    {
        let (other_width, other_height) = other.rgb.dimensions();
        return Err(DataError::Unfit {
            problem: format!(
                "the pictures differ in size: {} is {width}×{height}, {} is {other_width}×{other_height}. \
                 Set data.image_size, e.g. 32, to crop and resize them all",
                first_path.display(),
                path.display(),
            ),
        });
    }
    let channels = match channels {
        0 if pictures.iter().all(|(_, _, picture)| picture.grey) => 1,
        0 => 3,
        given => given,
    };
    let labels = if classes.is_empty() { Vec::new() } else { pictures.iter().map(|(_, class, _)| *class).collect() };
    let pixels: Vec<u8> =
        pictures.into_iter().flat_map(|(_, _, picture)| resize::to_bytes(picture.rgb, channels)).collect();
    Ok(Dataset {
        name: name.into(),
        source: shown,
        height: height as usize,
        width: width as usize,
        channels,
        pixels: pixels.into(),
        labels: Arc::new(labels),
        classes,
        warnings,
    })
}

type Files = Vec<(PathBuf, u32)>;

/// Names of the classes, and every picture with its class.
fn list(folder: &Path, warnings: &mut Vec<String>) -> Result<(Vec<String>, Files), DataError> {
    let (loose, folders) = entries(folder)?;
    let (mut classes, mut files) = (Vec::new(), Vec::new());
    for class_folder in folders {
        let mut found = Vec::new();
        gather(&class_folder, 0, &mut found)?;
        if !found.is_empty() {
            let class = classes.len() as u32;
            files.extend(found.into_iter().map(|file| (file, class)));
            classes.push(class_folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    if classes.is_empty() {
        files = loose.into_iter().map(|file| (file, 0)).collect();
    } else if !loose.is_empty() {
        warnings.push(format!(
            "left out {} pictures that lie beside the class folders in {}: they have no class",
            loose.len(),
            folder.display()
        ));
    }
    Ok((classes, files))
}

fn gather(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), DataError> {
    let (files, folders) = entries(folder)?;
    found.extend(files);
    if depth < DEEPEST {
        for inner in folders {
            gather(&inner, depth + 1, found)?;
        }
    }
    Ok(())
}

/// The pictures and the folders directly inside a folder, each sorted by name; hidden ones left out.
fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), DataError> {
    let unreadable =
        |error: std::io::Error| DataError::Unreadable { path: folder.display().to_string(), reason: error.to_string() };
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            folders.push(path);
        } else if is_picture(&path) {
            files.push(path);
        }
    }
    files.sort();
    folders.sort();
    Ok((files, folders))
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    matches!(extension.as_str(), "png" | "jpg" | "jpeg")
}

struct Picture {
    rgb: RgbImage,
    grey: bool,
}

/// Decodes on all cores; results in the order of the files.
fn decode_all(files: &Files, side: u32) -> Vec<Result<Picture, String>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = files.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = files
            .chunks(share)
            .map(|files| {
                let work = move || files.iter().map(|(path, _)| decode(path, side)).collect::<Vec<_>>();
                (files.len(), scope.spawn(work))
            })
            .collect();
        let ended = |(count, worker): (usize, std::thread::ScopedJoinHandle<'_, Vec<_>>)| {
            worker.join().unwrap_or_else(|_| (0..count).map(|_| Err("the decoder failed".to_string())).collect())
        };
        workers.into_iter().flat_map(ended).collect()
    })
}

/// The picture in a file, the right way up.
pub(super) fn decoded(path: &Path) -> Result<DynamicImage, String> {
    let reader =
        ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(|error| why(&error.into()))?;
    let mut decoder = reader.into_decoder().map_err(|error| why(&error))?;
    // Cameras store how they were held; without it people lie on their side.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| why(&error))?;
    picture.apply_orientation(orientation);
    if picture.width() == 0 || picture.height() == 0 {
        return Err("it has no pixels".into());
    }
    Ok(picture)
}

fn decode(path: &Path, side: u32) -> Result<Picture, String> {
    let picture = decoded(path)?;
    Ok(Picture { grey: !picture.color().has_color(), rgb: resize::to_rgb(&picture, side) })
}

/// "skipped 7 of 1,892 files: a.png: …; b.png: …; and 5 more".
fn skipped(broken: &[String], total: usize) -> String {
    let mut text =
        format!("skipped {} of {total} files: {}", broken.len(), broken[..broken.len().min(MOST_NAMED)].join("; "));
    if broken.len() > MOST_NAMED {
        text.push_str(&format!("; and {} more", broken.len() - MOST_NAMED));
    }
    text
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgb};

    use super::*;

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
        let data = load("mine", root.path(), 0, 0).unwrap();
        assert_eq!(data.classes, ["a", "b"]);
        assert_eq!(*data.labels, [0, 1, 1]);
        assert_eq!((data.height, data.width, data.channels), (4, 4, 1));
        assert_eq!((data.pixels.bytes()[0], data.pixels.bytes()[16], data.pixels.bytes()[32]), (30, 10, 20));
        assert!(data.warnings.len() == 1 && data.warnings[0].contains("1 pictures"), "{:?}", data.warnings);
    }

    #[test]
    fn without_sub_folders_the_pictures_have_no_class_and_any_size_and_colour_will_do() {
        let root = tempfile::tempdir().unwrap();
        grey(&root.path().join("a.png"), 9, 100);
        RgbImage::from_pixel(40, 20, Rgb([200, 0, 0])).save(root.path().join("b.jpg")).unwrap();
        let data = load("mine", root.path(), 8, 0).unwrap();
        assert!(data.labels.is_empty() && data.classes.is_empty());
        assert_eq!((data.len(), data.height, data.width, data.channels), (2, 8, 8, 3));
        assert_eq!(data.pixels.bytes()[..3], [100, 100, 100]);
        let red = &data.pixels.bytes()[8 * 8 * 3..];
        assert!(red[0] > 180 && red[1] < 20, "{:?}", &red[..3]);
        assert_eq!(load("mine", root.path(), 8, 1).unwrap().channels, 1);
        let message = load("mine", root.path(), 0, 0).unwrap_err().to_string();
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
        let data = load("mine", root.path(), 0, 0).unwrap();
        assert_eq!(data.len(), 2);
        let warning = &data.warnings[0];
        assert!(warning.contains("skipped 1 of 3 files") && warning.contains("b.png"), "{warning}");
        std::fs::remove_file(root.path().join("a.png")).unwrap();
        std::fs::write(root.path().join("c.png"), "").unwrap();
        assert!(load("mine", root.path(), 0, 0).unwrap_err().to_string().contains("no picture could be read"));
    }

    #[test]
    fn empty_missing_and_mistaken_folders_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let message = |path: &Path| load("mine", path, 0, 0).unwrap_err().to_string();
        assert!(message(root.path()).contains("no .png"));
        assert!(message(&root.path().join("nowhere")).contains("no such folder"));
        let file = root.path().join("a.txt");
        std::fs::write(&file, "").unwrap();
        assert!(message(&file).contains("it is a file"));
    }
}
