"""What lies in a run's folders, by name."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import RunError


def visible(folder: Path) -> list[Path]:
    """What is in a folder, by name, without what is hidden or half-written; nothing where there is no such folder.

    Raises RunError for one that can't be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{folder} can't be read: {error.strerror or error}") from error


def step_in_name(name: str, ending: str = "") -> int | None:
    """The step in a name such as `step-00000250`; None for another name."""
    found = re.fullmatch(r"step-([0-9]{8,18})" + re.escape(ending), name)
    return int(found[1]) if found else None
