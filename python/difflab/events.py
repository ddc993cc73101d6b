"""events.jsonl: what happened when."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .json_lines import read_lines, step_of


@dataclass(frozen=True)
class Event:
    time: str
    """Wall time, RFC 3339."""
    step: int
    kind: str
    """`start`, `resume`, `pause`, `setting`, `snapshot`, `checkpoint`, `preview`, `warning`, `error`, `stop`,
    `finish`; newer programs may have others."""
    what: str


def read_events(path: Path) -> tuple[list[Event], str | None]:
    """The file's events, and how many of its lines can't be read, in words. None where there is no such file.

    Raises RunError when the file is there and can't be read.
    """
    events: list[Event] = []

    def take(record: dict[str, Any]) -> None:
        time, kind, what = record["time"], record["kind"], record["what"]
        if not (isinstance(time, str) and isinstance(kind, str) and isinstance(what, str)):
            raise TypeError("words are needed")
        events.append(Event(time, step_of(record), kind, what))

    return events, read_lines(path, take)
