"""Reads the runs of difflab, the diffusion lab in a terminal.

    import difflab
    run = difflab.load_run("runs/lesson")
    plt.plot(run.metrics.step, run.metrics.loss)

`python -m difflab …` runs the program that was installed with this package. Nothing but the standard library is needed;
what is called `to_numpy` needs NumPy.
"""

from .checkpoints import Checkpoint, KeptWeights
from .errors import RunError, RunWarning
from .events import Event
from .metrics import Metrics
from .pictures import Preview, Snapshot
from .program import ProgramNotFound, find_program
from .run import Run, load_run, runs
from .tensors import Tensor, read_tensors
from .timestep_loss import TimestepLoss

__all__ = [
    "Checkpoint",
    "Event",
    "KeptWeights",
    "Metrics",
    "Preview",
    "ProgramNotFound",
    "Run",
    "RunError",
    "RunWarning",
    "Snapshot",
    "Tensor",
    "TimestepLoss",
    "find_program",
    "load_run",
    "read_tensors",
    "runs",
]
