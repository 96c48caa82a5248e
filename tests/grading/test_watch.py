"""What a submission holds is counted, also where Linux counts it in no process's memory."""

import contextlib
import mmap
import os
import signal
import time

import psutil
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

from grading import sandbox as module  # noqa: E402
from grading import watch  # noqa: E402
from tests.grading.toy import LIMITS  # noqa: E402

GB = 2**30


@contextlib.contextmanager
def child(act):
    """Start a process that does something and waits; yield it when it has done it."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        kept = act()
        os.write(write, b"x")
        time.sleep(60)
        os._exit(bool(kept))
    try:
        os.read(read, 1)
        yield psutil.Process(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(read)
        os.close(write)


def only_read():
    """Read a GB of zeros here and there: it holds no page, but a table for each two MB."""
    room = mmap.mmap(-1, GB, mmap.MAP_PRIVATE)
    room.madvise(mmap.MADV_NOHUGEPAGE)
    return room, [room[at] for at in range(0, GB, 2 * 2**20)]


def test_tables_of_pages_are_memory():
    with child(tuple) as idle, child(only_read) as reader:
        more = watch._memory([reader], 1) - watch._memory([idle], 1)
        assert more > 1.5 * 2**20


def pieces():
    """Hold 1000 pages, none of which can be joined with the next."""
    room = mmap.mmap(-1, 2000 * 4096, mmap.MAP_PRIVATE)
    for at in range(0, 2000, 2):
        room.madvise(mmap.MADV_DONTFORK, at * 4096, 4096)
    return room


def test_pieces_of_many_processes_are_counted(monkeypatch):
    with child(pieces) as one, child(tuple) as idle:
        assert watch._pieces([one] * 2) == 0
        monkeypatch.setattr(watch, "FEW", 1)
        # the pieces that the tests themselves hold are in both; hundreds, or thousands in long runs
        whole, loaded = watch._pieces([one] * 2), watch._pieces([idle] * 2)
        assert abs(whole - loaded - 2 * 2000) < 50
        monkeypatch.setattr(watch, "PIECES", 1000)
        assert watch._pieces([one] * 9999) <= whole / 2, "it stops when there are too many"


def test_counting_that_is_made_slow_ends(monkeypatch):
    with child(tuple) as one:
        kept, most = one.memory_info().rss, 1.8 * one.memory_info().rss
        assert watch._memory([one] * 2, most) < most, "shared pages count once"
        monkeypatch.setattr(watch, "PATIENCE", 0)
        assert watch._memory([one] * 2, most) >= 2 * kept


def test_who_cannot_be_watched_is_ended(sandbox, monkeypatch, tmp_path):
    def fails(*arguments):
        raise ValueError

    monkeypatch.setattr(module, "excess", fails)
    one = module.Sandbox(lambda folder: ["sleep", "60"], tmp_path, LIMITS)
    one.process.wait(timeout=20)
    assert one.reason == "what it uses cannot be watched"
    one.kill()
