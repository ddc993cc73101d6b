"""metrics.jsonl: loss, learning rate and speed, step by step."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .json_lines import number, read_lines, step_of

if TYPE_CHECKING:
    import numpy


def _numbers() -> array[float]:
    return array("d")


def _steps() -> array[int]:
    return array("q")


@dataclass
class Metrics:
    """A column of numbers for each key of metrics.jsonl, all of one length: a place for each line.

    NaN stands where a line has no such number: `val_loss` at most steps, what older runs don't have, a loss that
    was not finite. The columns are arrays of the standard library; `numpy.asarray(metrics.loss)` takes one without a
    copy.
    """

    step: array[int] = field(default_factory=_steps)
    """Steps done, this one included: 1 after the first."""
    epoch: array[float] = field(default_factory=_numbers)
    """Images seen / training images."""
    loss: array[float] = field(default_factory=_numbers)
    loss_min: array[float] = field(default_factory=_numbers)
    """The least loss since the line before, where `train.log_every` leaves steps out."""
    loss_max: array[float] = field(default_factory=_numbers)
    loss_smoothed: array[float] = field(default_factory=_numbers)
    """Bias-corrected exponential average of the loss."""
    val_loss: array[float] = field(default_factory=_numbers)
    """Held-out loss, at the steps where it was measured."""
    lr: array[float] = field(default_factory=_numbers)
    grad_norm: array[float] = field(default_factory=_numbers)
    """Global gradient norm before clipping."""
    images_per_s: array[float] = field(default_factory=_numbers)
    memory_mib: array[float] = field(default_factory=_numbers)
    """Memory of the process in MiB, about once a second."""
    cpu_share: array[float] = field(default_factory=_numbers)
    """The share of the machine's processors that it used, 0 to 1."""
    elapsed_s: array[float] = field(default_factory=_numbers)
    """Seconds of training, over all sessions of the run."""

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self.step)

    def __repr__(self) -> str:
        if not self.step:
            return "Metrics(no steps yet)"
        return f"Metrics({len(self):,} lines, steps {self.step[0]:,} to {self.step[-1]:,})"

    def columns(self) -> dict[str, array[Any]]:
        """All columns by name, as `pandas.DataFrame` takes them."""
        return dict(vars(self))

    def curve(self, name: str = "loss") -> tuple[array[int], array[float]]:
        """Steps and values of one column, without the places where it has none: ready for `plt.plot(*…)`.

        Raises KeyError for a name that is no column.
        """
        columns = self.columns()
        if name not in columns:
            raise KeyError(f"metrics have no column {name!r}; there are: {', '.join(columns)}")
        column = columns[name]
        known = [i for i, value in enumerate(column) if value == value]
        return array("q", (self.step[i] for i in known)), array("d", (float(column[i]) for i in known))

    def to_numpy(self) -> dict[str, numpy.ndarray[Any, Any]]:
        """The columns as NumPy arrays, by name. Needs NumPy."""
        import numpy

        return {name: numpy.array(column) for name, column in self.columns().items()}


def read_metrics(path: Path) -> tuple[Metrics, str | None]:
    """The file's columns, and how many of its lines can't be read, in words. No columns where there is no such file.

    Raises RunError when the file is there and can't be read.
    """
    metrics = Metrics()
    columns = metrics.columns()
    steps = columns.pop("step")

    def take(record: dict[str, Any]) -> None:
        # Of a line that can't be used nothing is kept: first all of it is read.
        record["loss"]
        step, row = step_of(record), [number(record.get(name)) for name in columns]
        steps.append(step)
        for column, value in zip(columns.values(), row):
            column.append(value)

    return metrics, read_lines(path, take)
