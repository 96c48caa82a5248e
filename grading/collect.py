"""Submissions out of the archive that an LMS gives, or out of a folder of files."""

import os
import re
import stat
import zipfile
from pathlib import Path

from grading.batch import replace
from grading.course import NAME, Stop
from grading.kernel import line
from grading.rebuild import LARGEST

# The student is the number that the LMS's own table of grades has, too. A student may hand in
# folders with the names of others: only the outermost name counts.
PATTERNS = {
    "moodle": (
        r"(?:(?:(?!_assignsubmission_).)*/)?"
        r"[^/]*_(?P<student>\d+)_assignsubmission_[^/]*/[^/]+\.ipynb"
    ),
    "canvas": r"(?:.*/)?[^/_]+_(?P<late>LATE_)?(?P<student>\d+)_\d+_[^/]+\.ipynb",
    "folders": r"(?P<student>[^/]+)/[^/]+\.ipynb",
    "names": r"(?:.*/)?(?P<student>[^/]+)\.ipynb",
}


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
        by something else, which is then said. Of one who handed in two, or a file that is too
        large, nothing is written, which is said, too.

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
        match = form.fullmatch(name)
        if not match or not NAME.fullmatch(match["student"]):
            left.append(name)
        else:
            found.setdefault(match["student"], []).append((name, read))
    if not found:
        some = line(", ".join(left[:3])) or "no file"
        raise Stop(f"no notebook in {archive} has a path like {form.pattern!r}; it has {some}")
    count = 0
    for student, files in sorted(found.items()):
        try:
            text = _only(files)
        except (Stop, OSError) as error:
            say(f"{student}: NOT TAKEN: {line(str(error))}")
            continue
        count, path = count + 1, course.notebook("submitted", assignment, student)
        if path.exists() and path.read_bytes() != text:
            say(f"{student}: what was handed in before is replaced")
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, text)
    if left:
        say(f"left out: {line(', '.join(left[:20]))}")
    return count


def _only(files):
    if len(files) > 1:
        raise Stop(
            f"two notebooks, so put one into submitted: {', '.join(one for one, _ in files)}"
        )
    return files[0][1]()


def _files(path):
    """Yield the name of each file, and a function that returns its bytes."""
    if path.is_dir():
        path = path.resolve()
        for one in sorted(path.rglob("*")):
            if one.is_file() and not one.is_symlink():
                yield one.relative_to(path).as_posix(), _bounded(one.name, _open, one)
        return
    if not zipfile.is_zipfile(path):
        raise Stop(f"{path} is neither a folder nor a zip")
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
        with open_(*arguments) as file:
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise Stop(f"{name} is larger than {LARGEST // 2**20} MB")
        return text

    return read
