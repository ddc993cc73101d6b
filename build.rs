//! Packs the emoji, 1,892 small files of each size, into one that the program carries inside: `src/data/embedded.rs`
//! reads them.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const EMOJI: [&str; 2] = ["emoji-32", "emoji-64"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo sets both for build scripts.
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    for name in EMOJI {
        println!("cargo::rerun-if-changed=datasets/{name}");
        fs::write(out.join(format!("{name}.pack")), packed(&root.join("datasets").join(name))?)?;
    }
    Ok(())
}

/// Every picture of a folder of classes, behind its class and its length.
fn packed(folder: &Path) -> io::Result<Vec<u8>> {
    let classes = sorted(folder)?.into_iter().filter(|path| path.is_dir());
    let mut packed = Vec::new();
    for (class, folder) in classes.enumerate() {
        for file in sorted(&folder)? {
            let png = fs::read(&file)?;
            packed.extend((class as u32).to_le_bytes());
            packed.extend((png.len() as u32).to_le_bytes());
            packed.extend(png);
        }
    }
    Ok(packed)
}

/// What lies in a folder, as difflab sorts a folder of pictures.
fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
