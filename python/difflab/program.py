"""Where the program is that was installed with this package."""

from __future__ import annotations

import os
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

_NAME = "difflab.exe" if sys.platform == "win32" else "difflab"


class ProgramNotFound(Exception):
    """The program is not where installers put it."""


def find_program() -> Path:
    """The program that was installed with this package, and no other that happens to be on the path.

    Raises ProgramNotFound, with the places where it was looked for.
    """
    looked: list[Path] = []
    for path in _places():
        if path.is_file() and os.access(path, os.X_OK):
            return path
        if path not in looked:
            looked.append(path)
    places = "\n  ".join(map(str, looked))
    raise ProgramNotFound(
        f"the program difflab was not installed with the package in {Path(__file__).parent}. Looked for:\n  {places}\n"
        "Install both together: pip install --force-reinstall difflab"
    )


def _places() -> list[Path]:
    package = Path(__file__).resolve().parent
    # With `pip install --target` the program lies in a folder beside the package; the installer's list names another.
    places = [package.parent / folder / _NAME for folder in ("bin", "Scripts")]
    # The installer's own list of what it has put where: right in virtual environments, for users, with a prefix. It may
    # be that of another difflab, installed besides the one that this file belongs to.
    try:
        files = list(distribution("difflab").files or [])
    except PackageNotFoundError:
        files = []
    if any(Path(str(file.locate())).resolve() == package / "__init__.py" for file in files):
        places += [Path(str(file.locate())) for file in files if file.name == _NAME]
    places.append(Path(sysconfig.get_path("scripts"), _NAME))
    user = f"{os.name}_user"
    if user in sysconfig.get_scheme_names():
        places.append(Path(sysconfig.get_path("scripts", user), _NAME))
    return [Path(os.path.normpath(path)) for path in places]
