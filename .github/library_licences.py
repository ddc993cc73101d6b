#!/usr/bin/env python3
"""Prints the licences of all libraries in the program, as most of them ask of whoever hands it out.

    python3 .github/library_licences.py TARGET > LICENCES-OF-THE-LIBRARIES

For each library (what `cargo metadata` resolves for TARGET, tools for building and testing left out): its name, its
licence as it declares it, its authors, and the texts that lie beside its Cargo.toml. Equal texts are printed once.
"""

import json
import subprocess
import sys
from pathlib import Path

NAMES = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")


def libraries(target):
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    ours, reached = set(found["workspace_members"]), set()
    left = list(ours)
    while left:
        one = left.pop()
        if one in reached:
            continue
        reached.add(one)
        for dependency in nodes[one]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                left.append(dependency["pkg"])
    return sorted((packages[one] for one in reached - ours), key=lambda package: (package["name"], package["version"]))


def texts(package):
    folder = Path(package["manifest_path"]).parent
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name.upper().startswith(NAMES):
            yield path.read_text(errors="replace").strip()


def main():
    said_by = {}
    for package in libraries(sys.argv[1]):
        name = f"{package['name']} {package['version']}"
        print(f"{name}: {package['license'] or 'see below'}")
        if package["authors"]:
            print(f"    {', '.join(package['authors'])}")
        for text in texts(package):
            said_by.setdefault(text, []).append(name)
    for text, names in said_by.items():
        print(f"\n{'=' * 100}\n{', '.join(names)}\n{'-' * 100}\n{text}")


if __name__ == "__main__":
    main()
