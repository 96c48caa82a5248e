"""Re-execute notebooks and store what they output: `python tools/execute_notebooks.py chapters`.

Prints how long each took.
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

# Everything the kernel reports about itself (versions, machine) would differ between readers.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def find(paths):
    """List the notebooks under paths, which may be folders or notebooks, in the order of paths.

    The order matters: a page that collects results comes after the chapters that store them.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    found = []
    for path in map(Path, paths):
        inside = [path] if path.suffix == ".ipynb" else sorted(path.rglob("*.ipynb"))
        found += [notebook for notebook in inside if ".ipynb_checkpoints" not in notebook.parts]
    if not found:
        raise FileNotFoundError(f"no notebook in {', '.join(map(str, paths))}")
    return found


def execute(path):
    """Execute one notebook in its own folder and store it, unless a cell fails.

    Parameters
    ----------
    path : pathlib.Path
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.update(METADATA)
    NotebookClient(
        notebook,
        timeout=600,
        record_timing=False,  # times of day, which would change with every run
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    notebook.metadata["language_info"] = METADATA["language_info"]
    # Written beside it and then moved, so that an interruption cannot leave half a notebook.
    unfinished = path.with_suffix(".unfinished")
    with open(unfinished, "w", encoding="utf-8", newline="\n") as file:
        nbformat.write(notebook, file)
    unfinished.replace(path)


def main(paths):
    """Execute every notebook under paths."""
    for path in find(paths):
        start = time.perf_counter()
        execute(path)
        print(f"{path}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
