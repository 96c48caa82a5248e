"""Grids on real pools: one core, threads, processes, and a Dask cluster; killed and interrupted."""

import _thread
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from tests.grids.support import (
    cells,
    check_once,
    check_squares,
    logged,
    started,
    stored,
    wait_for,
)
from weightinit.grids import pools, product, run_grid

ROOT = Path(__file__).resolve().parents[2]
signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

# ---- The same table everywhere -----------------------------------------------------------------

VALUES = [0.1 + 0.2, np.pi * 1e-300, 5e-324, -0.0, np.nan, np.inf, -np.inf, 1e22]


def various(x, name):
    time.sleep(0.1 if x == 0 else 0)  # the first to start is not the first to finish
    if x == 2:
        return []
    rows = [
        {
            "exact": VALUES[x],
            "half": np.float32(VALUES[-x]),
            "count": np.int64(2**62 + x),
            "whole": float(x),
            "right": np.bool_(x % 2),
            "text": f"Ä, \n {x}",
            "sometimes": None if x % 2 else x,
            "never": None,
        }
    ] * 2
    if x == 7:
        return pd.DataFrame(rows[:1], index=["dropped"]).assign(extra=pd.array([None], "Int64"))
    return rows[0] if x % 2 else rows


def test_tables_do_not_depend_on_backend_or_store(backend, tmp_path):
    grid = product(x=np.arange(8), name=["b", "a"])[::-1]
    rows = []
    for x, name in ((x, name) for x in range(7, -1, -1) for name in "ab"):
        found = various(x, name)
        found = found.to_dict("records") if isinstance(found, pd.DataFrame) else found
        rows += [
            {"x": x, "name": name} | r for r in (found if isinstance(found, list) else [found])
        ]
    expected = pd.DataFrame(rows).astype({"exact": float, "half": float, "extra": float})
    for table in (
        run_grid(various, grid),
        run_grid(various, grid, store=tmp_path / "store"),
        run_grid(various, grid, store=tmp_path / "store"),
    ):
        pd.testing.assert_frame_equal(table, expected, check_exact=True)
        assert table.columns[:2].tolist() == ["x", "name"]
        assert np.signbit(table["exact"]).tolist() == np.signbit(expected["exact"]).tolist()
    assert len(expected) == 20 and expected["count"].dtype == np.int64


def test_cells_without_rows_make_an_empty_table(tmp_path):
    for _ in range(2):
        table = run_grid(various, [{"name": "a", "x": 2}], store=tmp_path / "store")
        assert table.columns.tolist() == ["name", "x"] and len(table) == 0


def meeting(folder, x):
    Path(folder, f"{x} is here").touch()
    wait_for(Path(folder, f"{1 - x} is here").exists)
    return {"process": os.getpid()}


def test_work_is_done_by_two_processes_at_once(processes, request, tmp_path):
    workers = set(run_grid(meeting, cells(tmp_path, 2))["process"])
    assert len(workers) == 2 and os.getpid() not in workers
    if processes == "dask":
        assert workers == set(request.getfixturevalue("client").run(os.getpid).values())


def test_functions_of_a_script_can_be_sent(client, tmp_path):
    (tmp_path / "script.py").write_text(
        "import os, sys, joblib\n"
        "from distributed import Client\n"
        "from weightinit.grids import product, run_grid\n"
        "class Own(Exception): pass\n"
        "def half(x):\n"
        "    if x < 0: raise Own('negative')\n"
        "    return {'half': x / 2, 'process': os.getpid()}\n"
        "if __name__ == '__main__':\n"
        f"    with Client({client.scheduler.address!r}):\n"
        "        for name in ('loky', 'dask'):\n"
        "            with joblib.parallel_config(name, n_jobs=2):\n"
        "                table = run_grid(half, product(x=range(6)), store=name)\n"
        "                here = (table['process'] == os.getpid()).any()\n"
        "                print(table['half'].tolist(), here)\n"
        "                try: run_grid(half, product(x=[-1, -2]))\n"
        "                except Own as error: print(error, 'x=-' in error.__notes__[0])\n"
    )
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout == "[0.0, 0.5, 1.0, 1.5, 2.0, 2.5] False\nnegative True\n" * 2, done.stderr


def stepping(folder, x):
    wait_for(lambda: x < 2 or x - 2 in stored(folder))
    return logged(folder, x)


def test_a_cell_is_stored_when_it_is_done(processes, tmp_path):
    check_squares(run_grid(stepping, cells(tmp_path, 60), store=tmp_path / "store"), 60)


# ---- Killed and interrupted --------------------------------------------------------------------


def killed_once(folder, x):
    result, marker = logged(folder, x), Path(folder, "killed")
    if x == 1 and not marker.exists():
        wait_for(lambda: len(stored(folder)) > 2)
        marker.write_text(json.dumps(stored(folder)))
        os.kill(os.getpid(), signal.SIGKILL)
    return result


@signals
def test_a_killed_worker_costs_nothing_that_was_done(processes, tmp_path):
    table = run_grid(killed_once, cells(tmp_path), store=tmp_path / "store")
    check_squares(table)
    check_once(tmp_path, json.loads((tmp_path / "killed").read_text()))
    assert started(tmp_path).count(1) == 2


def killed_always(folder, x):
    if x == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.3)  # the innocent ones are never faster
    return logged(folder, x)


@pytest.mark.slow  # pools of workers break, one after the other
@signals
def test_a_cell_that_kills_every_worker_is_named_after_all_others(
    processes, request, tmp_path, monkeypatch
):
    monkeypatch.setattr(pools, "STRIKES", 2)  # workers start slowly
    if processes == "dask":  # which tries three times more by itself
        scheduler = request.getfixturevalue("client").cluster.scheduler
        monkeypatch.setattr(scheduler, "allowed_failures", 0)
    with pytest.raises(RuntimeError, match="1 cells broke 2 pools of workers") as caught:
        run_grid(killed_always, cells(tmp_path, 4), store=tmp_path / "store")
    assert "x=1" in str(caught.value) and "x=2" not in str(caught.value)
    assert sorted(stored(tmp_path)) == [0, 2, 3]
    assert type(caught.value.__cause__).__name__ in ("TerminatedWorkerError", "KilledWorker")


class KilledWorker(Exception):
    """Known by its name, as Dask may not be installed."""


def test_a_cell_has_three_strikes_the_last_one_alone(monkeypatch):
    guilty, groups = {"b", "d"}, []

    def one_pool(function, keys, flying):
        groups.append("".join(keys))
        for key in keys:
            flying.add(key)
            if key in guilty:
                raise KilledWorker(key)
            if key != "a":  # which is still in flight when b breaks the pool
                flying.remove(key)
                yield key, key.upper()
        if "a" in flying:
            flying.remove("a")
            yield "a", "A"

    monkeypatch.setattr(pools, "_one_pool", one_pool)
    monkeypatch.setattr(pools, "described", str)
    lines = []
    with pytest.raises(RuntimeError, match="2 cells broke 3 pools .* They are: b; d") as caught:
        for line in pools.computed(None, list("abcde")):
            lines.append(line)
    assert sorted(lines) == ["A", "C", "E"] and isinstance(caught.value.__cause__, KilledWorker)
    assert groups == ["abcde", "cde", "e", "abd", "d", "a", "b", "d"]


def test_other_errors_are_no_strikes(monkeypatch):
    def one_pool(function, keys, flying):
        raise OSError("of the function")
        yield

    monkeypatch.setattr(pools, "_one_pool", one_pool)
    with pytest.raises(OSError, match="of the function"):
        list(pools.computed(None, ["a"]))


def patient(folder, x):
    result = logged(folder, x)
    if x > 2:
        Path(folder, f"worker {os.getpid()}").touch()
        wait_for(Path(folder, "go").exists)
    return result


def check_resumed(folder):
    """Check that the cells 0 to 2 are kept, and that the others are computed once more at most."""
    assert (folder / "store").read_bytes().endswith(b"}\n")
    done = stored(folder)
    assert sorted(done) == [0, 1, 2]
    (folder / "go").touch()
    check_squares(run_grid(patient, cells(folder), store=folder / "store"))
    check_once(folder, done)
    # Nothing is left to do.
    before = (folder / "store").read_bytes(), started(folder)
    check_squares(run_grid(patient, cells(folder), store=folder / "store"))
    assert ((folder / "store").read_bytes(), started(folder)) == before


@pytest.fixture
def interruptible():
    """Let SIGINT raise KeyboardInterrupt, also where a shell in the background had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@signals
@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_run_is_resumed(backend, tmp_path, recwarn):
    def interrupt():
        wait_for(lambda: len(stored(tmp_path)) == 3)
        wait_for(lambda: max(started(tmp_path)) > 2)
        _thread.interrupt_main()
        if backend in ("sequential", "threading"):  # a thread of Python cannot be stopped
            time.sleep(0.1)
            (tmp_path / "go").touch()

    watcher = threading.Thread(target=interrupt)
    watcher.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        run_grid(patient, cells(tmp_path), store=tmp_path / "store")
    watcher.join()
    where = tmp_path / "store"
    assert caught.value.__notes__ == [f"{where} holds 3 of the 8 cells; the same call goes on."]
    check_resumed(tmp_path)
    assert not recwarn.list


def killed(folder):
    """What the process does that is killed."""
    with joblib.parallel_config("loky", n_jobs=2):
        run_grid(patient, cells(folder), store=Path(folder, "store"))


@signals
def test_a_store_is_locked_until_its_process_is_killed_and_the_run_resumed(tmp_path):
    script = f"from tests.grids import test_pools; test_pools.killed({str(tmp_path)!r})"
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        # Both workers wait at their fourth cell; the lines of the first three may come after that.
        wait_for(
            lambda: (
                (len(list(tmp_path.glob("worker *"))) == 2 and len(stored(tmp_path)) == 3)
                or process.poll() is not None
            )
        )
        whole = (tmp_path / "store").read_bytes()
        for path in (tmp_path / "store", tmp_path / "link"):
            if path.name == "link":
                path.symlink_to(tmp_path / "store")
            with pytest.raises(RuntimeError, match="another run is writing to .*: wait until it"):
                run_grid(patient, cells(tmp_path), store=path)
        # What is there already can be read.
        check_squares(run_grid(patient, cells(tmp_path, 3), store=tmp_path / "store"), 3)
        assert (tmp_path / "store").read_bytes() == whole
        process.kill()
        assert process.wait(60) == -signal.SIGKILL
    finally:
        process.kill()
        for worker in tmp_path.glob("worker *"):  # they are orphans now
            with suppress(ProcessLookupError):
                os.kill(int(worker.name.split()[1]), signal.SIGKILL)
    check_resumed(tmp_path)


# ---- Errors of the function --------------------------------------------------------------------


class Awkward(Exception):
    """Breaks when it is unpickled, as many exceptions of packages do."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def failing(folder, x):
    result = logged(folder, x)
    if x == 2 and not Path(folder, "mended").exists():
        wait_for(lambda: len(stored(folder)) > 1)
        raise Awkward("planned", "awkward") if Path(folder, "awkward").exists() else OSError(x)
    return result


def test_an_error_names_its_cell_and_leaves_what_was_done(backend, tmp_path):
    with pytest.raises(OSError) as caught:
        run_grid(failing, cells(tmp_path), store=tmp_path / "store")
    (note,) = caught.value.__notes__
    assert note.startswith("This was the cell folder=") and "x=2." in note
    done = stored(tmp_path)
    (tmp_path / "mended").touch()
    check_squares(run_grid(failing, cells(tmp_path), store=tmp_path / "store"))
    check_once(tmp_path, done)


def test_an_error_that_cannot_travel_is_told_all_the_same(backend, tmp_path):
    (tmp_path / "awkward").touch()
    with pytest.raises((RuntimeError, Awkward)) as caught:  # Dask helps some of them to travel
        run_grid(failing, cells(tmp_path), store=tmp_path / "store")
    told = "".join(traceback.format_exception(caught.value))
    assert re.search("(?s)in failing.*planned and awkward.*This was the cell.*x=2", told)


def unloadable():
    raise ImportError("this worker lacks a module")


class Unloadable:
    __qualname__ = __name__ = "unloadable"

    def __reduce__(self):
        return unloadable, ()

    def __call__(self, x):
        return {}


def test_a_function_that_no_worker_can_load_is_an_error_and_no_wait(processes):
    with pytest.raises(Exception) as caught:
        run_grid(Unloadable(), product(x=range(4)))
    said = f"{caught.value!r} {caught.value.__cause__!r}"
    assert "lacks a module" in said or "un-serialize" in said


def colliding(x):
    return [{"y": 1}, {"x": x, "y": 2}]


@pytest.mark.parametrize(
    "function, error, message",
    [
        (colliding, ValueError, r"columns named like arguments: \['x'\]"),
        (lambda x: x, TypeError, "must return a dict, a list of dicts or a data frame"),
        (lambda x: [x], TypeError, "must return a dict, a list of dicts or a data frame"),
        (lambda x: pd.DataFrame([[1, 2]], columns=list("aa")), TypeError, "whose columns differ"),
        (lambda x: {"y": [1]}, TypeError, r"values text, numbers.*got 'y': \[1\]"),
        (lambda x: {"y": np.zeros(1)}, TypeError, "got 'y': array"),
        (lambda x: {"y": np.datetime64("2020-01-01", "ns")}, TypeError, "got 'y': np.datetime64"),
        (lambda x: {"y": np.timedelta64(5, "ns")}, TypeError, "got 'y': np.timedelta64"),
        (lambda x: {"y": 1j}, TypeError, "got 'y': 1j"),
        (lambda x: {1: 1}, TypeError, "names must be text.*got 1: 1"),
    ],
)
def test_results_that_are_no_rows_are_refused(function, error, message):
    with pytest.raises(error, match=message) as caught:
        run_grid(function, [{"x": 5}])
    assert caught.value.__notes__ == ["This was the cell x=5."]
