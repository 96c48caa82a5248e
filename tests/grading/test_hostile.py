"""A bank of hostile and damaged submissions, marked in one run beside honest ones."""

import contextlib
import csv
import hashlib
import os
import re
import shutil
import socket
import threading
from pathlib import Path

import psutil
import pytest

pytest.importorskip("nbgrader")

from grading.batch import processors
from grading.feedback import feedback
from tests.grading.bank import HONEST, REPO, ROWS, TOKEN, hand_in, judge
from tests.grading.toy import (
    NAME,
    answered,
    folder,
    grade_all,
    known,
    points,
    scores,
    shown,
    submit,
)

pytestmark = pytest.mark.slow


class Watch:
    """What an attack may have reached: a listener, files, processes, folders of sockets."""

    def __init__(self, course):
        self.course, self.reached, self.workers = course, [], {}
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", self.port))
        self.sockets = [tcp, udp]
        for place in (f"\0{TOKEN}", str(course.root.parent / "s")):
            one = socket.socket(socket.AF_UNIX)
            one.bind(place)
            one.listen()
            self.sockets.append(one)
        for one in self.sockets:
            one.settimeout(0.2)
        (course.root.parent / "sentinel").write_text("untouched")
        self.done = False
        self.threads = [threading.Thread(target=self._listen, args=(s,)) for s in self.sockets]
        self.threads.append(threading.Thread(target=self._look))
        for one in self.threads:
            one.start()

    def _listen(self, one):
        while not self.done:
            with contextlib.suppress(TimeoutError):
                if one.type == socket.SOCK_DGRAM:
                    self.reached.append(one.recv(9))
                else:
                    found, address = one.accept()
                    found.close()
                    self.reached.append((one.getsockname(), address))

    def _look(self):
        while not self.done:
            for one in psutil.Process().children():
                self.workers[one.pid] = one
            threading.Event().wait(0.2)

    def stop(self):
        self.done = True
        for one in self.threads:
            one.join()
        for one in self.sockets:
            one.close()

    def left(self):
        """Return the folders of sockets and the processes that workers have left."""
        folders = [path for pid in self.workers for path in Path("/tmp").glob(f"k-{pid}-*")]
        running = []
        for one in psutil.process_iter(["cmdline"]):
            line = " ".join(one.info["cmdline"] or [])
            if TOKEN in line or re.search(rf"/tmp/k-({'|'.join(map(str, self.workers))})-", line):
                running.append(line)
        return folders, running


def contents(root):
    """Return what lies in a folder that no submission may change."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for place in ("checks", "source", "release", "secret", "nbgrader_config.py", "../sentinel")
        for path in ([root / place] if (root / place).is_file() else (root / place).rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def bank(request, sandbox, toy_course):
    """The course after marking all rows that are tested, what was said, and what was reached."""
    course = toy_course()
    tested = [item for item in request.session.items if item.path == Path(__file__)]
    names = [item.callspec.params["name"] for item in tested if hasattr(item, "callspec")]
    os.environ["BANK_TOKEN"] = f"environment-{TOKEN}"
    watch = Watch(course)
    watch.names = names
    try:
        hand_in(course, names, watch.port)
        for name in ("-rf", "=1+1", "a;b", "$(id)", "\n"):
            folder(course, name)
        os.makedirs(os.fsencode(course.root) + b"/submitted/caf\xe9/" + NAME.encode())
        watch.before = contents(course.root)
        watch.said = grade_all(course)
    finally:
        watch.stop()
        del os.environ["BANK_TOKEN"]
    slow = {name: known(course, name)["seconds"] for name in names if recorded(course, name)}
    slow = sorted(slow.items(), key=lambda one: -one[1])[:12]
    print("\nslowest:", ", ".join(f"{name} {seconds:.0f} s" for name, seconds in slow))
    yield watch
    for path in course.root.parent.iterdir():  # some of it is large
        shutil.rmtree(path, ignore_errors=True)


def recorded(course, name):
    return (course.root / "marks" / NAME / f"{name}.json").is_file()


def test_no_submission_runs_where_another_does(sandbox, toy_course):
    """Who may start hundreds of processes has only the processors of one worker for them."""
    course, names = toy_course(), ("ann", "bob")
    code = "import os, time\nprint('on', sorted(os.sched_getaffinity(0)))\ntime.sleep(2)"
    for name in names:
        submit(course, name, answered(course, extra=code))
    grade_all(course)
    there = {str(sorted(processors(worker, 2))) for worker in range(2)}
    assert {re.search(r"on (\[.*\])", shown(course, name))[1] for name in names} == there


@pytest.mark.parametrize("name", ROWS)
def test_each_row_gets_its_marks_and_its_reason(bank, name):
    judge(bank.course, name)


def test_the_gradebook_holds_the_same_marks(bank):
    book = scores(bank.course)
    assert book.keys() == {*bank.names, *HONEST}
    for name, marks in book.items():
        machine = marks["draw"][0], marks["count"][0]
        assert (machine, marks["explain"][1]) == (points(bank.course, name), None), name


def test_neighbours_have_the_marks_that_they_have_alone(bank, toy_course):
    alone = toy_course()
    shutil.copy(bank.course.root / "secret", alone.root)
    hand_in(alone, [])
    grade_all(alone)
    for name in HONEST:
        assert known(alone, name)["marks"] == known(bank.course, name)["marks"]
        assert points(bank.course, name) == (4, 2)
        assert known(bank.course, name)["notes"] == []


def test_nothing_was_reached(bank):
    assert bank.reached == []
    assert contents(bank.course.root) == bank.before
    places = [REPO, bank.course.root.parent, Path("/tmp"), Path.home(), Path("/"), Path("/dev/shm")]
    assert [path for place in places for path in place.glob("*breach-*")] == []
    assert [path for path in bank.course.root.rglob(f"*{TOKEN}*")] == []


def test_nothing_is_left(bank):
    assert len(bank.workers) >= len(bank.names)
    assert bank.left() == ([], [])


def test_what_was_said(bank):
    said = "\n".join(bank.said)
    assert "FAILED" not in said and "CHECK BUG" not in said
    for name in ("-rf", "=1+1", "a;b", "$(id)", "\n", "caf\udce9"):
        assert f"the folder {name!r} is left out" in said
    said.encode()  # so that it can be printed


def test_the_table_of_marks_runs_nothing(bank):
    with open(bank.course.root / "marks" / f"{NAME}.csv", encoding="utf-8", newline="") as file:
        table = list(csv.reader(file))
    assert {row[0] for row in table[1:]} == {*bank.names, *HONEST}
    assert len(table) == 1 + 3 * len({*bank.names, *HONEST}) and {len(row) for row in table} == {7}
    assert not [cell for row in table for cell in row if cell[:1] in tuple("=+-@\t\r")]


def test_what_is_for_graders_has_a_sign_that_students_do_not_see(bank):
    said = [line for line in bank.said if "For graders (" in line]
    (sign,) = re.findall(r"For graders \(\w{6}\)", "\n".join(said))
    for name in HONEST:
        path = bank.course.notebook("autograded", NAME, name)
        assert path.read_text().count(f"*{sign}.*") == 1
    feedback(bank.course, NAME, [HONEST[0]], say=print)
    page = bank.course.root / "feedback" / HONEST[0] / NAME / f"{NAME}.html"
    assert "For graders" not in page.read_text()


def test_every_page_is_made_whatever_one_of_them_shows(bank):
    said = []
    feedback(bank.course, NAME, bank.names, say=said.append)
    assert not [line for line in said if "NO PAGE" in line]
    pages = bank.course.root.glob(f"feedback/*/{NAME}/{NAME}.html")
    assert {page.parts[-3] for page in pages} >= {*bank.names}


def test_pages_for_the_instructor_run_nothing(bank):
    feedback(bank.course, NAME, ["script"], say=print)
    page = bank.course.root / "feedback" / "script" / NAME / f"{NAME}.html"
    text = page.read_text()
    assert "alert(1)" in text  # it is shown, as text
    own = re.sub(r"<(script|style)\b.*?</\1>", lambda m: m[0] if "alert(1)" in m[0] else "", text,
                 flags=re.S)  # fmt: skip
    tags = re.findall(r"<[a-zA-Z][^>]*(?:alert|src=.?(?:http|//x))[^>]*>", own)
    assert tags == []
    live = re.sub(r"<(pre|code)\b.*?</\1>", "", own, flags=re.S)  # MathJax leaves these alone
    assert r"\href" not in live and "<script>alert" not in text and "<style>* " not in text
