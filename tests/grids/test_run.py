"""Grids on real pools: one core, threads, processes, and a Dask cluster; killed and interrupted."""

import functools
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from contextlib import nullcontext, suppress
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from weightinit.grids import product, run_grid

ROOT = Path(__file__).resolve().parents[2]
signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def entered(name, request):
    """Return the context of a backend with two workers."""
    if name == "sequential":
        return nullcontext()
    if name == "dask":
        request.getfixturevalue("client").wait_for_workers(2)  # one may have been killed before
    return joblib.parallel_config(name, n_jobs=2)


@pytest.fixture(params=["sequential", "threading", "loky", "dask"])
def backend(request):
    with entered(request.param, request):
        yield request.param


@pytest.fixture(params=["loky", "dask"])
def processes(request):
    with entered(request.param, request):
        yield request.param


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


def cells(folder, n=8):
    return product(folder=[str(folder)], x=range(n))


def check_squares(table, n=8):
    assert table["square"].tolist() == [x**2 for x in range(n)]
    assert table["x"].tolist() == list(range(n))


def check_once(folder, done):
    """Check that nothing is lost, nothing is there twice, and what was done was not done again."""
    assert sorted(stored(folder)) == sorted(set(started(folder)))
    assert len(done) > 1 and [started(folder).count(x) for x in done] == [1] * len(done)


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


def test_functions_of_a_script_can_be_sent(tmp_path):
    pytest.importorskip("distributed")
    (tmp_path / "script.py").write_text(
        "import os, sys, joblib\n"
        "from distributed import Client, LocalCluster\n"
        "from weightinit.grids import product, run_grid\n"
        "class Own(Exception): pass\n"
        "def half(x):\n"
        "    if x < 0: raise Own('negative')\n"
        "    return {'half': x / 2, 'here': os.getpid() == PARENT}\n"
        "if __name__ == '__main__':\n"
        "    PARENT = os.getpid()\n"
        "    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=':0')\n"
        "    with cluster, Client(cluster):\n"
        "        for name in ('loky', 'dask'):\n"
        "            with joblib.parallel_config(name, n_jobs=2):\n"
        "                table = run_grid(half, product(x=range(6)), store=name)\n"
        "                print(table['half'].tolist(), table['here'].any())\n"
        "                try: run_grid(half, product(x=[-1, -2]))\n"
        "                except Own as error: print(error, 'x=-' in error.__notes__[0])\n"
    )
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout == "[0.0, 0.5, 1.0, 1.5, 2.0, 2.5] False\nnegative True\n" * 2, done.stderr


def test_importing_is_cheap():
    script = (
        "import sys, weightinit.grids; print({'torch', 'dask', 'distributed'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


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
    time.sleep(0.5)  # the innocent ones are never faster
    return logged(folder, x)


@signals
def test_a_cell_that_kills_every_worker_is_named_after_all_others(processes, request, tmp_path):
    if processes == "dask":  # which tries three times more by itself; that takes long
        scheduler = request.getfixturevalue("client").cluster.scheduler
        monkeypatch = request.getfixturevalue("monkeypatch")
        monkeypatch.setattr(scheduler, "allowed_failures", 0)
    with pytest.raises(RuntimeError, match="1 cells broke 3 pools of workers") as caught:
        run_grid(killed_always, cells(tmp_path, 6), store=tmp_path / "store")
    assert "x=1" in str(caught.value) and "x=2" not in str(caught.value)
    assert sorted(stored(tmp_path)) == [0, 2, 3, 4, 5]
    assert type(caught.value.__cause__).__name__ in ("TerminatedWorkerError", "KilledWorker")


def patient(folder, x):
    result = logged(folder, x)
    if x > 2:
        Path(folder, f"worker {os.getpid()}").touch()
        wait_for(Path(folder, "go").exists)
    return result


def interrupted(name, folder):
    """What the process does that is interrupted."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
    if name == "dask":
        from distributed import Client, LocalCluster

        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")
    else:
        cluster = nullcontext()
    with cluster, Client(cluster) if name == "dask" else cluster:
        with nullcontext() if name == "sequential" else joblib.parallel_config(name, n_jobs=2):
            run_grid(patient, cells(folder), store=Path(folder, "store"))


@signals
@pytest.mark.parametrize(
    "name, sent",
    [("sequential", "SIGINT"), ("loky", "SIGINT"), ("dask", "SIGINT"), ("loky", "SIGKILL")],
)
def test_an_interrupted_run_is_resumed(name, sent, tmp_path):
    if name == "dask":
        pytest.importorskip("distributed")
    script = f"from tests import test_grids; test_grids.interrupted({name!r}, {str(tmp_path)!r})"
    with open(tmp_path / "stderr", "w") as stderr:
        process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=stderr)
        try:
            wait_for(lambda: len(stored(tmp_path)) == 3 or process.poll() is not None)
            process.send_signal(signal.Signals[sent])
            assert process.wait(60) == -signal.Signals[sent]
        finally:
            process.kill()
            for worker in tmp_path.glob("worker *"):  # when the process is killed, they are orphans
                with suppress(ProcessLookupError):
                    os.kill(int(worker.name.split()[1]), signal.SIGKILL)
    said = (tmp_path / "stderr").read_text()
    if sent == "SIGINT":
        last = said.rstrip().splitlines()[-2:]
        note = f"{tmp_path / 'store'} holds 3 of the {len(cells(tmp_path))} cells; the same call"
        assert last == ["KeyboardInterrupt", f"{note} goes on."]
    assert "Warning" not in (tmp_path / "stderr").read_text()
    assert (tmp_path / "store").read_bytes().endswith(b"}\n")
    done = stored(tmp_path)
    assert sorted(done) == [0, 1, 2]
    (tmp_path / "go").touch()
    check_squares(run_grid(patient, cells(tmp_path), store=tmp_path / "store"))
    check_once(tmp_path, done)
    # Nothing is left to do.
    before = (tmp_path / "store").read_bytes(), started(tmp_path)
    check_squares(run_grid(patient, cells(tmp_path), store=tmp_path / "store"))
    assert ((tmp_path / "store").read_bytes(), started(tmp_path)) == before


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


# ---- Cells -------------------------------------------------------------------------------------


def square(x):
    return {"square": x**2}


@pytest.mark.parametrize(
    "grid, error, message",
    [
        ([], ValueError, "at least one cell, got none"),
        ([{"x": 1}, 2], TypeError, "cell 1 must be a dict of arguments, got 2"),
        ([{}], TypeError, "cell 0 must be a dict of arguments, got {}"),
        ({"x": [1, 2]}, TypeError, "cell 0 must be a dict of arguments, got 'x'"),
        ([{"x": 1}, {"y": 1}], ValueError, r"the first has \['x'\], cell 1 has \['y'\]"),
        ([{"x": 1}, {"x": np.int64(1)}], ValueError, "the cell x=1 is there 2 times"),
        ([{"x": np.nan}] * 3, ValueError, "the cell x=nan is there 3 times"),
        ([{"x": [1]}], TypeError, r"got 'x': \[1\]"),
        ([{"x": np.ones(1)}], TypeError, "values text, numbers, booleans or None, got 'x': array"),
    ],
)
def test_cells_that_cannot_be_told_apart_or_kept_are_refused(grid, error, message):
    with pytest.raises(error, match=message):
        run_grid(square, grid)


def test_order_of_arguments_does_not_matter(tmp_path):
    run_grid(logged, [{"folder": str(tmp_path), "x": 1}], store=tmp_path / "store")
    grid = [{"x": 1, "folder": str(tmp_path)}, {"folder": str(tmp_path), "x": 3}]
    table = run_grid(logged, grid, store=tmp_path / "store")
    assert table.columns.tolist() == ["x", "folder", "square"]
    assert table["square"].tolist() == [1, 9] and started(tmp_path) == [1, 3]


def test_product_has_every_combination_once():
    grid = product(a=range(2), b=(c for c in "xy"), c=np.array([0.5]))
    assert grid == [{"a": a, "b": b, "c": 0.5} for a in (0, 1) for b in "xy"]
    with pytest.raises(TypeError, match=r"a must be a sequence, such as \['xy'\], got 'xy'"):
        product(a="xy")
    with pytest.raises(TypeError, match=r"a must be a sequence, such as \[3\], got 3"):
        product(a=3)
    for axes in ({}, {"a": [1], "b": []}):
        with pytest.raises(ValueError, match="at least one axis and a value on each"):
            product(**axes)


# ---- The store ---------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    """Return the store of a run of cells 0 to 3."""
    run_grid(logged, cells(tmp_path, 4), store=tmp_path / "store")
    assert stored(tmp_path) == [0, 1, 2, 3]
    return tmp_path / "store"


@pytest.mark.parametrize("cut", [1, 2, 20])
def test_a_torn_last_line_is_computed_again(store, cut):
    whole = store.read_bytes()
    store.write_bytes(whole[:-cut])
    check_squares(run_grid(logged, cells(store.parent, 4), store=store), 4)
    assert store.read_bytes() == whole and started(store.parent) == [0, 1, 2, 3, 3]


@pytest.mark.parametrize("left", [0, 10])
def test_a_torn_first_line_is_written_again(store, left):
    whole = store.read_bytes()
    store.write_bytes(whole[:left])
    check_squares(run_grid(logged, cells(store.parent, 4), store=store), 4)
    assert store.read_bytes() == whole


def test_cells_of_a_larger_grid_stay_in_the_store(store):
    whole = store.read_bytes()
    check_squares(run_grid(logged, cells(store.parent, 2), store=store), 2)
    assert store.read_bytes() == whole


def change_line(store, number, change):
    lines = store.read_bytes().splitlines(keepends=True)
    lines[number - 1] = change(lines[number - 1])
    store.write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    "number, change, message",
    [
        (3, lambda line: line[:20] + b"\n", "line 3 of .*store is damaged: .*delete that line"),
        (5, lambda line: b"\n", "line 5 of .*store is damaged: b''"),
        (2, lambda line: b"[1]\n", "line 2 of .*store is damaged"),
        (2, lambda line: b'{"cell": {"x": 1}}\n', "line 2 of .*store is damaged"),
        (4, lambda line: b"\xff" + line, "line 4 of .*store is damaged"),
        (4, lambda line: line * 2, "line 5 of .*store holds a cell a second time: .*x=2"),
        (1, lambda line: b"", "store is no store of results: name another file"),
        (1, lambda line: b"no store\n", "store is no store of results: name another file"),
    ],
)
def test_a_damaged_store_is_refused_and_left_alone(store, number, change, message):
    change_line(store, number, change)
    before = store.read_bytes()
    with pytest.raises(ValueError, match=message):
        run_grid(logged, cells(store.parent, 6), store=store)
    assert store.read_bytes() == before and started(store.parent) == [0, 1, 2, 3]


def test_no_other_file_is_overwritten(tmp_path):
    path = tmp_path / "letter"
    for content in (b"Dear all", b"{}", b"7\n8"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is no store of results: name another file"):
            run_grid(square, [{"x": 1}], store=path)
        assert path.read_bytes() == content


def test_results_of_another_function_are_not_mixed_in(store):
    with pytest.raises(ValueError, match=r"results of .*\.logged, not .*\.square: delete the file"):
        run_grid(square, [{"x": 1}], store=store)


def test_results_before_an_edit_are_not_mixed_in(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    path, store, grid = tmp_path / "module_to_edit.py", tmp_path / "store", [{"x": 3}]
    path.write_text("def f(x):\n    return {'y': x}\n")
    module = importlib.import_module("module_to_edit")
    assert run_grid(module.f, grid, store=store)["y"].tolist() == [3]
    path.write_text("LONGER = 'elsewhere'\ndef f(x):\n    return {'y': x}\n")
    importlib.reload(module)
    assert run_grid(module.f, grid, store=store)["y"].tolist() == [3]
    path.write_text("def f(x):\n    return {'y': x + 100}\n")
    importlib.reload(module)
    with pytest.raises(
        ValueError, match="f before its source changed, if only in a comment: delete"
    ):
        run_grid(module.f, grid, store=store)
    store.unlink()
    assert run_grid(module.f, grid, store=store)["y"].tolist() == [103]
    sys.modules.pop("module_to_edit")


def test_a_function_without_a_readable_source_is_known_by_its_name(tmp_path):
    made = {"__name__": "typed"}
    exec("def f(x): return {'y': x}", made)
    for _ in range(2):
        assert run_grid(made["f"], [{"x": 3}], store=tmp_path / "store")["y"].tolist() == [3]
    assert '{"results of": "typed.f", "source": null}' in (tmp_path / "store").read_text()


def test_what_has_no_source_of_its_own_is_not_stored(tmp_path):
    power = functools.partial(pow, exp=2)
    with pytest.raises(TypeError, match="function made by def, known by its source; got functools"):
        run_grid(power, [{"base": 2}], store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


# ---- The progress bar --------------------------------------------------------------------------


def test_no_bar_outside_a_live_session(backend, capfd, monkeypatch, tmp_path):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    run_grid(logged, cells(tmp_path, 4), store=tmp_path / "store")
    assert capfd.readouterr() == ("", "")


def test_the_bar_counts_what_is_on_disk(store, capfd):
    run_grid(logged, cells(store.parent, 6), store=store, progress=True)
    shown = capfd.readouterr().err
    assert " 4/6 " in shown and " 0/6 " not in shown
