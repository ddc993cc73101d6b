#!/bin/sh
# Checks difflab on an NVIDIA GPU, within four minutes; see run.py for the parts and docs/gpu.md for what they mean.
#
#   tests/gpu/run.sh [PART …] [--json FILE] [--markdown FILE]
#
# Needs the driver and Python 3; PyTorch too for the comparison with it. DIFFLAB names a binary with CUDA that was built
# elsewhere (tests/gpu/build.sh); without it, one is built here, which takes a quarter of an hour more, and cargo.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${DIFFLAB:-}" ]; then
    DIFFLAB=$here/../../target/gpu/difflab
    [ -x "$DIFFLAB" ] || "$here/build.sh" "$DIFFLAB"
fi
export DIFFLAB
exec "${PYTHON:-python3}" "$here/run.py" "$@"
