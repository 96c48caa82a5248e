"""The sandbox where an ordinary user grades: the same marks, by name spaces of users."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytest.importorskip("nbgrader")

from tests.grading.bank import HONEST, REPO, TOKEN, hand_in, judge
from tests.grading.toy import NAME, answered, folder, known, points, submit

pytestmark = pytest.mark.slow
NOBODY = "65534"
PLACE = "/mnt"  # where the ordinary user sees the course
ROWS = ["exit", "kill_all", "loop_swallows", "memory", "memory_memfd", "fork_bomb", "disks"]
ROWS += ["reads", "environ", "writes", "network", "privileges", "sockets_deep", "left_running"]
ROWS += ["memory_semaphores", "memory_of_pipes", "memory_of_sockets", "message_without_end"]
# In a copy of the mounts of its own, Python can be read although it lies in a folder of root's.
SCRIPT = """\
set -e
mount --bind "$1" /mnt
if [ -n "$2" ]; then
    mount --bind "$3" /mnt/python
    mount -t tmpfs -o mode=755 none "$2"
    mkdir -p "$3"
    mount --bind /mnt/python "$3"
    umount /mnt/python
fi
shift 3
exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all "$@"
"""


def as_nobody(place, *line):
    """Run Python as a user without rights, who sees a folder as /mnt."""
    base = Path(sys.base_prefix).resolve()
    above = [path for path in (*reversed(base.parents), base) if not path.stat().st_mode & 1]
    command = ["unshare", "-m", "sh", "-c", SCRIPT, "sh", place, above[0] if above else "", base]
    kept = {"PATH": os.environ["PATH"], "HOME": f"{PLACE}/home", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, sys.executable, *line],
        cwd=REPO,
        env=kept | {"PYTHONDONTWRITEBYTECODE": "1", "BANK_TOKEN": f"environment-{TOKEN}"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def marked(sandbox, toy_course, tmp_path_factory):
    if os.geteuid():
        pytest.skip("these tests run as an ordinary user already")
    place = tmp_path_factory.mktemp("user")
    course = toy_course(place / "course")
    (place / "home").mkdir()
    (place / "python").mkdir()
    subprocess.run(["chown", "-R", NOBODY, place], check=True)
    tried = as_nobody(place, "-m", "grading", "--course", f"{PLACE}/course", "sandbox")
    if tried.returncode:
        pytest.skip(f"an ordinary user has no sandbox here: {(tried.stdout + tried.stderr)[-300:]}")
    (place / "sentinel").write_text("untouched")
    hand_in(course, ROWS, port=9, root=f"{PLACE}/course")
    for name, shut in (("shut_file", f"{NAME}.ipynb"), ("shut_folder", ".")):
        submit(course, name, answered(course))
        (folder(course, name) / shut).chmod(0)
    folder(course, "shut_student").parent.chmod(0)
    subprocess.run(["chown", "-R", NOBODY, place], check=True)
    limits = "--cell 5 --question 3 --total 25 --memory 700 --disk 32 --processes 60".split()
    line = ["-m", "grading", "--course", f"{PLACE}/course", "grade", NAME, *limits]
    done = as_nobody(place, *line)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    course.said = done.stdout
    return course


@pytest.mark.parametrize("name", ROWS)
def test_each_row_gets_its_marks_and_its_reason(marked, name):
    judge(marked, name, root=f"{PLACE}/course")


@pytest.mark.parametrize("name", HONEST)
def test_honest_students_have_all_points(marked, name):
    assert points(marked, name) == (4, 2)
    assert known(marked, name)["notes"] == []


@pytest.mark.parametrize("name", ["shut_file", "shut_folder", "shut_student"])
def test_what_cannot_be_read_is_said(marked, name):
    assert points(marked, name) == (0, 0)
    assert "cannot be read: Permission denied" in " ".join(known(marked, name)["notes"])


def test_nothing_is_left(marked):
    assert "FAILED" not in marked.said
    assert (marked.root.parent / "sentinel").read_text() == "untouched"
    left = [path for path in Path("/tmp").glob("k-*-*") if path.stat().st_uid == int(NOBODY)]
    # Others may be marking on this machine.
    assert [path for path in left if not psutil.pid_exists(int(path.name.split("-")[1]))] == []
