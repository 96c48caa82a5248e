"""The grading program ends at any moment, and goes on where it was: nothing is lost or doubled."""

import multiprocessing
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("nbgrader")

from grading.__main__ import main
from grading.course import Course
from tests.grading.toy import NAME, answered, grade_all, known, scores, submit

pytestmark = pytest.mark.slow
REPO = Path(__file__).resolve().parents[2]
STUDENTS = ["ada", "bob", "cy"]
KILLS = 20
FORK = multiprocessing.get_context("fork")
WRONG = {"count_answer": "def count(widths):\n    return 7"}


def command(course, *more):
    return ["--course", str(course.root), "grade", NAME, "--cell", "5", "--disk", "32", *more]


def program(course, *more):
    line = [sys.executable, "-u", "-m", "grading", *command(course, *more)]
    return subprocess.Popen(line, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def by_hand(course, student, points):
    """Set a mark and a comment as formgrader does."""
    with course.nbgrader().gradebook as book:
        grade = book.find_grade("explain", NAME, NAME, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        book.find_comment("explain", NAME, NAME, student).manual_comment = "well said"
        book.db.commit()


def gradebook(course):
    """Return all rows, without what is drawn at random for each, or the moment of writing."""
    found = {}
    with sqlite3.connect(course.root / "gradebook.db") as book:
        for (table,) in book.execute("select name from sqlite_master where type='table'"):
            columns = [row[1] for row in book.execute(f"pragma table_info('{table}')")]
            kept = [one for one in columns if not re.search("id$|timestamp|^checksum", one)]
            rows = book.execute(f"select {', '.join(kept) or '1'} from {table}")
            found[table] = sorted(map(repr, rows))
        assert book.execute("pragma integrity_check").fetchone() == ("ok",)
    book.close()
    return found


def all_of(course):
    """Return everything that marking makes, apart from how long it took."""
    marks = {one: known(course, one) for one in STUDENTS}
    for one in marks.values():
        del one["seconds"]
    notebooks = {one: course.notebook("autograded", NAME, one).read_text() for one in STUDENTS}
    notebooks = {name: re.sub(r'"iopub\S*": .*\n', "", one) for name, one in notebooks.items()}
    logs = list((course.root / "marks").rglob("*.log"))
    table = (course.root / "marks" / f"{NAME}.csv").read_text()
    return marks, notebooks, logs, table, gradebook(course), scores(course)


@pytest.fixture(scope="module")
def marked(sandbox, toy_course):
    """A course that was marked, with one mark given by hand; nobody changes it."""
    course = toy_course()
    for one in STUDENTS:
        submit(course, one, answered(course))
    grade_all(course)
    by_hand(course, "ada", 2.5)
    return course


@pytest.fixture
def course(marked, tmp_path):
    """A copy of it to work on."""
    shutil.copytree(marked.root, tmp_path / "course")
    return Course(tmp_path / "course")


def test_killed_at_any_moment_it_goes_on_and_ends_the_same(course, tmp_path):
    for one in STUDENTS:  # all is to be marked again
        submit(course, one, answered(course, WRONG if one == "bob" else {}, "print('new')"))
    shutil.copytree(course.root, tmp_path / "undisturbed")
    undisturbed, started = Course(tmp_path / "undisturbed"), time.monotonic()
    assert main(command(undisturbed)) == 0
    whole = time.monotonic() - started
    moments = random.Random(20)
    processes = []
    for kill in range(KILLS):
        more = ["--again"] if kill % 2 else []
        wait = moments.uniform(0, min(0.6 * whole, 6))
        if kill % 5 == 0:
            one = program(course, *more)
            for line in one.stdout:
                if b"to mark" in line:
                    break
        else:
            one = FORK.Process(target=main, args=[command(course, *more)])
            one.start()
        time.sleep(wait)
        one.kill()
        one.wait() if isinstance(one, subprocess.Popen) else one.join()
        if isinstance(one, subprocess.Popen):
            one.stdout.close()
        processes.append(one.pid)
    assert main(command(course)) == 0
    assert main(command(course)) == 0  # whatever the last one left is gone
    for ours, theirs in zip(all_of(course), all_of(undisturbed), strict=True):
        assert ours == theirs
    assert scores(course)["ada"]["explain"] == (None, 2.5)
    assert scores(course)["bob"]["count"][0] == 0
    folders = [path.name.split("-")[1] for path in Path("/tmp").glob("k-*-*")]
    assert not [number for number in folders if not Path("/proc", number).exists()]


def test_a_second_grader_is_refused(course, capsys):
    first = program(course, "--again")
    try:
        for line in first.stdout:
            if b"to mark" in line:
                break
        for line in (command(course), ["--course", str(course.root), "assignments", NAME]):
            assert main(line) == 1
            said = capsys.readouterr().err
            assert f"another program is grading in {course.root}: wait until it ends" in said
        rest = first.stdout.read().decode()
        assert first.wait() == 0 and "FAILED" not in rest
    finally:
        first.kill()
        first.stdout.close()
    assert scores(course)["ada"] == {"draw": (4, None), "count": (2, None), "explain": (None, 2.5)}


def test_what_has_not_changed_is_not_marked_again(course):
    before = gradebook(course)
    assert f"{NAME}: 0 to mark, 3 as before" in grade_all(course)
    assert gradebook(course) == before


def test_a_changed_answer_is_marked_again_and_keeps_the_mark_by_hand(course):
    submit(course, "ada", answered(course, WRONG))
    said = grade_all(course)
    assert f"{NAME}: 1 to mark, 2 as before" in said
    assert scores(course)["ada"] == {"draw": (4, None), "count": (0, None), "explain": (None, 2.5)}
    with course.nbgrader().gradebook as book:
        assert book.find_comment("explain", NAME, NAME, "ada").manual_comment == "well said"


def waits(course, student):
    with course.nbgrader().gradebook as book:
        return book.find_grade("explain", NAME, NAME, student).needs_manual_grade


def test_only_a_changed_answer_goes_back_to_a_person(course):
    assert not waits(course, "ada")
    submit(course, "ada", answered(course, WRONG))  # another task than the one graded by hand
    grade_all(course)
    assert not waits(course, "ada")
    submit(course, "ada", answered(course, {"explain": "Another explanation."}))
    grade_all(course)
    assert waits(course, "ada") and scores(course)["ada"]["explain"] == (None, 2.5)


FULL = """\
set -e
mount -t tmpfs -o size=16m none "$1"
cp -a "$2/." "$1"
dd if=/dev/zero of="$1/ballast" bs=4096 2> /dev/null || true
set +e
{command}; echo "ended with $?"
rm "$1/ballast"
{command}; echo "then with $?"
cp -a "$1/." "$3"
"""


def test_a_full_disk_is_said_and_nothing_is_lost(course, tmp_path):
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("only an administrator may make a small disk")
    for one in STUDENTS:
        submit(course, one, answered(course, WRONG))
    small, after = tmp_path / "small", tmp_path / "after"
    small.mkdir()
    after.mkdir()
    line = [f'"{sys.executable}"', "-m grading --course", '"$1"', "grade", NAME, "--disk 32"]
    script = FULL.format(command=" ".join(line))
    told = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", small, course.root, after],
        cwd=REPO, capture_output=True, text=True,
    )  # fmt: skip
    said = told.stdout + told.stderr
    assert "ended with 1" in said and "No space left on device" in said, said
    assert "Traceback" not in said, said
    assert "then with 0" in said, said
    found = scores(Course(after))
    assert {name: found[name]["count"] for name in STUDENTS} == dict.fromkeys(STUDENTS, (0, None))
    assert found["ada"]["explain"] == (None, 2.5)
