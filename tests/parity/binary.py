"""The difflab binary, and what is counted of its comparisons."""

import subprocess
from pathlib import Path

from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[2]


class Difflab:
    """Runs the binary; counts what came out."""

    def __init__(self, binary, folder, only):
        self.binary, self.folder, self.only, self.failures = Path(binary).resolve(), folder, only, 0

    def wanted(self, name):
        return not self.only or any(name == only or name.startswith(only) for only in self.only)

    def say(self, name, what, found, limit=None):
        """Prints one comparison; `found` is a difference, or a sentence that says what went wrong."""
        bad = found if isinstance(found, str) else (None if found <= limit else f"{found:.2e} > {limit:.0e}")
        self.failures += bad is not None
        shown = found if isinstance(found, str) else f"{found:.2e} (limit {limit:.0e})"
        print(f"{'FAIL' if bad else 'ok  '} {name:24} {what:34} {shown}", flush=True)

    def run(self, *args):
        """Exit code and stderr."""
        done = subprocess.run([self.binary, *map(str, args)], cwd=ROOT, capture_output=True, text=True)
        return done.returncode, done.stderr

    def must(self, *args):
        code, stderr = self.run(*args)
        if code:
            raise RuntimeError(f"difflab {' '.join(map(str, args))}: {stderr}")

    def sample(self, run, noise, steps, *more):
        """The samples [N, C, H, W] from the noise in a file, or the message that there are none."""
        out = self.folder / "out.safetensors"
        code, stderr = self.run(
            "sample", run, "--noise", noise, "--steps", steps, "--out", out, "--quiet", "--threads", 1, *more
        )
        return stderr.strip() if code else load_file(out)["samples"]
