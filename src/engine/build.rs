//! Packs the emoji, 1,892 small files of each size, into one that the program carries inside: `data/embedded.rs`
//! reads them. With the feature `cuda`, compiles the kernels for NVIDIA GPUs to PTX, of which the driver makes machine code.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

const EMOJI: [&str; 2] = ["emoji-32", "emoji-64"];
const CUDA_KERNELS: &str = "kernels/device/kernels.cu";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo sets both for build scripts.
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    for name in EMOJI {
        let folder = root.join("../../datasets").join(name);
        println!("cargo::rerun-if-changed={}", folder.display());
        fs::write(out.join(format!("{name}.pack")), packed(&folder)?)?;
    }
    println!("cargo::rerun-if-changed={CUDA_KERNELS}");
    match env::var_os("CARGO_FEATURE_CUDA") {
        Some(_) => compile(&root.join(CUDA_KERNELS), &out.join("kernels.ptx")),
        None => Ok(()),
    }
}

/// Runs nvcc, of the CUDA toolkit that the environment names, else of the PATH.
fn compile(source: &Path, ptx: &Path) -> io::Result<()> {
    let folders = ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR"];
    let mut there = folders.iter().filter_map(env::var_os).map(|folder| Path::new(&folder).join("bin/nvcc"));
    let nvcc = there.find(|nvcc| nvcc.exists()).unwrap_or_else(|| "nvcc".into());
    // The oldest that CUDA 12 and 13 both know; newer GPUs run it too.
    let arguments = ["--ptx", "-arch=compute_75", "-O3", "-std=c++17", "-o"];
    let failed = |why: String| io::Error::other(format!("{}: {why}; see docs/gpu.md", nvcc.display()));
    match Command::new(&nvcc).args(arguments).arg(ptx).arg(source).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("{} was not compiled ({status})", source.display()))),
        Err(error) => Err(failed(format!("the feature cuda needs NVIDIA's compiler ({error})"))),
    }
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
