"""Tests of which file of tests is run where and when."""

import os
import subprocess
import sys
from pathlib import Path

from tests.running import workers

ROOT = Path(__file__).parents[2]


def test_known_seconds_come_before_the_size(tmp_path):
    (tmp_path / "a.ipynb").write_bytes(b" " * 10**6)
    assert workers.estimate(tmp_path / "a.ipynb", {"a.ipynb": 3.0}, "a.ipynb") == 3.0
    assert workers.estimate(tmp_path / "a.ipynb", {"b.ipynb": 3.0}, "a.ipynb") == 60.0


def test_without_a_run_before_notebooks_come_first_and_long_ones_before_short_ones(tmp_path):
    sizes = {"long.ipynb": 2_000_000, "short.ipynb": 150_000, "a.py": 20_000, "b.txt": 3_000_000}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(b" " * size)
    order = sorted(sizes, key=lambda name: -workers.estimate(tmp_path / name, {}, name))
    assert order == list(sizes)
    assert workers.estimate(tmp_path / "absent.py", {}, "absent.py") == 0.0


def test_queue_hands_out_the_largest():
    queue = workers._Sorted({"a": 1, "b": 3, "c": 2}.get)
    queue.update(a="A", b="B", c="C")
    assert [queue.popitem(last=False) for _ in range(3)] == [("b", "B"), ("c", "C"), ("a", "A")]
    assert not queue


def test_cores_are_those_that_this_process_may_use():
    assert 1 <= workers.cores() <= os.cpu_count()


def test_files_are_not_split_and_the_longest_starts_first(tmp_path):
    """Three files on two workers, with a distribution asked for that would split them."""
    test = "import time\ndef test_it(n): time.sleep(0.01)\n"
    made = "def pytest_generate_tests(metafunc): metafunc.parametrize('n', range(8))\n"
    for name, size in {"test_a": 0, "test_b": 100, "test_c": 200}.items():
        (tmp_path / f"{name}.py").write_text(test + made + "#" * size)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-c", os.devnull, f"--rootdir={tmp_path}"]
        + ["-p", "no:nbval", "-p", "tests.running.workers", "-n", "2", "--dist", "worksteal"]
        + [str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    lines = [line.split() for line in done.stdout.splitlines() if "PASSED" in line]
    ran = {}
    for worker, *_, nodeid in lines:
        ran.setdefault(nodeid.partition("::")[0], set()).add(worker)
    assert len(lines) == 24
    assert all(len(names) == 1 for names in ran.values())
    assert set(list(ran)[:2]) == {"test_b.py", "test_c.py"}


def test_workers_share_the_cores():
    environment = {**os.environ, "PYTEST_XDIST_WORKER_COUNT": "1000"}
    environment.pop("OMP_NUM_THREADS", None)
    script = "import conftest, os; print(os.environ['OMP_NUM_THREADS'])"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr
