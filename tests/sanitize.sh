#!/bin/sh
# Runs the kernels' tests under AddressSanitizer: every read and write of every instruction set that this
# processor has, at odd shapes. Takes the Rust toolchain with its sanitizer runtime (the Linux toolchains
# of rustup have it); RUSTC_BOOTSTRAP lets a stable compiler use it. Everything is compiled anew into
# target/asan, which takes some minutes the first time.
#
#   tests/sanitize.sh             all tests of src/engine/kernels
#   tests/sanitize.sh attention   those whose names contain "attention"
set -eu
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
runtime="$(rustc --print sysroot)/lib/rustlib/$host/lib"
if ! ls "$runtime" | grep -q '\.asan\.'; then
    echo "sanitize.sh: no AddressSanitizer runtime in $runtime; install a toolchain that has one" >&2
    exit 2
fi
# --target keeps the flag off the build scripts, which would not link with it.
export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=target/asan
# Pools and thread-locals live as long as the process: no leaks. Workers bring a signal stack of their own, which the
# sanitizer would give back as if it were its own.
export ASAN_OPTIONS="detect_leaks=0:use_sigaltstack=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
if [ $# -eq 0 ]; then set -- kernels::; fi
exec cargo test --release --lib --target "$host" -- "$@"
