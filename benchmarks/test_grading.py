"""Honest submissions marked per minute, and what the sandbox costs of that. Needs bubblewrap."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="make grading installs it")

from grading import batch, sandbox  # noqa: E402
from grading.course import Course  # noqa: E402
from grading.marking import COURSE  # noqa: E402
from grading.release import release  # noqa: E402
from grading.samples import ASSIGNMENT, right  # noqa: E402

# nbgrader 0.9 fills its gradebook in an order that SQLAlchemy 2 warns about.
pytestmark = pytest.mark.filterwarnings("ignore:Object of type <:sqlalchemy.exc.SAWarning")

SUBMISSIONS, WORKERS = 12, 2
GOAL = 15  # a minute, on two cores


@pytest.fixture
def course(tmp_path):
    """Return a course with honest submissions of assignment 2."""
    try:
        sandbox.check_sandbox()
    except sandbox.NoSandbox as error:
        pytest.skip(str(error))
    for name in ("source", "checks", "nbgrader_config.py"):
        place = tmp_path / name
        (shutil.copytree if (COURSE / name).is_dir() else shutil.copy)(COURSE / name, place)
    course = Course(tmp_path)
    release(course, ASSIGNMENT)
    for number in range(SUBMISSIONS):
        path = course.notebook("submitted", ASSIGNMENT, f"student{number}")
        path.parent.mkdir(parents=True)
        batch.replace(path, batch.nbformat.writes(right(course)))
    return course


def minutes(course):
    start = time.perf_counter()
    said = []
    batch.grade(course, ASSIGNMENT, workers=WORKERS, again=True, say=said.append)
    taken = (time.perf_counter() - start) / 60
    assert sum("16 points by machine" in line for line in said) == SUBMISSIONS, said
    return taken


def bare(socket, files, limits, command, user=None):
    """Return the command without the sandbox; only for what we have written ourselves."""
    return ["env", "-C", files, *[f"{k}={v}" for k, v in os.environ.items()], *command]


def test_submissions_a_minute(benchmark, capsys, course, monkeypatch, tmp_path):
    benchmark.pedantic(minutes, args=(course,), rounds=1)
    inside = minutes(course)
    (tmp_path / "ask").mkdir()
    shutil.copy(Path(sandbox.__file__).with_name("codec.py"), tmp_path / "ask/answer_in_kernel.py")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "ask"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(sandbox, "sandboxed", bare)
    monkeypatch.setattr(sandbox, "start", subprocess.Popen)
    monkeypatch.setattr(batch, "check_sandbox", lambda: None)
    outside = minutes(course)
    rate, share = SUBMISSIONS / inside, 1 - outside / inside
    benchmark.extra_info.update(rate=rate, share=share)
    with capsys.disabled():
        print(
            f"\n{rate:.1f} submissions a minute; the sandbox takes {100 * share:.0f} % of the time"
        )
    assert rate >= GOAL, sys.version
