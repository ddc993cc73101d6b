//! Files that NumPy, Pillow and Python wrote (`tests/data`), read as a user names them.

use std::path::{Path, PathBuf};

use difflab::config::DataConfig;
use difflab::data::{self, DataError, Dataset};

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn load(name: &str) -> Result<Dataset, DataError> {
    data::load(&data::locate(&place(name).display().to_string()).unwrap())
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(place(name)).unwrap()
}

fn shape(data: &Dataset) -> (usize, usize, usize, usize) {
    (data.len(), data.height, data.width, data.channels)
}

fn said(data: &Dataset) -> String {
    data.warnings.join("\n")
}

#[test]
fn keras_and_medmnists_arrays_are_found_by_their_names() {
    let data = load("keras.npz").unwrap();
    assert_eq!((shape(&data), data.pixels.bytes()), ((6, 8, 8, 1), &bytes("x.bytes")[..]));
    assert_eq!((&data.labels[..], data.classes.join(" ")), (&[4, 0, 3, 1, 5, 2][..], "0 1 2 4 5 9".into()));
    assert!(
        said(&data).contains("6 images from x_train with the labels y_train, bytes from 0 to 255"),
        "{}",
        said(&data)
    );
    assert!(said(&data).contains("left out x_test, y_test"), "{}", said(&data));
    let data = load("medmnist.npz").unwrap();
    assert_eq!((shape(&data), data.pixels.bytes()), ((5, 8, 8, 3), &bytes("rgb.bytes")[..]));
    assert_eq!((&data.labels[..], data.classes.join(" ")), (&[1, 0, 0, 2, 1][..], "1 3 7".into()));
}

#[test]
fn floats_are_read_by_their_range_and_channels_first_turned() {
    let data = load("floats").unwrap();
    assert_eq!((shape(&data), data.pixels.bytes()), ((5, 8, 8, 3), &bytes("rgb.bytes")[..]));
    assert_eq!((&data.labels[..], data.classes.join(" ")), (&[0, 1, 0, 1, 0][..], "1 2".into()));
    assert!(said(&data).contains("taken to lie in [0, 1], channels first"), "{}", said(&data));
    for (name, taken) in [("signed.npy", "[-1, 1]"), ("half.npy", "[0, 1]")] {
        let data = load(name).unwrap();
        assert_eq!((shape(&data), data.pixels.bytes()), ((6, 8, 8, 1), &bytes("x.bytes")[..]), "{name}");
        assert!(said(&data).contains(&format!("without labels, taken to lie in {taken}")), "{}", said(&data));
    }
    let refusal = load("fortran.npy").unwrap_err().to_string();
    assert!(refusal.contains("fortran.npy") && refusal.contains("numpy.ascontiguousarray"), "{refusal}");
}

#[test]
fn cifars_batches_are_read_from_a_folder_and_from_the_archive() {
    let data = load("cifar-10").unwrap();
    assert_eq!((shape(&data), &data.labels[..]), ((3, 32, 32, 3), &[1, 0, 1][..]));
    assert_eq!(data.classes, ["airplane", "automobile"]);
    let record = bytes("cifar-10/data_batch_1.bin");
    assert_eq!(data.pixels.bytes()[..3], [record[1], record[1 + 1024], record[1 + 2048]]);
    let data = load("cifar-100.tar.gz").unwrap();
    assert_eq!((shape(&data), &data.labels[..]), ((3, 32, 32, 3), &[2, 1, 0][..]));
    assert_eq!(data.classes, ["apple", "cod", "pear"]);
    assert!(said(&data).contains("fine labels"));
    let one = load("cifar-10/test_batch.bin").unwrap();
    assert_eq!(one.len(), 1);
}

#[test]
fn emnists_letters_are_found_in_a_folder_and_stand_upright() {
    let data = load("emnist").unwrap();
    assert_eq!((shape(&data), data.pixels.bytes()), ((3, 4, 4, 1), &bytes("letters.bytes")[..]));
    assert_eq!((&data.labels[..], data.classes.join(" ")), (&[1, 0, 1][..], "1 26".into()));
}

#[test]
fn labels_files_beside_pictures_give_the_classes() {
    let data = load("labelled").unwrap();
    assert_eq!((data.len(), &data.labels[..]), (3, &[0, 0, 1][..]));
    assert_eq!(data.classes, ["cat", "the \"big\", bad wolf"]);
    let said = said(&data);
    assert!(said.contains("labels.csv names files that are not there (train/gone.png)"), "{said}");
    assert!(said.contains("labels.csv gives them no class") && said.contains("unnamed.png"), "{said}");
    let data = load("hugging").unwrap();
    assert_eq!((data.classes.join(" "), &data.labels[..]), ("2 10".into(), &[0, 1, 1][..]));
    assert_eq!(data.pixels.bytes()[0], 50, "the picture of class 2 comes first");
}

/// A folder with these files of `tests/data/formats`, loaded.
fn folder(files: &[(&str, &[u8])]) -> Result<Dataset, DataError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let path = folder.path().display().to_string();
    data::load(&DataConfig { dataset: "images".into(), path, ..DataConfig::default() })
}

fn formats() -> Vec<String> {
    let names = std::fs::read_dir(place("formats")).unwrap();
    let mut names: Vec<String> = names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_format_and_mode_shows_the_same_picture() {
    assert!(formats().len() >= 27);
    for name in formats() {
        // Under another name: what a file is, it says itself.
        let data =
            folder(&[("picture.png", &bytes(&format!("formats/{name}")))]).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((data.len(), data.height, data.width), (1, 16, 16), "{name}");
        let at = |x: usize, y: usize| {
            let pixel = &data.pixels.bytes()[(y * 16 + x) * data.channels..][..data.channels];
            [pixel[0], pixel[data.channels / 2], pixel[data.channels - 1]].map(i32::from)
        };
        let near = |seen: [i32; 3], wanted: [i32; 3], tolerance: i32| {
            assert!(
                seen.iter().zip(wanted).all(|(a, b)| (a - b).abs() <= tolerance),
                "{name}: {seen:?}, not {wanted:?}"
            );
        };
        let tolerance = if name.contains("cmyk") { 30 } else { 14 };
        let (dark, light) = if name.starts_with("one-bit") { ([0; 3], [255; 3]) } else { ([40; 3], [200; 3]) };
        near(at(2, 13), dark, tolerance);
        near(at(13, 13), light, tolerance);
        if data.channels == 3 {
            near(at(2, 1), [220, 20, 20], 40);
        } else {
            assert!(
                ["grey", "one-bit", "sixteen-bit", "deflate"].iter().any(|start| name.starts_with(start)),
                "{name}"
            );
        }
    }
}

#[test]
fn a_cut_file_is_skipped_and_named_in_every_format() {
    let whole = bytes("formats/grey.png");
    for name in formats() {
        let picture = bytes(&format!("formats/{name}"));
        let untouched = folder(&[("picture.png", &picture)]).unwrap();
        for percent in [10, 30, 50, 70, 90, 99] {
            let cut = &picture[..picture.len() * percent / 100];
            match folder(&[("cut.png", cut)]) {
                // All of the picture was there, but for what comes after.
                Ok(data) => assert_eq!(data.pixels, untouched.pixels, "{name} cut to {percent} %"),
                Err(error) => {
                    let error = error.to_string();
                    assert!(error.contains("cut.png"), "{name} cut to {percent} %: {error}");
                    let beside = folder(&[("a.png", &whole), ("cut.png", cut)]).unwrap();
                    assert_eq!(beside.len(), 1);
                    assert!(said(&beside).contains("skipped 1 of 2 files"), "{}", said(&beside));
                }
            }
        }
    }
}

#[test]
fn a_webp_short_of_its_last_bytes_is_skipped() {
    let whole = bytes("formats/grey.png");
    let mut webps = 0;
    for name in formats().iter().filter(|name| name.ends_with(".webp")) {
        let picture = bytes(&format!("formats/{name}"));
        for less in 1..=4 {
            let data = folder(&[("a.png", &whole), ("cut.webp", &picture[..picture.len() - less])]).unwrap();
            assert_eq!(data.len(), 1, "{name} without {less} bytes");
            assert!(said(&data).contains("cut.webp: it is truncated"), "{}", said(&data));
        }
        webps += 1;
    }
    assert!(webps > 1);
}

#[test]
fn labels_files_tell_files_that_are_no_pictures_from_those_that_are_not_there() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path();
    let picture = bytes("formats/grey.png");
    for name in ["a.png", "b.png", "x.avif", "metadata.jsonl"] {
        std::fs::write(root.join(name), if name.ends_with("png") { &picture[..] } else { b"{}" }).unwrap();
    }
    let absolute = root.join("b.png").display().to_string();
    let labels = format!("file,class\na.png,cat\n{absolute},dog\nx.avif,dog\ngone.png,cat\n");
    std::fs::write(root.join("labels.csv"), labels).unwrap();
    let path = root.display().to_string();
    let data = data::load(&DataConfig { dataset: "images".into(), path, ..DataConfig::default() }).unwrap();
    assert_eq!((data.classes.join(" "), data.len()), ("cat dog".into(), 2));
    let said = said(&data);
    assert!(said.contains("names files that are not there (gone.png)"), "{said}");
    assert!(said.contains("files that are hidden, damaged or no pictures (x.avif)"), "{said}");
    assert!(
        said.contains("1 label file: ")
            && said.contains("labels.csv comes before it")
            && said.contains("metadata.jsonl)"),
        "{said}"
    );
}

#[test]
fn headers_that_lie_and_pictures_too_large_are_named_with_the_cure() {
    let whole = bytes("formats/grey.png");
    // The same, with another size in its header and the checksum that belongs to it.
    let claiming = |width: u32, height: u32| {
        let mut png = whole.clone();
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..29]);
        png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        png
    };
    let data = folder(&[("a.png", &whole), ("lies.png", &claiming(100_000, 100_000))]).unwrap();
    let said = said(&data);
    assert!(
        said.contains("lies.png") && said.contains("100000×100000 pixels") && said.contains("take it out"),
        "{said}"
    );
    let photos = folder(&[("a.png", &claiming(6000, 4000)), ("b.png", &claiming(6000, 4000))]).unwrap_err().to_string();
    assert!(photos.contains("6000×4000") && photos.contains("data.image_size = 64"), "{photos}");
}

#[test]
fn what_is_left_out_is_counted_by_kind() {
    let whole = bytes("formats/grey.png");
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
    let (data, said) = {
        let data =
            folder(&[("a.png", &whole), ("1.heic", heic), ("2.heic", heic), ("3.jpg", heic), ("x.txt", b"hello")]);
        let data = data.unwrap();
        let said = said(&data);
        (data, said)
    };
    assert_eq!(data.len(), 1);
    assert!(said.contains("left out 2 .heic files: difflab does not read HEIC"), "{said}");
    assert!(said.contains("left out 1 .jpg file: difflab does not read HEIC"), "{said}");
    assert!(said.contains("left out 1 .txt file: no pictures"), "{said}");
}

#[test]
fn a_survey_says_what_loading_would_give() {
    let survey =
        |name: &str| data::survey(&data::locate(&place(name).display().to_string()).unwrap(), &mut |_| {}).unwrap();
    let labelled = survey("labelled");
    assert_eq!((labelled.images, labelled.channels, labelled.one_size()), (3, 1, Some((8, 8))));
    assert_eq!(labelled.classes, [("cat".into(), 2), ("the \"big\", bad wolf".into(), 1)]);
    assert_eq!(labelled.left_out.iter().map(|kind| kind.count).collect::<Vec<_>>(), [1, 1]);
    let formats = survey("formats");
    assert_eq!((formats.channels, formats.usual_side()), (3, 16));
    assert_eq!(survey("keras.npz").images, 6);
}
