//! A folder that looks like a checkout, with little data in it, and a home with what a reader brings along.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use image::{Rgb, RgbImage};

/// Images of each idx dataset: more than the shipped configs hold out.
const IMAGES: usize = 1300;
/// Emoji of each class.
const EMOJI: usize = 12;
/// Pictures of each of the reader's classes.
const CATS: usize = 10;

/// Makes `root/difflab`, the checkout, and `root/home`, where the reader's own pictures are in `cats`.
pub fn make(root: &Path, repository: &Path) -> PathBuf {
    let checkout = root.join("difflab");
    fs::create_dir_all(checkout.join("datasets")).unwrap();
    for entry in fs::read_dir(repository).unwrap().flatten() {
        let name = entry.file_name();
        match name.to_str().unwrap() {
            "target" | "runs" | ".git" | "datasets" => {}
            // Commands write there.
            "docs" => copy(&entry.path(), &checkout.join("docs")),
            _ => std::os::unix::fs::symlink(entry.path(), checkout.join(name)).unwrap(),
        }
    }
    let datasets = repository.join("datasets");
    for (name, files) in [("mnist", "train"), ("mnist-10k", "train"), ("fashion-mnist-10k", "t10k")] {
        let (from, to) = (datasets.join(name), checkout.join("datasets").join(name));
        fs::create_dir_all(&to).unwrap();
        for (file, header, len) in [("images-idx3-ubyte", 16, 784), ("labels-idx1-ubyte", 8, 1)] {
            let mut bytes = vec![0; header + IMAGES * len];
            let packed = File::open(from.join(format!("{files}-{file}.gz"))).unwrap();
            GzDecoder::new(packed).read_exact(&mut bytes).unwrap();
            bytes[4..8].copy_from_slice(&(IMAGES as u32).to_be_bytes());
            fs::write(to.join(format!("{files}-{file}")), bytes).unwrap();
        }
    }
    for name in ["emoji-32", "emoji-64"] {
        for class in fs::read_dir(datasets.join(name)).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
            let to = checkout.join("datasets").join(name).join(class.file_name());
            fs::create_dir_all(&to).unwrap();
            for picture in fs::read_dir(class.path()).unwrap().flatten().take(EMOJI) {
                fs::copy(picture.path(), to.join(picture.file_name())).unwrap();
            }
        }
    }
    for (class, name) in ["tabby", "black"].iter().enumerate() {
        let folder = root.join("home/cats").join(name);
        fs::create_dir_all(&folder).unwrap();
        for i in 0..CATS {
            let (i, class) = (i as u32, class as u32);
            let pixel = |x: u32, y: u32| Rgb([(x * 5 + i * 20) as u8, (y * 5) as u8, (class * 200) as u8]);
            RgbImage::from_fn(48, 40, pixel).save(folder.join(format!("{i}.png"))).unwrap();
        }
    }
    checkout
}

/// A folder with all that is in it; links stay links.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(path).unwrap(), to).unwrap();
        } else if kind.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(path, to).unwrap();
        }
    }
}
