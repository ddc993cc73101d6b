"""Does `python -m difflab` run the program that was installed with it, with its exit code, and signals?

python program.py FILE.whl PIP     in an environment where that wheel is installed; PIP is a pip, of any environment
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import difflab

MODULE = [sys.executable, "-m", "difflab"]


def output(command: "list[str]", **settings: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **settings)


def main() -> None:
    program = difflab.find_program()
    assert program == Path(sys.executable).parent / program.name, program
    said = output([str(program), "--version"])
    assert said.returncode == 0 and said.stdout.startswith("difflab "), said
    assert output([*MODULE, "--version"]).stdout == said.stdout

    # The exit code is the program's, and so is what it says, under its own name.
    bad = output([*MODULE, "sample", "runs/nowhere"])
    assert bad.returncode == 2 and "runs/nowhere" in bad.stderr, bad
    assert "Usage: difflab sample" in output([*MODULE, "sample", "--help"]).stdout

    with tempfile.TemporaryDirectory() as folder:
        # Another program of that name comes first on the path.
        other = Path(folder, "difflab")
        other.write_text("#!/bin/sh\necho another\n")
        other.chmod(0o755)
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        assert output([*MODULE, "--version"], env={**os.environ, "PATH": path}).stdout == said.stdout

        # Installed into a folder, where the installer's own list leads elsewhere, and to another program.
        place = Path(folder, "lib", "place")
        wheel, pip = sys.argv[1:3]
        into = [pip, "--python", sys.executable, "install", "--quiet", "--target", place, "--no-deps", wheel]
        subprocess.run(into, check=True)
        Path(folder, "bin").mkdir()
        other.rename(Path(folder, "bin", "difflab"))
        found = output(
            [sys.executable, "-c", "import difflab; print(difflab.find_program())"],
            env={**os.environ, "PYTHONPATH": str(place)},
        )
        assert found.stdout.strip() == str(place / "bin" / "difflab"), found

        # Without the program beside it: a sentence, not another difflab.
        lonely = Path(folder, "lonely")
        (lonely / "difflab").mkdir(parents=True)
        for source in Path(difflab.__file__).parent.glob("*.py"):
            (lonely / "difflab" / source.name).write_bytes(source.read_bytes())
        code = "import sysconfig; sysconfig.get_path = lambda *_: '/nowhere'; import runpy; runpy.run_module('difflab')"
        code = code.replace("run_module('difflab')", "run_module('difflab', run_name='__main__')")
        lost = output(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(lonely), "PATH": f"{folder}/bin:{path}"}
        )
        assert lost.returncode == 1 and "Install both together" in lost.stderr, lost

        # Ctrl-C: it saves and quits.
        run = Path(folder, "interrupted")
        training = subprocess.Popen(
            [*MODULE, "two-moons", "--no-tui", "--steps", "1000000", "--run", run],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while not (run / "metrics.jsonl").exists() or not len(difflab.load_run(run).metrics):
            assert training.poll() is None and time.monotonic() < until, "it does not train"
            time.sleep(0.1)
        training.send_signal(signal.SIGINT)
        assert training.wait(60) == 130, training.returncode
        assert difflab.load_run(run).checkpoints, "it has saved nothing"
    print("python -m difflab is difflab.")


if __name__ == "__main__":
    main()
