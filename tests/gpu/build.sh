#!/bin/sh
# Builds difflab with CUDA, for tests/gpu/run.sh, on a machine with cargo and a C compiler; no GPU needed.
#
#   tests/gpu/build.sh [OUT]        the binary is written to OUT (default: target/gpu/difflab), stripped
#
# Takes the CUDA toolkit whose nvcc is on the PATH or in CUDA_HOME; where there is none, NVIDIA's compiler comes from PyPI
# into target/gpu/toolkit. COMPUTE_CAP is the GPU's compute capability (90: H100 and H200; 80: A100; 89: L4, RTX 40;
# 120: RTX 50); where nvidia-smi is at hand, it is asked.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-target/gpu/difflab}
mkdir -p target/gpu "$(dirname "$out")"

if [ -z "${CUDA_COMPUTE_CAP:-}" ]; then
    found=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d .) || found=
    CUDA_COMPUTE_CAP=${COMPUTE_CAP:-${found:-90}}
fi
export CUDA_COMPUTE_CAP
echo "for compute capability $CUDA_COMPUTE_CAP" >&2

if [ -n "${CUDA_HOME:-}" ] && [ -x "$CUDA_HOME/bin/nvcc" ]; then
    PATH=$CUDA_HOME/bin:$PATH
fi
if command -v nvcc >/dev/null; then
    cargo build --release --locked --features cuda
else
    toolkit=target/gpu/toolkit
    if [ ! -d "$toolkit" ]; then
        python3 -m venv "$toolkit"
        "$toolkit/bin/pip" install --quiet nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 \
            nvidia-cuda-runtime==13.0.96 nvidia-cuda-nvrtc nvidia-cuda-cccl nvidia-curand nvidia-cublas
    fi
    CUDA_HOME=$(cd "$toolkit"/lib/python3*/site-packages/nvidia/cu13 && pwd)
    ln -sfn lib "$CUDA_HOME/lib64"
    for library in cudart cublas cublasLt curand nvrtc; do
        versioned=$(ls "$CUDA_HOME/lib/lib$library".so.* | head -n 1)
        ln -sf "$(basename "$versioned")" "$CUDA_HOME/lib/lib$library.so"
    done
    # The real one comes with the driver.
    echo > target/gpu/empty.c
    cc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$CUDA_HOME/lib/libcuda.so" target/gpu/empty.c
    export CUDA_HOME CUDA_PATH="$CUDA_HOME" CUDA_ROOT="$CUDA_HOME" CUDA_TOOLKIT_ROOT_DIR="$CUDA_HOME"
    export PATH="$CUDA_HOME/bin:$PATH" LIBRARY_PATH="$CUDA_HOME/lib"
    cargo rustc --release --locked --features cuda --bin difflab -- \
        -C link-arg=-Wl,--unresolved-symbols=ignore-all -C link-arg=-Wl,--no-as-needed -C link-arg=-lcuda
fi
cp "${CARGO_TARGET_DIR:-target}/release/difflab" "$out"
strip "$out"
ls -l "$out" >&2
