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
import re
import resource
import shutil
import signal
import time
import traceback
from pathlib import Path

import filelock
import nbformat
from nbgrader.api import MissingEntry

from grading.by_hand import ByHand
from grading.course import Stop, done
from grading.execute import Execute, Job
from grading.marking import load_checks
from grading.rebuild import REVIEW, Damaged, harmless, load, rebuild, settings
from grading.release import released
from grading.report import write_report
from grading.sandbox import Limits, check_sandbox
from grading.sockets import sweep
from grading.submitted import found, moment

MEMORY = 8 * 2**30  # bytes of address space of the process that grades one submission
BANNER = "**This submission could not be read: {}.** It was marked as if nothing were answered."
REGION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.S)


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
        say(f"{REVIEW}: the folder {name!r} is left out: use letters, digits, space, and _ . @ -")
    with alone(course):
        sweep()
        # Made here if it is missing, and not by two workers at once; what this loads they inherit.
        with course.nbgrader().gradebook:
            pass
        batch = Batch(course, assignment, notebook, limits, say)
        batch.run([name for name in there if not students or name in students], workers, again)
        say(f"Model answers and rubrics begin with the words: For graders ({batch.sign})")
        return write_report(course, assignment, notebook, say)


@contextlib.contextmanager
def alone(course):
    """Keep a second program from writing to the gradebook of a course at the same time."""
    lock = filelock.FileLock(course.root / "grading.lock")
    try:
        with lock.acquire(timeout=2):
            yield
    except filelock.Timeout:
        raise Stop(f"another program is grading in {course.root}: wait until it ends") from None


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
        context = multiprocessing.get_context("fork")
        try:
            while todo or running:
                while todo and len(running) < workers:
                    student, key = todo.pop(0)
                    process = context.Process(target=self._one, args=(student, key, os.getpid()))
                    process.start()
                    running[student] = process, time.monotonic() + self.limits.total + 180
                time.sleep(0.05)
                for student, (process, end) in list(running.items()):
                    if process.is_alive() and time.monotonic() < end:
                        continue
                    process.kill()
                    process.join()
                    del running[student]
                    count += 1
                    minutes = (time.monotonic() - start) / 60
                    self.say(f"{count} done, {count / minutes:.1f} a minute: {self._told(student)}")
        finally:
            for process, _ in running.values():
                process.kill()

    def _prepare(self, student):
        """Write the rebuilt notebook of a student, and return what its marks depend on."""
        folder = self.course.root / "submitted" / student / self.assignment
        notes, cells, damage = [], [], ""
        try:
            path = found(folder, self.assignment, notes)
            cells = load(path)
        except Damaged as error:
            damage = str(error)
        except OSError as error:
            damage = f"what was handed in cannot be read: {error.strerror}"
        notebook, mended = rebuild(self.notebook, cells)
        notes += [f"NOT READABLE: {damage}"] if damage else mended
        source = nbformat.read(self.course.notebook("source", self.assignment), as_version=4)
        with_rubrics(notebook, source, self.sign)
        if damage:
            notebook.cells.insert(0, nbformat.v4.new_markdown_cell(BANNER.format(harmless(damage))))
            notebook.cells[0]["id"] = "banner"
        text, when = nbformat.writes(notebook), moment(folder, notes)
        prepared = self.course.notebook("prepared", self.assignment, student)
        prepared.parent.mkdir(parents=True, exist_ok=True)
        replace(prepared, text)
        replace(prepared.with_name("notes.json"), json.dumps(notes))
        if when:
            replace(prepared.with_name("timestamp.txt"), when)
        key = self.version.copy()
        key.update(json.dumps([text, notes, vars(self.limits)]).encode())
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

    def _one(self, student, key, parent):
        """Mark one submission; runs in a process of its own."""
        die_with(parent)
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


def with_rubrics(notebook, source, sign):
    """Put what graders need, model answers and rubrics, below the answers graded by hand.

    They begin with a sign that no student knows, who could else write a rubric, too.
    """
    texts = {}
    for cell in source.cells:
        known = settings(cell)
        if known.get("grade") and known["solution"] and (region := REGION.search(cell.source)):
            texts[known["grade_id"]] = region[1]
    for at in reversed(range(len(notebook.cells))):
        name = settings(notebook.cells[at]).get("grade_id")
        if name in texts:
            cell = nbformat.v4.new_markdown_cell(f"*For graders ({sign}).*\n\n{texts[name]}")
            cell.metadata["rubric"], cell["id"] = True, f"rubric-{name}"[:64]
            notebook.cells.insert(at + 1, cell)


def beside(course, assignment, prepared):
    """Return a folder with the files that were released with a notebook."""
    folder = prepared / "files"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    for path in course.notebook("release", assignment).parent.iterdir():
        if path.suffix != ".ipynb" and path.is_file():
            shutil.copy(path, folder)
    return folder


def replace(path, text):
    """Write a file so that at each moment it is there as a whole."""
    part = path.with_name(f".{path.name}.part")
    with open(part, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def die_with(parent):
    """Let this process be killed when the one that has started it ends, however it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
