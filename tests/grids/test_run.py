"""What a run does beside its workers: the order of arguments, the progress bar, wrong calls."""

import subprocess
import sys

import pytest

from tests.grids.support import cells, check_squares, logged, square, started
from weightinit.grids import run_grid


def test_order_of_arguments_does_not_matter(tmp_path):
    run_grid(logged, [{"folder": str(tmp_path), "x": 1}], store=tmp_path / "store")
    grid = [{"x": 1, "folder": str(tmp_path)}, {"folder": str(tmp_path), "x": 3}]
    table = run_grid(logged, grid, store=tmp_path / "store")
    assert table.columns.tolist() == ["x", "folder", "square"]
    assert table["square"].tolist() == [1, 9] and started(tmp_path) == [1, 3]


def test_importing_is_cheap():
    script = (
        "import sys, weightinit.grids; print({'torch', 'dask', 'distributed'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.parametrize(
    "wrong, error, message",
    [
        ({"function": None}, TypeError, "function must be callable, .* got None"),
        ({"function": "square"}, TypeError, "function must be callable, .* got 'square'"),
        ({"function": [square]}, TypeError, "function must be callable, .* got \\[<function"),
        ({"cells": [{"y": 1}]}, TypeError, "the cells do not fit .*: missing .*argument: 'x'"),
        ({"cells": [{"x": 1, "y": 1}]}, TypeError, "the cells do not fit .*argument 'y'"),
        ({"function": lambda: {}}, TypeError, "the cells do not fit .*argument 'x'"),
        ({"store": 3}, TypeError, "store must be the path of a file, got 3"),
        ({"store": b"store"}, TypeError, "store must be the path of a file, got b'store'"),
        ({"store": True}, TypeError, "store must be the path of a file, got True"),
        ({"store": ["store"]}, TypeError, r"store must be the path of a file, got \['store'\]"),
        ({"store": ""}, ValueError, "store must be a file in a folder that is there, got ''"),
        ({"store": "."}, ValueError, r"store must be a file in a folder that is there, got '\.'"),
        ({"store": "no/store"}, ValueError, "store must be a file in a folder that is there"),
        ({"store": "/dev/null"}, ValueError, "store must be a file in a folder that is there"),
        ({"progress": 1}, ValueError, "progress must be None or True or False, got 1"),
        ({"progress": "no"}, ValueError, "progress must be None or True or False, got 'no'"),
    ],
)
def test_wrong_calls_change_nothing(wrong, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"function": square, "cells": [{"x": 1}], "store": "store"} | wrong
    with pytest.raises(error, match=message):
        run_grid(given.pop("function"), given.pop("cells"), **given)
    assert not list(tmp_path.iterdir())


def test_no_bar_outside_a_live_session(backend, capfd, monkeypatch, tmp_path):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    run_grid(logged, cells(tmp_path, 4), store=tmp_path / "store")
    assert capfd.readouterr() == ("", "")


def test_a_bar_in_a_session_of_jupyter(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "notebook.ipynb")
    run_grid(logged, cells(tmp_path, 4), progress=False)
    assert capfd.readouterr() == ("", "")
    run_grid(logged, cells(tmp_path, 4))
    assert " 0/4 " in capfd.readouterr().err


def test_the_bar_counts_what_is_on_disk(store, capfd):
    run_grid(logged, cells(store.parent, 6), store=store, progress=True)
    shown = capfd.readouterr().err
    assert " 4/6 " in shown and " 0/6 " not in shown
    check_squares(run_grid(logged, cells(store.parent, 6), store=store), 6)
