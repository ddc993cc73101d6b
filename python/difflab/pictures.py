"""Pictures that a run has drawn: previews on the way, and snapshots."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import RunError
from .folders import step_in_name, visible
from .tensors import Tensor, read_tensors


@dataclass(frozen=True)
class Preview:
    """A picture of samples, drawn while the run trained. A notebook shows it."""

    step: int
    path: Path

    def _repr_png_(self) -> bytes:
        return _png(self.path)


@dataclass(frozen=True)
class Snapshot:
    """A folder with what the run could draw at a step. A notebook shows its grid."""

    step: int
    path: Path
    facts: dict[str, Any]
    """What snapshot.json says: sampler, steps, guidance, classes, seed …"""

    @property
    def grid(self) -> Path:
        """The samples as one PNG."""
        return self.path / "grid.png"

    @property
    def film(self) -> Path:
        """Their way from noise, as a GIF."""
        return self.path / "trajectory.gif"

    def samples(self) -> Tensor:
        """The samples [N, C, H, W]; images in [-1, 1]. Raises RunError when they can't be read."""
        path = self.path / "samples.safetensors"
        tensors = read_tensors(path)
        if "samples" not in tensors:
            raise RunError(f"{path} has no tensor named samples; it holds: {', '.join(tensors) or 'none'}")
        return tensors["samples"]

    def _repr_png_(self) -> bytes:
        return _png(self.grid)

    def __repr__(self) -> str:
        return f"Snapshot(step={self.step}, path={str(self.path)!r})"


def _png(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunError(f"{path} can't be read: {error.strerror or error}") from error


def previews(run: Path) -> list[Preview]:
    """The previews in a run folder, oldest first."""
    found = ((step_in_name(path.name, ".png"), path) for path in visible(run / "previews"))
    return sorted((Preview(step, path) for step, path in found if step is not None), key=lambda one: one.step)


def snapshots(run: Path) -> tuple[list[Snapshot], list[str]]:
    """The snapshots in a run folder, oldest first, and those that can't be read, in words."""
    found, said = [], []
    for path in visible(run / "snapshots"):
        # A second one of a step is called step-00000250-2.
        if not re.match(r"step-[0-9]+(-[0-9]+)?$", path.name):
            continue
        try:
            facts = json.loads((path / "snapshot.json").read_bytes())
            found.append(Snapshot(int(facts["step"]), path, facts))
        except OSError as error:
            said.append(f"{path}: snapshot.json can't be read ({error.strerror or error}); the snapshot is left out")
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            said.append(f"{path}: snapshot.json is damaged; the snapshot is left out")
    return sorted(found, key=lambda one: (one.step, len(one.path.name), one.path.name)), said
