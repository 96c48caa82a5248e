"""The file of a grid: torn, damaged, locked, on a full disk, of another function."""

import functools
import os

import pytest

from tests.grids.support import cells, check_squares, logged, square, started, stored
from weightinit.grids import product, run_grid
from weightinit.grids.store import Store


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
        (2, lambda line: b'{"cell": {"x": 1}, "rows": 5}\n', "line 2 of .*store is damaged"),
        (2, lambda line: b'{"cell": {"x": 1}, "rows": [5]}\n', "line 2 of .*store is damaged"),
        (2, lambda line: b'{"cell": 1, "rows": []}\n', "line 2 of .*store is damaged"),
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


class Squares:
    def square(self, x):
        return square(x)


def test_what_has_no_source_of_its_own_is_not_stored(tmp_path):
    power = functools.partial(square)
    for function in (power, functools.cache(square), Squares().square, dict):
        with pytest.raises(TypeError, match="function made by def, known by its source; got "):
            run_grid(function, [{"x": 2}], store=tmp_path / "store")
    assert not list(tmp_path.iterdir())


def test_every_line_is_on_the_disk_before_the_run_goes_on(tmp_path, monkeypatch):
    path, seen = tmp_path / "store", []
    monkeypatch.setattr(os, "fsync", lambda file: seen.append(path.read_bytes().count(b"\n")))
    run_grid(logged, cells(tmp_path, 3), store=path)
    assert seen == [1, 2, 3, 4]


def test_a_full_disk_loses_nothing_that_was_done(store):
    resource = pytest.importorskip("resource")
    whole = store.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 30, before[1]))  # a part of a line
    try:
        with pytest.raises(OSError) as caught:
            run_grid(logged, cells(store.parent, 6), store=store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (note,) = caught.value.__notes__
    assert note == f"{store} keeps what was added before; call again to go on."
    assert store.read_bytes()[: len(whole)] == whole and len(store.read_bytes()) == len(whole) + 30
    check_squares(run_grid(logged, cells(store.parent, 6), store=store), 6)
    assert stored(store.parent) == list(range(6)) and started(store.parent) == [0, 1, 2, 3, 4, 4, 5]


def test_a_function_cannot_write_to_the_store_it_is_run_for(tmp_path):
    where = str(tmp_path / "store")
    with pytest.raises(RuntimeError, match="another run is writing to .*store: wait until it ends"):
        run_grid(nested, product(where=[where], x=[1]), store=where)
    # The lock ended with the run.
    with pytest.raises(RuntimeError, match="another run is writing"):
        run_grid(nested, product(where=[where], x=[1]), store=where)
    assert run_grid(nested, product(where=[where], x=[0]), store=where)["done"].all()


def nested(where, x):
    if x:
        run_grid(nested, product(where=[where], x=[0]), store=where)
    return {"done": True}


def stopping(folder, x):
    if x == 5 and not os.path.exists(f"{folder}/go"):
        raise KeyboardInterrupt
    return logged(folder, x)


def test_the_note_counts_the_cells_of_this_run_only(tmp_path):
    run_grid(stopping, cells(tmp_path, 4), store=tmp_path / "store")
    with pytest.raises(KeyboardInterrupt) as caught:
        run_grid(stopping, cells(tmp_path)[2:], store=tmp_path / "store")
    where = tmp_path / "store"
    assert caught.value.__notes__ == [f"{where} holds 3 of the 6 cells; the same call goes on."]
    with pytest.raises(KeyboardInterrupt) as caught:
        run_grid(stopping, cells(tmp_path))
    assert not hasattr(caught.value, "__notes__")


def test_an_interrupt_while_a_line_is_made_safe_is_counted_right(tmp_path, monkeypatch):
    calls = []

    def interrupted(file):
        calls.append(file)
        if len(calls) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        run_grid(logged, cells(tmp_path), store=tmp_path / "store")
    assert " holds 3 of the 8 cells" in caught.value.__notes__[0]
    assert stored(tmp_path) == [0, 1, 2]
    check_squares(run_grid(logged, cells(tmp_path), store=tmp_path / "store"))
    assert started(tmp_path) == list(range(8))


def test_what_another_run_adds_before_the_lock_is_not_computed_again(store, monkeypatch):
    read = Store.read

    def read_late(kept):
        monkeypatch.setattr(Store, "read", read)
        found = kept.read()
        run_grid(logged, cells(store.parent, 6), store=store)
        return found

    monkeypatch.setattr(Store, "read", read_late)
    check_squares(run_grid(logged, cells(store.parent, 6), store=store), 6)
    assert started(store.parent) == list(range(6))


def test_a_damaged_line_is_shown_by_its_start_only(store):
    change_line(store, 3, lambda line: b"x" * 10_000 + b"\n")
    with pytest.raises(ValueError, match="line 3 of .* is damaged: b'x{80}'; delete that line"):
        run_grid(logged, cells(store.parent, 6), store=store)


def test_a_complete_store_is_only_read(store):
    """So many chapters may read one at a time, also where nothing can be written."""
    store.with_name("store.lock").unlink()
    store.parent.chmod(0o555)
    try:
        check_squares(run_grid(logged, cells(store.parent, 4), store=store), 4)
    finally:
        store.parent.chmod(0o755)
    assert not store.with_name("store.lock").exists()
