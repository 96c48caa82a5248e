"""Functions to run grids of, and what they leave in a folder."""

import json
import time
from pathlib import Path

from weightinit.grids import product


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "nothing happened for a minute"
        time.sleep(0.02)


def stored(folder):
    """Return the cells that are in the store of a folder, by their number."""
    path = Path(folder, "store")
    lines = path.read_text().splitlines(keepends=True)[1:] if path.exists() else []
    return [json.loads(line)["cell"]["x"] for line in lines if line.endswith("\n")]


def started(folder):
    """Return the cells that were started, once for each time."""
    return [int(line) for line in Path(folder, "log").read_text().split()]


def logged(folder, x):
    with open(Path(folder, "log"), "a") as file:
        file.write(f"{x}\n")
    return {"square": x**2}


def square(x):
    return {"square": x**2}


def cells(folder, n=8):
    return product(folder=[str(folder)], x=range(n))


def check_squares(table, n=8):
    assert table["square"].tolist() == [x**2 for x in range(n)]
    assert table["x"].tolist() == list(range(n))


def check_once(folder, done):
    """Check that nothing is lost, nothing is there twice, and what was done was not done again."""
    assert sorted(stored(folder)) == sorted(set(started(folder)))
    assert len(done) > 1 and [started(folder).count(x) for x in done] == [1] * len(done)
