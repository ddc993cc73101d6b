"""Is in a wheel, or in a source distribution, what has to be there, and nothing else?

python contents.py --wheel FILE.whl
python contents.py --sdist FILE.tar.gz
"""

import argparse
import email
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def version() -> str:
    found = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert found, "Cargo.toml names no version"
    return found[1]


def licences() -> set[str]:
    data = ROOT / "datasets"
    paths = [*ROOT.glob("LICENSE-*"), *data.glob("*/LICENSE*"), *data.glob("*/NOTICE*")]
    return {path.relative_to(ROOT).as_posix() for path in paths}


def check_wheel(path: Path) -> None:
    with zipfile.ZipFile(path) as wheel:
        assert wheel.testzip() is None, "a file in the wheel is damaged"
        names = {info.filename: info for info in wheel.infolist() if not info.is_dir()}
        info = next(name.split("/")[0] for name in names if ".dist-info/" in name)
        metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
        tags = email.message_from_bytes(wheel.read(f"{info}/WHEEL")).get_all("Tag", [])
    stem = f"difflab-{version()}"
    assert info == f"{stem}.dist-info", f"{info} is not of version {version()}"
    assert metadata["Version"] == version() and metadata["Requires-Python"] == ">=3.9", dict(metadata)
    needed = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert all(re.search("python(_full)?_version < ['\"]3.11['\"]$", line) for line in needed), needed
    # Runs under any Python 3, with no ABI of it, on one platform; `linux_…` alone is what no index takes.
    assert tags and all(tag.startswith("py3-none-") for tag in tags), tags
    assert not any(re.match(r"py3-none-(linux|any)", tag) for tag in tags), tags
    scripts = [name for name in names if name.startswith(f"{stem}.data/")]
    assert len(scripts) == 1 and re.search(r"/scripts/difflab(\.exe)?$", scripts[0]), scripts
    assert sys.platform == "win32" or names[scripts[0]].external_attr >> 16 & 0o111, "the program can't be run"
    modules = {name for name in names if name.startswith("difflab/")}
    sources = (ROOT / "python/difflab").iterdir()
    expected = {f"difflab/{source.name}" for source in sources if source.is_file()}
    assert modules == expected and "difflab/py.typed" in modules, modules ^ expected
    carried = {name.split("/licenses/", 1)[1] for name in names if "/licenses/" in name}
    assert carried == licences(), carried ^ licences()
    rest = [name for name in names if not name.startswith((f"{stem}.data/", "difflab/", f"{stem}.dist-info/"))]
    assert not rest, f"what is this? {rest}"
    unpacked, packed = names[scripts[0]].file_size / 2**20, path.stat().st_size / 2**20
    print(f"{', '.join(tags)}: {packed:.1f} MiB, the program in it {unpacked:.1f} MiB, {len(names)} files")


def check_sdist(path: Path) -> None:
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        print("not in a git checkout: the source distribution is not compared with it")
        return
    # All that the program, its tests and documents are made of.
    wanted = {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}
    assert not (missing := wanted - names), f"missing: {sorted(missing)[:10]}"
    extra = names - wanted - {"PKG-INFO"}
    print(f"{path.name}: {len(names)} files, {path.stat().st_size / 2**20:.1f} MiB", *sorted(extra)[:10])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--sdist", type=Path)
    args = parser.parse_args()
    if args.wheel:
        check_wheel(args.wheel)
    if args.sdist:
        check_sdist(args.sdist)


if __name__ == "__main__":
    main()
