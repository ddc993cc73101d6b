//! Compiles the CUDA kernels to PTX where the feature `cuda` is on; the driver makes machine code of that for its GPU.

use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = "src/kernels/device/kernels.cu";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={SOURCE}");
    if std::env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return;
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("kernels.ptx");
    let folders = ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR"];
    let mut there = folders.iter().filter_map(std::env::var_os).map(|folder| Path::new(&folder).join("bin/nvcc"));
    let nvcc = there.find(|nvcc| nvcc.exists()).unwrap_or_else(|| "nvcc".into());
    // The oldest that CUDA 12 and 13 both know; newer GPUs run it too.
    let arguments = ["--ptx", "-arch=compute_75", "-O3", "-std=c++17", SOURCE, "-o"];
    match Command::new(&nvcc).args(arguments).arg(&out).status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{} could not compile {SOURCE} ({status})", nvcc.display()),
        Err(error) => panic!("{}: {error}; the feature cuda needs NVIDIA's compiler (docs/gpu.md)", nvcc.display()),
    }
}
