"""`python -m difflab …`: the program, with the same arguments."""

import os
import subprocess
import sys

from .program import ProgramNotFound, find_program


def main() -> int:
    try:
        program = os.fspath(find_program())
    except ProgramNotFound as error:
        print(f"difflab: {error}", file=sys.stderr)
        return 1
    command = [program, *sys.argv[1:]]
    if sys.platform != "win32":
        # It takes this process's place, so signals, the terminal and the exit code are its own.
        try:
            os.execv(program, command)
        except OSError as error:
            print(f"difflab: {program} can't be run: {error.strerror or error}", file=sys.stderr)
            return 1
    # Windows can't replace a process. Ctrl-C reaches both; the program saves and quits, and this waits for it.
    with subprocess.Popen(command) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


if __name__ == "__main__":
    sys.exit(main())
