"""A run folder as an object."""

from __future__ import annotations

import json
import os
import sys
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

from .checkpoints import Checkpoint, KeptWeights, checkpoints, history
from .errors import RunError, RunWarning
from .events import Event, read_events
from .folders import visible
from .metrics import Metrics, read_metrics
from .pictures import Preview, Snapshot, previews, snapshots
from .timestep_loss import TimestepLoss, read_timestep_loss

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_CONFIG_VERSION = 1
"""The newest format of config.toml that is understood here."""


class Run:
    """A run of difflab, read from its folder; made by `load_run`.

    Each part is read when it is first asked for, and then kept: load the run again for what has come since. Nothing in
    the folder is written, so a run that trains can be looked at. What can't be read of a part is left out with a
    `RunWarning`, once, and stands in `problems`.
    """

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        self.path = path
        self.config = config
        """Every key of config.toml, by section: `run.config["train"]["learning_rate"]`."""
        self.problems: list[str] = []
        """What of the parts read so far is left out, in words."""

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.name!r})"

    @property
    def name(self) -> str:
        """The experiment's name, from its config; the folder's where it has none."""
        return str(self.config.get("name") or self.path.resolve().name)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What run.json says: `run`, by which its checkpoints know it, and `started`. Older runs have none: empty."""
        path = self.path / "run.json"
        try:
            facts = json.loads(path.read_bytes())
            if isinstance(facts, dict):
                return facts
            self._say(f"{path} is no JSON object, and is left out")
        except FileNotFoundError:
            pass
        except OSError as error:
            self._say(f"{path} can't be read ({error.strerror or error}), and is left out")
        except (ValueError, RecursionError):
            self._say(f"{path} is no JSON, and is left out")
        return {}

    @cached_property
    def metrics(self) -> Metrics:
        """Loss, learning rate and speed, step by step; empty before the first."""
        metrics, unread = read_metrics(self.path / "metrics.jsonl")
        self._say(unread)
        return metrics

    @cached_property
    def timestep_loss(self) -> TimestepLoss:
        """The loss per timestep, every few steps; empty before the first row."""
        rows, left_out = read_timestep_loss(self.path / "timestep_loss.jsonl")
        for words in left_out:
            self._say(words)
        return rows

    @cached_property
    def events(self) -> list[Event]:
        """What happened when: start, checkpoints, warnings, changed settings, finish …"""
        events, unread = read_events(self.path / "events.jsonl")
        self._say(unread)
        return events

    @cached_property
    def checkpoints(self) -> list[Checkpoint]:
        """The checkpoints, oldest first."""
        return checkpoints(self.path)

    @cached_property
    def history(self) -> list[KeptWeights]:
        """Averaged weights of steps 1, 2, 3, 5, 10 … in half precision, where the run keeps them."""
        return history(self.path)

    @cached_property
    def previews(self) -> list[Preview]:
        """Pictures drawn on the way, oldest first."""
        return previews(self.path)

    @cached_property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots, oldest first."""
        found, left_out = snapshots(self.path)
        for words in left_out:
            self._say(words)
        return found

    def _say(self, words: str | None) -> None:
        if words:
            self.problems.append(words)
            # The property and `functools` lie between this and the line that asked.
            warnings.warn(words, RunWarning, stacklevel=4)


def load_run(path: str | os.PathLike[str]) -> Run:
    """The run in a folder.

    Raises RunError, with what is wrong and what to do: no such folder, a file, a folder that is no run, a config that
    does not read or comes from a newer difflab.
    """
    folder = Path(path)
    try:
        there = folder.exists()
    except OSError as error:
        raise RunError(f"{str(folder)[:200]} can't be looked at: {error.strerror or error}") from error
    if not there:
        raise RunError(f"there is no {folder}: a run is named by its folder, such as runs/one. {_known(folder)}")
    if not folder.is_dir():
        raise RunError(f"{folder} is a file; a run is a folder, the one that has config.toml and metrics.jsonl in it")
    file = folder / "config.toml"
    try:
        config = tomllib.loads(file.read_bytes().decode())
    except FileNotFoundError as error:
        raise RunError(f"{folder} is no run: it has no config.toml. {_known(folder / 'x')}") from error
    except OSError as error:
        raise RunError(f"{file} can't be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{file} does not read: {error}. Each of the run's checkpoints has a copy of it") from error
    version = config.get("version", _CONFIG_VERSION)
    if isinstance(version, bool) or not isinstance(version, int):
        raise RunError(f"{file} has format version {version!r}, which is none: a run's is {_CONFIG_VERSION}")
    if version > _CONFIG_VERSION:
        raise RunError(
            f"{file} has format version {version}, and this difflab reads up to version {_CONFIG_VERSION}: "
            "it was written by a newer difflab. Install that one (pip install --upgrade difflab)"
        )
    if not config or "train" not in config:
        raise RunError(
            f"{file} is no config of difflab: it has no section [train]. Each of the run's checkpoints has a copy of it"
        )
    return Run(folder, config)


def runs(folder: str | os.PathLike[str] = "runs") -> list[Run]:
    """The runs in a folder and, where an experiment keeps its runs together, one folder deeper; by name.

    One that can't be read is left out with a `RunWarning`. Raises RunError when there is no such folder, or
    it is itself a run.
    """
    place = Path(folder)
    if not place.is_dir():
        what = f"{place} is a file" if place.is_file() else f"there is no folder {place}"
        raise RunError(f"{what}: name the folder that your runs are in")
    if _is_run(place):
        raise RunError(f"{place} is one run: load_run reads it")
    found = []
    for path in _run_folders(place):
        try:
            found.append(load_run(path))
        except RunError as error:
            warnings.warn(f"{error}; the run is left out", RunWarning, stacklevel=2)
    return found


def _run_folders(place: Path) -> list[Path]:
    found = []
    for path in visible(place):
        if not path.is_dir():
            continue
        if _is_run(path):
            found.append(path)
            continue
        try:
            found += [inner for inner in visible(path) if _is_run(inner)]
        except RunError as error:
            warnings.warn(f"{error}; it is left out", RunWarning, stacklevel=3)
    return found


def _is_run(path: Path) -> bool:
    try:
        return any((path / name).exists() for name in ("config.toml", "metrics.jsonl"))
    except OSError:
        return False


def _known(folder: Path) -> str:
    """What runs there are where one was looked for."""
    try:
        names = [str(path) for path in _run_folders(folder.parent)]
    except RunError:
        names = []
    more = ", …" if len(names) > 5 else ""
    return f"There are: {', '.join(names[-5:][::-1])}{more}" if names else "Train one: difflab mnist-quick --no-tui"
