"""Tests of what is said during a run and after it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.running import progress
from tests.running.progress import Progress

CHAPTER = "chapters/01_a.ipynb"


class Clock:
    """A clock that a test sets."""

    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def run(clock):
    """A run of a chapter with two cells and of a file with three tests."""
    run = Progress(now=clock)
    tests = [f"tests/room/test_b.py::test_{n}" for n in range(3)]
    run.collected([f"{CHAPTER}::Cell 0", f"{CHAPTER}::Cell 1", *tests])
    return run


def report(nodeid, when="call", failed=False, duration=1.0, processor=2.0):
    return SimpleNamespace(
        nodeid=nodeid, when=when, failed=failed, duration=duration, processor=processor
    )


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [
        ("chapters/01_a.ipynb::Cell 0", "chapters/01_a"),
        ("tests/room/test_b.py::TestClass::test_c[x::y]", "tests/room"),
        ("tests/room/within/test_b.py::test_c", "tests/room"),
        ("tests/test_b.py::test_c", "tests"),
        ("src/weightinit/room/a.py::weightinit.room.a.f", "doctests in src"),
        ("tools/a.py::a.f", "doctests in tools"),
    ],
)
def test_row_of_a_test(nodeid, expected):
    assert progress.group(nodeid) == expected


def test_line_names_what_runs_and_for_how_long(run, clock):
    run.starts(f"{CHAPTER}::Cell 0")
    clock.seconds = 5
    run.reports(report(f"{CHAPTER}::Cell 0", "teardown"))
    run.starts(f"{CHAPTER}::Cell 1")
    run.starts("tests/room/test_b.py::test_0")
    clock.seconds = 65
    assert run.line() == "  1:05  1 of 5 | 01_a cell 2 of 2, 65 s | test_b test 1 of 3, 60 s"


def test_line_counts_failures(run):
    run.reports(report("tests/room/test_b.py::test_0", failed=True))
    assert run.line() == "  0:00  0 of 5, 1 failed"


def test_failure_is_said_at_once(run):
    assert run.reports(report(f"{CHAPTER}::Cell 0", failed=True)) == f"FAILED {CHAPTER}::Cell 0"
    assert run.reports(report(f"{CHAPTER}::Cell 0")) is None


def test_end_of_a_notebook_is_said_and_that_of_other_files_is_not(run, clock):
    said = []
    for nodeid in [f"{CHAPTER}::Cell 0", f"{CHAPTER}::Cell 1"]:
        run.starts(nodeid)
        clock.seconds += 30
        said += [run.reports(report(nodeid)), run.reports(report(nodeid, "teardown"))]
    assert said == [None, None, None, f"{CHAPTER}: 2 cells in 60 s, 0 failed"]
    for number in range(3):
        run.starts(f"tests/room/test_b.py::test_{number}")
        assert run.reports(report(f"tests/room/test_b.py::test_{number}", "teardown")) is None
    assert run.line() == "  1:00  5 of 5"


def test_table_adds_up(run, clock):
    for phase in ("setup", "call", "teardown"):
        run.reports(report(f"{CHAPTER}::Cell 0", phase, duration=1.0, processor=0.5))
        run.reports(report("tests/room/test_b.py::test_0", phase, duration=0.5, processor=1.0))
    run.reports(report("tests/room/test_b.py::test_1", failed=True, duration=0.0, processor=0.0))
    clock.seconds = 20
    rows = [" ".join(line.split()) for line in run.table(processor=6.0)]
    assert rows == [
        "tests failed processor waiting",
        "tests/room 1 1 3.0 s 1.5 s",
        "chapters/01_a 1 0 1.5 s 3.0 s",
        "starting, collecting, reporting 1.5 s",
        "everything 2 1 6.0 s 20.0 s",
    ]


def test_report_without_processor_time_counts_as_none(run):
    run.reports(
        SimpleNamespace(nodeid="tests/test_b.py::test_0", when="call", failed=False, duration=1)
    )
    assert run.table(1.0)[1].split()[-4:] == ["0.0", "s", "1.0", "s"]


def test_meter_notes_the_time_between_reports():
    meter, seen = progress.Meter(), SimpleNamespace()
    wrapper = meter.pytest_runtest_makereport()
    next(wrapper)
    before = progress.processor_time()
    while progress.processor_time() < before + 0.03:
        pass
    with pytest.raises(StopIteration):
        wrapper.send(seen)
    assert 0.02 <= seen.processor < 10
    assert meter.last == pytest.approx(progress.processor_time(), abs=1)


PLUGINS = ["-p", "tests.running.workers", "-p", "tests.running.progress", "-p", "no:cacheprovider"]


@pytest.mark.parametrize("workers", [0, 2])
def test_whole_run(tmp_path, workers):
    """The plugins at work: two folders of tests, one failure, with and without workers."""
    for folder, source in {"a": "def test_one(): pass", "b": "def test_two(): assert 0"}.items():
        (tmp_path / "tests" / folder).mkdir(parents=True)
        (tmp_path / "tests" / folder / f"test_{folder}.py").write_text(source)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, f"--rootdir={tmp_path}", *PLUGINS]
        + ["-p", "no:nbval", "-n", str(workers), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "FAILED tests/b/test_b.py::test_two" in lines
    rows = sorted(line[: line.index(".")] for line in lines if re.match(r"tests/\w+ \d", line))
    assert rows == ["tests/a 1 0 0", "tests/b 1 1 0"]
    assert [line for line in lines if line.startswith("everything 2 1 ")]
    assert "1 failed, 1 passed" in lines[-1]
