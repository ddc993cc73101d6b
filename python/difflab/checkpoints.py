"""Weights that a run keeps: its checkpoints, and its history."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import RunError
from .folders import step_in_name, visible
from .tensors import Tensor, read_tensors

_NETWORKS = (
    "unet/diffusion_pytorch_model.safetensors",
    "mlp/weights.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
)
"""The averaged weights of each kind of network; a run in latents has its autoencoder beside its own."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint: a folder that training goes on from, and that diffusers opens."""

    step: int
    path: Path

    @property
    def weights(self) -> Path:
        """The file of the averaged (EMA) weights. Raises RunError where there is none."""
        for name in _NETWORKS:
            if (self.path / name).is_file():
                return self.path / name
        raise RunError(f"{self.path} is no whole checkpoint: it has none of {', '.join(_NETWORKS)}. Take another one")

    def tensors(self, file: str | None = None) -> dict[str, Tensor]:
        """The averaged weights by name, in diffusers' layout; or those of another of its files, such as
        `difflab/weights.safetensors` (not averaged).

        Raises RunError when they can't be read. Checksums are not compared: `difflab` does that when it loads one.
        """
        return read_tensors(self.weights if file is None else self.path / file)

    @property
    def state(self) -> dict[str, Any]:
        """What `difflab/state.json` says: version, time, step … Raises RunError when it can't be read."""
        path = self.path / "difflab" / "state.json"
        try:
            state = json.loads(path.read_bytes())
        except OSError as error:
            raise RunError(f"{path} can't be read: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise RunError(f"{path} is damaged: {error}. Take another checkpoint") from error
        if not isinstance(state, dict):
            raise RunError(f"{path} is damaged: it is no JSON object. Take another checkpoint")
        return state


@dataclass(frozen=True)
class KeptWeights:
    """The averaged weights of one step in half precision, out of a run's history."""

    step: int
    path: Path

    def tensors(self) -> dict[str, Tensor]:
        """The weights by name, in diffusers' layout. Raises RunError when they can't be read."""
        return read_tensors(self.path)


def checkpoints(run: Path) -> list[Checkpoint]:
    """The checkpoints of a run folder, oldest first, by their names; half-written ones are not among them."""
    found = ((step_in_name(path.name), path) for path in visible(run / "checkpoints") if path.is_dir())
    return sorted((Checkpoint(step, path) for step, path in found if step is not None), key=lambda one: one.step)


def history(run: Path) -> list[KeptWeights]:
    """The steps that a run folder has in its history, oldest first."""
    found = ((step_in_name(path.name, ".safetensors"), path) for path in visible(run / "history"))
    return sorted((KeptWeights(step, path) for step, path in found if step is not None), key=lambda one: one.step)
