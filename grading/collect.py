"""Submissions out of the archive that an LMS gives, or out of a folder of files."""

import os
import re
import stat
import zipfile
import zlib
from collections import Counter
from pathlib import Path

from grading.course import Stop, replace, usable
from grading.outputs import line
from grading.rebuild import LARGEST

# The student is the number that the LMS's own table of grades has, too. A student may hand in
# folders with the names of others: only the outermost name counts.
PATTERNS = {
    "moodle": (
        r"(?:(?:(?!_assignsubmission_).)*/)?"
        # Without folders the name of the student's file follows: it names no other student.
        r"(?![^/]*_assignsubmission_[^/]*_assignsubmission_[^/]*\Z)"
        r"[^/]*_(?P<student>\d+)_assignsubmission_(?:[^/]*/)?[^/]+\.ipynb"
    ),
    "canvas": r"(?:.*/)?[^/_]+_(?P<late>LATE_)?(?P<student>\d+)_\d+_[^/]+\.ipynb",
    "folders": r"(?P<student>[^/]+)/[^/]+\.ipynb",
    "names": r"(?:.*/)?(?P<student>[^/]+)\.ipynb",
}
HIDDEN = re.compile(r"(?:.*/)?(?:\.|__MACOSX/).*", re.S)  # what macOS, Jupyter and others leave
TASK = re.compile(rb'"grade_id": *"([\w-]+)"')


def collect(course, assignment, archive, pattern="moodle", say=print):
    """Put the notebooks of an archive or a folder into ``submitted``.

    Parameters
    ----------
    course : Course
    assignment : str
    archive : path
        A zip, or a folder.
    pattern : str
        One of `PATTERNS`, or a regular expression for the path within the archive, with a group
        called ``student``.
    say : function
        Is told about files that are left out.

    Returns
    -------
    int
        How many students' notebooks were written. What a student handed in before is replaced only
        by something else, which is then said. Of one who handed in two, no notebook, that of
        another assignment, or a file that is too large, nothing is written, which is said, too.

    Raises
    ------
    Stop
        If there is no notebook whose path has the pattern, before anything is written.
    """
    try:
        form = re.compile(PATTERNS.get(pattern, pattern))
    except re.error as error:
        raise Stop(f"{pattern!r} is no regular expression: {error}") from None
    if "student" not in form.groupindex:
        raise Stop(
            f"{pattern!r} is none of {', '.join(PATTERNS)}, and has no group (?P<student>...)"
        )
    found, left = {}, []
    for name, read in _files(Path(archive)):
        student = _student(form, name)
        if student:
            found.setdefault(student, []).append((name, read))
        elif not HIDDEN.fullmatch(name):
            left.append(name)
    if not found:
        some = line(", ".join(left[:3])) or "no file"
        others = [one for one in ("moodle", "canvas") if _fits(PATTERNS[one], left)]
        hint = "".join(f"; try --pattern {one}" for one in others)
        shape = f"as --pattern {pattern} needs it" if pattern in PATTERNS else f"like {pattern!r}"
        raise Stop(f"no notebook in {archive} has a path {shape}; it has {some}{hint}")
    tasks = _tasks(course)
    count = 0
    for student, files in sorted(found.items()):
        path = course.notebook("submitted", assignment, student)
        try:
            text = _only(files, path)
            _check_assignment(text, assignment, tasks)
        except (Stop, OSError) as error:
            before = "; what was handed in before stays" if path.exists() else ""
            say(f"{student}: NOT TAKEN: {line(str(error))}{before}")
            continue
        count += 1
        if path.exists() and path.read_bytes() != text:
            say(f"{student}: what was handed in before is replaced")
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, text)
    for student, names in sorted(_without(form, left, found).items()):
        say(f"{student}: NOT TAKEN: no notebook, only {line(', '.join(names[:5]))}")
    if left:
        more = f", and {len(left) - 20} more" if len(left) > 20 else ""
        say(f"left out: {line(', '.join(left[:20]))}{more}")
    return count


def _student(form, name):
    """Return who handed in a file of this name, or ``None``."""
    match = form.fullmatch(name)
    known = match and not HIDDEN.fullmatch(name) and usable(match["student"] or "")
    return match["student"] if known else None


def _fits(pattern, names):
    return any(_student(re.compile(pattern), name) for name in names)


def _without(form, left, found):
    """Return the files of those who handed in something, but no notebook that can be taken."""
    files = {}
    for name in left:
        # Whose a notebook would be in its place, or in the outermost folder.
        places = [f"{name.rpartition('.')[0]}.ipynb", f"{name.partition('/')[0]}/_.ipynb"]
        student = next(filter(None, (_student(form, place) for place in places)), None)
        if student and student not in found:
            files.setdefault(student, []).append(name)
    return files


def _only(files, path):
    texts = {read() for _, read in files[:2]}
    if len(files) > 2 or len(texts) > 1:
        names = ", ".join(name for name, _ in files)
        raise Stop(f"{len(files)} notebooks: {names}; copy the one that counts to {path}")
    return texts.pop()


def _tasks(course):
    """Return the names of cells that only one assignment has, by assignment."""
    paths = {name: course.notebook("source", name) for name in course.assignments}
    found = {
        one: {*TASK.findall(path.read_bytes())} for one, path in paths.items() if path.exists()
    }
    count = Counter(name for names in found.values() for name in names)
    return {one: {name for name in names if count[name] == 1} for one, names in found.items()}


def _check_assignment(text, assignment, tasks):
    """Raise `Stop` if the notebook has cells of another assignment, and none of this."""
    there = {*TASK.findall(text)}
    most = max(tasks, key=lambda name: len(there & tasks[name]), default=assignment)
    if there & tasks.get(most, set()) and not there & tasks.get(assignment, set()):
        raise Stop(f"it is the notebook of {most}")


def _files(path):
    """Yield the name of each file, and a function that returns its bytes."""
    if path.is_dir():
        path = path.resolve()
        for one in sorted(path.rglob("*")):
            if one.is_file() and not one.is_symlink():
                yield one.relative_to(path).as_posix(), _bounded(one.name, _open, one)
        return
    if not path.exists():
        raise Stop(f"there is no {path}")
    if not zipfile.is_zipfile(path):
        raise Stop(f"{path} is neither a folder nor a whole zip: if it should be one, get it again")
    archive = zipfile.ZipFile(path)
    for one in archive.infolist():
        # Only the bytes are taken; where they go does not depend on the name in the archive.
        if not one.is_dir():
            yield one.filename, _bounded(one.filename, archive.open, one)


def _open(path):
    """Open a file that may have become a link, or a pipe, since it was listed."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    file, there = os.fdopen(handle, "rb"), os.readlink(f"/proc/self/fd/{handle}")
    if not stat.S_ISREG(os.fstat(handle).st_mode) or there != str(path):
        file.close()
        raise Stop(f"{path.name} is no file any more")
    return file


def _bounded(name, open_, *arguments):
    def read():
        try:
            with open_(*arguments) as file:
                text = file.read(LARGEST + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            # RuntimeError: it needs a password, or is packed in a way that Python does not know.
            raise Stop(f"{name} cannot be unpacked: {error}") from None
        if len(text) > LARGEST:
            raise Stop(f"{name} is larger than {LARGEST // 2**20} MB")
        return text

    return read
