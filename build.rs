//! Packs the emoji, 1,892 small files, into one that the program carries inside: `src/data/embedded.rs` reads it.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const EMOJI: &str = "datasets/emoji-32";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={EMOJI}");
    // Cargo sets both for build scripts.
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let classes = sorted(&root.join(EMOJI))?.into_iter().filter(|path| path.is_dir());
    let mut packed = Vec::new();
    for (class, folder) in classes.enumerate() {
        for file in sorted(&folder)? {
            let png = fs::read(&file)?;
            packed.extend((class as u32).to_le_bytes());
            packed.extend((png.len() as u32).to_le_bytes());
            packed.extend(png);
        }
    }
    fs::write(out.join("emoji-32.pack"), packed)
}

/// What lies in a folder, as difflab sorts a folder of pictures.
fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
