"""All submissions of an assignment, some at once; what was done before is not done again."""

import contextlib
import ctypes
import hashlib
import hmac
import io
import json
import math
import multiprocessing
import os
import resource
import shutil
import signal
import time
import traceback
from pathlib import Path

from nbgrader.api import MissingEntry

from grading.by_hand import ByHand
from grading.course import Stop, alone, done, replace
from grading.execute import Execute, Job
from grading.marking import load_checks
from grading.prepare import HEAVY, prepare, within_limits
from grading.rebuild import REVIEW
from grading.release import released
from grading.report import write_report
from grading.sandbox import Limits, check_sandbox
from grading.sockets import sweep

MEMORY = 8 * 2**30  # bytes of address space of the process that grades one submission


def grade(course, assignment, students=None, workers=2, limits=None, again=False, say=print):
    """Mark the submissions of an assignment and write ``marks/<assignment>.csv``.

    Parameters
    ----------
    course : Course
    assignment : str
    students : list of str, optional
        Only these.
    workers : int
        How many are marked at once.
    limits : Limits, optional
    again : bool
        Whether to mark also what has not changed since it was marked.
    say : function
        Is told about progress, in lines.

    Returns
    -------
    path
        Of the report.

    Raises
    ------
    Stop
        If there is nothing to mark, or something is missing, before anything has changed.
    NoSandbox
        If there is none that works.
    """
    if workers < 1:
        raise Stop(f"there must be at least one worker, got {workers}")
    limits = limits or Limits()
    if wrong := [name for name, value in vars(limits).items() if not 0 < value < math.inf]:
        raise Stop(f"limits are numbers above 0: {', '.join(wrong)}")
    check_sandbox()
    notebook = released(course, assignment)
    there, odd = course.students(assignment)
    if unknown := sorted({*(students or [])} - {*there}):
        raise Stop(
            f"no submission of {assignment} by {', '.join(unknown)} in {course.root / 'submitted'}"
        )
    if not there:
        raise Stop(
            f"there is no submission of {assignment}: they belong in "
            f"{course.root / 'submitted' / '<student>' / assignment}"
        )
    for name in odd:
        say(
            f"{REVIEW}: the folder {name!r} is left out: use letters, digits, and _ . @ -, with "
            "spaces only amid them; not too many, and no .zip at the end"
        )
    with alone(course):
        sweep()
        # Made here if it is missing, and not by two workers at once; what this loads they inherit.
        with course.nbgrader().gradebook:
            pass
        batch = Batch(course, assignment, notebook, limits, say)
        batch.run([name for name in there if not students or name in students], workers, again)
        say(f"Model answers and rubrics begin with the words: For graders ({batch.sign})")
        return write_report(course, assignment, notebook, say)


class Batch:
    """The submissions of one assignment."""

    def __init__(self, course, assignment, notebook, limits, say):
        self.course, self.assignment, self.notebook = course, assignment, notebook
        self.limits, self.say, self.secret = limits, say, course.secret()
        words = f"graders of {assignment}".encode()
        self.sign = hmac.digest(self.secret, words, "sha256").hex()[:6]
        self.checks = load_checks(assignment, course.root)
        self.api = course.nbgrader(submitted_directory="prepared")
        self.folder = course.root / "marks" / assignment
        self.folder.mkdir(parents=True, exist_ok=True)
        before = self.folder / ".sign"
        if before.exists() and before.read_text() != self.sign:
            say(
                f"{REVIEW}: the secret of the term is not the one with which {assignment} was "
                "marked: all is marked again, with other numbers. If that is wrong, put back yours"
            )
        replace(before, self.sign)
        here = Path(__file__).parent
        files = [course.root / "checks" / f"{assignment}.py", *sorted(here.glob("*.py"))]
        files.append(course.notebook("release", assignment))
        self.version = hashlib.sha256(b"".join(file.read_bytes() for file in files) + self.secret)

    def run(self, students, workers, again):
        """Mark what is new or has changed."""
        todo = []
        for student in students:
            key = self._prepare(student)
            if again or self._known(student).get("key") != key or not self._stands(student):
                (self.folder / f"{student}.json").unlink(missing_ok=True)
                todo.append((student, key))
        self.say(f"{self.assignment}: {len(todo)} to mark, {len(students) - len(todo)} as before")
        running, count, start = {}, 0, time.monotonic()
        free = list(range(workers))
        context = multiprocessing.get_context("fork")
        try:
            while todo or running:
                while todo and len(running) < workers:
                    student, key = todo.pop(0)
                    one = free.pop(0)
                    given = student, key, os.getpid(), processors(one, workers)
                    process = context.Process(target=self._one, args=given)
                    process.start()
                    running[student] = process, time.monotonic() + self.limits.total + 180, one
                time.sleep(0.05)
                for student, (process, end, one) in list(running.items()):
                    if process.is_alive() and time.monotonic() < end:
                        continue
                    if process.is_alive():
                        log = self.folder / f"{student}.log"
                        log.write_text("It took too long: the limit of a notebook, and 180 s.\n")
                    process.kill()
                    process.join()
                    del running[student]
                    free.append(one)
                    count += 1
                    minutes = (time.monotonic() - start) / 60
                    self.say(f"{count} done, {count / minutes:.1f} a minute: {self._told(student)}")
        finally:
            for process, *_ in running.values():
                process.kill()

    def _prepare(self, student):
        """Write the rebuilt notebook of a student, and return what its marks depend on."""
        arguments = self.course, self.assignment, student, self.notebook, self.sign
        made = within_limits(prepare, *arguments) or prepare(*arguments, damage=HEAVY)
        key = self.version.copy()
        key.update(json.dumps([*made, vars(self.limits)]).encode())
        return key.hexdigest()

    def _known(self, student):
        """Return what was stored of a student, empty if nothing was."""
        try:
            return json.loads((self.folder / f"{student}.json").read_text())
        except (OSError, ValueError):
            return {}

    def _stands(self, student):
        """Whether the gradebook and the marked notebook still say what was stored."""
        if not self.course.notebook("autograded", self.assignment, student).is_file():
            return False
        stored = {task: one["points"] for task, one in self._known(student)["marks"].items()}
        with self.api.gradebook as book:
            try:
                one = book.find_submission_notebook(self.assignment, self.assignment, student)
            except MissingEntry:
                return False
            there = {grade.name: grade.auto_score for grade in one.grades}
        return stored == {task: there.get(task) for task in stored}

    def _told(self, student):
        known = self._known(student)
        if not known:
            return f"{student}: FAILED, see marks/{self.assignment}/{student}.log"
        points = sum(one["points"] for one in known["marks"].values())
        return f"{student}: {points:g} points by machine"

    def _one(self, student, key, parent, where):
        """Mark one submission; runs in a process of its own."""
        die_with(parent)
        os.sched_setaffinity(0, where)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        log = self.folder / f"{student}.log"
        try:
            prepared = self.course.notebook("prepared", self.assignment, student).parent
            job = Job(student, self.assignment, self.checks, self.secret, "", self.limits)
            job.files = str(beside(self.course, self.assignment, prepared))
            Execute.job = job
            began = time.monotonic()
            hand = ByHand(self.course, self.assignment, student, self.api)
            hand.remember()
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                done(self.api.autograde(self.assignment, student), f"the marking of {student}")
            hand.restore()
            notes = json.loads((prepared / "notes.json").read_text())
            known = {"key": key, "marks": job.marks, "notes": [*notes, *dict.fromkeys(job.notes)]}
            known["seconds"] = round(time.monotonic() - began, 1)
            replace(self.folder / f"{student}.json", json.dumps(known, indent=1))
            log.unlink(missing_ok=True)
        except BaseException:
            with contextlib.suppress(OSError):  # the disk may be full
                log.write_text(traceback.format_exc())
            os._exit(1)


def processors(worker, workers):
    """Return the processors of one worker, so that no submission takes those of another's.

    Examples
    --------
    >>> from unittest import mock
    >>> with mock.patch("os.sched_getaffinity", return_value={0, 1, 2, 3, 4}):
    ...     [processors(worker, 2) for worker in range(2)]
    [[0, 2, 4], [1, 3]]
    """
    there = sorted(os.sched_getaffinity(0))
    return there[worker % len(there) :: workers]


def beside(course, assignment, prepared):
    """Return a folder with the files that were released with a notebook."""
    folder = prepared / "files"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    for path in course.notebook("release", assignment).parent.iterdir():
        if path.suffix != ".ipynb" and path.is_file():
            shutil.copy(path, folder)
    return folder


def die_with(parent):
    """Let this process be killed when the one that has started it ends, however it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
