"""timestep_loss.jsonl: which noise levels the network has learned."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .json_lines import number, read_lines, step_of

if TYPE_CHECKING:
    import numpy


@dataclass
class TimestepLoss:
    """Mean squared error per bin of timesteps, without the weights of `train.loss_weighting`: a row every few steps.

    Bin b covers the timesteps from `t[b]` to below `t[b + 1]`.
    """

    step: array[int]
    """The last step that a row contains."""
    t: array[int]
    """First timestep of each bin."""
    mean: list[array[float]]
    """For each row the mean of each bin; NaN where nothing fell into it."""
    count: list[array[int]]
    """For each row how many samples fell into each bin."""

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.step)

    def __repr__(self) -> str:
        return f"TimestepLoss({len(self):,} rows of {len(self.t)} bins)"

    def to_numpy(self) -> numpy.ndarray[Any, Any]:
        """The means as one array [rows, bins], for `plt.imshow`. Needs NumPy."""
        import numpy

        return numpy.array(self.mean, dtype=float).reshape(len(self.step), len(self.t))


def read_timestep_loss(path: Path) -> tuple[TimestepLoss, list[str]]:
    """The file's rows, and what is left out of it, in words. No rows where there is no such file.

    Raises RunError when the file is there and can't be read.
    """
    rows: list[tuple[int, array[int], array[float], array[int]]] = []

    def take(record: dict[str, Any]) -> None:
        bins, mean = array("q", record["t"]), array("d", map(number, record["mean"]))
        count = array("q", record["count"])
        if not len(bins) == len(mean) == len(count):
            raise ValueError("as many bins as means and counts are needed")
        rows.append((step_of(record), bins, mean, count))

    unread = read_lines(path, take)
    said = [unread] if unread else []
    # Those of the newest row count: a run can be given other bins on the way.
    bins = rows[-1][1] if rows else array("q")
    kept = [row for row in rows if row[1] == bins]
    if len(kept) < len(rows):
        others = len(rows) - len(kept)
        which = "1 row has" if others == 1 else f"{others:,} rows have"
        said.append(
            f"{path}: {which} other bins of timesteps than the newest, and {'is' if others == 1 else 'are'} left out"
        )
    steps = array("q", (step for step, *_ in kept))
    return TimestepLoss(steps, bins, [mean for _, _, mean, _ in kept], [count for *_, count in kept]), said
