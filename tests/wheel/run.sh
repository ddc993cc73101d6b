#!/usr/bin/env bash
# Builds the wheel and uses it as a stranger does: in fresh virtual environments, from empty folders, and away again.
#
#     tests/wheel/run.sh [--zig] [--sdist] [--wheel FILE.whl] [--keep DIR] [-- ARGUMENTS OF maturin build]
#
#     --zig      links with zig against an old glibc: tag manylinux_2_17 (compiles all crates again, into a folder of its own)
#     --sdist    builds the wheel from the source distribution instead of the checkout (compiles difflab again)
#     --wheel    builds nothing, and tries this one
#     --keep     works in this folder, which must be empty or new, and leaves it: the wheel is in DIR/dist
#
# The wheel is built with the release profile into the checkout's own target folder, so where `cargo build --release` was,
# nothing is compiled twice. Needs Python 3.9 or newer ($PYTHON, else python3) and the network, for requirements.txt.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
python=${PYTHON:-python3}
zig='' sdist='' wheel='' work=''
while (($#)); do
    case $1 in
    --zig) zig=yes ;;
    --sdist) sdist=yes ;;
    --wheel) wheel=$(realpath "$2") && shift ;;
    --keep) mkdir -p "$2" && work=$(realpath "$2") && shift ;;
    --) shift && break ;;
    *) echo "tests/wheel/run.sh: $1 is none of its options: see the top of the file" >&2 && exit 2 ;;
    esac
    shift
done
if [[ -z $work ]]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
elif [[ -n $(ls -A "$work") ]]; then
    echo "tests/wheel/run.sh: $work is not empty: name another folder for --keep" >&2
    exit 2
fi
fail() { echo "tests/wheel: $*" >&2 && exit 1; }
run() { echo "+ $*" && "$@"; }
now() { "$python" -c 'import time; print(time.monotonic())'; }
# No settings of the reader's own, and no other difflab, may help. HOME is empty too.
clean() { env -u PYTHONPATH -u PYTHONHOME -u VIRTUAL_ENV -u DIFFLAB_DATASETS HOME="$work/home" "$@"; }
mkdir -p "$work/home" "$work/dist"

echo "+ tools for building and checking"
"$python" -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet --requirement "$here/requirements.txt" ${zig:+ziglang}
run "$work/tools/bin/ruff" format --no-cache --check --config "$root/pyproject.toml" "$root/python" "$here"
run "$work/tools/bin/ruff" check --no-cache --config "$root/pyproject.toml" "$root/python" "$here"
run "$work/tools/bin/mypy" --cache-dir "$work/mypy" --config-file "$root/pyproject.toml" "$root/python/difflab"

if [[ -z $wheel ]]; then
    (
        cd "$root"
        # `python -m ziglang` has to be found by maturin.
        export PATH="$work/tools/bin:$PATH"
        run maturin build --release --out "$work/dist" ${zig:+--zig} ${sdist:+--sdist} "$@"
    )
    [[ -n $sdist ]] || run "$work/tools/bin/maturin" sdist --manifest-path "$root/Cargo.toml" --out "$work/dist"
    run "$work/tools/bin/python" "$here/contents.py" --sdist "$work"/dist/*.tar.gz
    built=("$work"/dist/*.whl)
    [[ ${#built[@]} == 1 ]] || fail "one wheel was to be built, not ${built[*]}"
    wheel=${built[0]}
fi
run "$work/tools/bin/python" "$here/contents.py" --wheel "$wheel"

# From the wheel to a picture, as docs/install.md has it: the environment gets no pip of its own, which would take most of the time.
mkdir "$work/empty" && cd "$work/empty"
into() { clean "$work/tools/bin/pip" --python "$work/fresh" "$@"; }
begun=$(now)
clean "$python" -m venv --without-pip "$work/fresh"
made=$(now)
before=$(cd "$work/fresh" && find . -not -path '*__pycache__*' | sort)
export PATH="$work/fresh/bin:$PATH"
into install --quiet "$wheel"
installed=$(now)
run clean difflab mnist-quick --no-tui --steps 20 --run runs/first >first.jsonl
trained=$(now)
run clean difflab sample runs/first --num 4 --out digits.png >/dev/null
sampled=$(now)
[[ $(head -c 4 digits.png | tail -c 3) == PNG ]] || fail "digits.png is no picture"
"$python" -c "print(f'from the wheel to a picture: {$sampled - $begun:.1f} s '
    f'(environment {$made - $begun:.1f} s, pip install {$installed - $made:.1f} s, '
    f'20 steps {$trained - $installed:.1f} s, 4 samples {$sampled - $trained:.1f} s)')"

# What Python sees of it, in the same environment and without any other package.
run clean "$work/fresh/bin/python" "$here/program.py" "$wheel" "$work/tools/bin/pip"
run clean difflab two-moons --no-tui --steps 60 --run runs/moons --set train.history=on --set preview.snapshot_every=30 \
    --set train.eval_every=20 --set train.log_every=3 --set sample.num=64 >/dev/null
run clean "$work/fresh/bin/python" "$here/reading.py" runs/first runs/moons

# And with NumPy, and in a notebook.
run clean "$work/tools/bin/pip" install --quiet "$wheel"
run clean "$work/tools/bin/python" "$here/reading.py" runs/first runs/moons
typed='import difflab; steps, losses = difflab.load_run("runs/first").metrics.curve(); last: float = losses[-1]'
run "$work/tools/bin/mypy" --strict --cache-dir "$work/mypy" --command "$typed"
run clean env PATH="$work/tools/bin:$PATH" "$work/tools/bin/python" "$here/notebook.py" "$root/docs/notebook.ipynb"

run into uninstall --quiet --yes difflab
after=$(cd "$work/fresh" && find . -not -path '*__pycache__*' | sort)
[[ $before == "$after" ]] || fail "something is left after the removal:"$'\n'"$(diff <(echo "$before") <(echo "$after"))"
left=$(find "$work/fresh" "$work/home" -iname '*difflab*')
[[ -z $left ]] || fail "something is left after the removal: $left"
echo "The wheel works: $(basename "$wheel")"
