"""Executes a notebook in an empty folder.

python notebook.py FILE.ipynb             with short trainings; a cell that fails, or shows no picture, is an error
python notebook.py FILE.ipynb --write     as it is written, and keeps what the cells show in the file
"""

import argparse
import re
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

SHORT = 20
"""Steps of a training while it is tested."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    notebook = nbformat.read(args.notebook, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not args.write:
        shown = [cell for cell in cells if "plt." in cell.source and "import" not in cell.source]
        assert all(cell.outputs for cell in shown), "the file shows no pictures: see --write"
        trainings = [cell for cell in cells if "--steps" in cell.source]
        assert trainings, "no cell trains"
        for cell in trainings:
            cell.source = re.sub(r"--steps \d+", f"--steps {SHORT}", cell.source)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    pictures = sum("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs)
    assert pictures >= 3, f"only {pictures} pictures are shown"
    if args.write:
        for cell in cells:
            cell.metadata.pop("execution", None)  # when it ran
        notebook.metadata.pop("widgets", None)
        nbformat.write(notebook, args.notebook)
        print(f"wrote {args.notebook}, {args.notebook.stat().st_size / 1024:.0f} KiB")
    print(f"{args.notebook.name}: {len(cells)} cells run, {pictures} pictures shown")


if __name__ == "__main__":
    main()
