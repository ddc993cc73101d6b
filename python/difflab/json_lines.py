"""A run's growing files: a JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import RunError


def number(value: object) -> float:
    """A number, or NaN for one that JSON has no word for (`null`).

    Raises TypeError for anything else.
    """
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def step_of(record: dict[str, Any]) -> int:
    """The step that a line belongs to. Raises TypeError, ValueError or KeyError where it names none."""
    step = record["step"]
    if isinstance(step, bool) or not isinstance(step, int):
        raise TypeError(f"{step!r} is no step")
    if not 0 <= step < 2**63:
        raise ValueError(f"there is no step {step}")
    return step


def read_lines(path: Path, take: Callable[[dict[str, Any]], None]) -> str | None:
    """Gives `take` each object of the file; none where there is no such file.

    `take` raises TypeError, ValueError, KeyError or OverflowError for one that it can't use. Returns how many lines
    can't be read, in words; None where all can. A last line without an end is none of them: it is being written, or a
    kill has torn it.

    Raises RunError when the file is there and can't be read.
    """
    count, first, number_of_line = 0, 0, 0
    try:
        with path.open("rb") as file:
            for number_of_line, line in enumerate(file, 1):
                # NULs are what a power cut leaves of a line; the last line may be on its way.
                if (not line.endswith(b"\n") and b"\0" not in line) or not line.strip():
                    continue
                try:
                    record = json.loads(line)
                    if not isinstance(record, dict):
                        raise TypeError("no object")
                    take(record)
                except (TypeError, ValueError, KeyError, OverflowError, RecursionError):
                    count, first = count + 1, first or number_of_line
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{path} can't be read: {error.strerror or error}") from error
    if count == 0:
        return None
    if count == 1:
        return f"{path}: line {first:,} can't be read, and is left out"
    return f"{path}: {count:,} lines can't be read, the first is line {first:,}: they are left out"
