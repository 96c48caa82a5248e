"""Where the files of a course lie, its secret, and nbgrader's view of it."""

import contextlib
import os
import re
import secrets
import sys
from pathlib import Path

import filelock

from grading.gradebook import Unfit, check_gradebook
from grading.marking import COURSE

NAME = re.compile(r"(?!.*\.zip\Z)\w(?:[\w .@-]{0,98}[\w.@-])?")


class Stop(Exception):
    """The program cannot go on; its text says what was given, and what to do."""


def usable(name):
    """Whether a folder of this name can be a student's.

    nbgrader strips spaces, so that "ada " would get the marks of "ada". Other names are those of
    files of ours, or too long when these have an ending more.

    Examples
    --------
    >>> [usable(name) for name in ("Ada L.", "ada ", "02_xavier_initialization.zip", "字" * 80)]
    [True, False, False, False]
    """
    return bool(NAME.fullmatch(name)) and len(os.fsencode(name)) <= 200


class Course:
    """A folder with ``source``, ``checks``, ``submitted`` and what is made of them.

    Parameters
    ----------
    root : path
        The folder.

    Raises
    ------
    Stop
        If it is not a course.
    """

    def __init__(self, root=COURSE):
        self.root = Path(root).resolve()
        if not (self.root / "source").is_dir() or not (self.root / "checks").is_dir():
            raise Stop(f"{self.root} is no course: it needs the folders source and checks")

    @property
    def assignments(self):
        """The names of the assignments."""
        return sorted(path.name for path in (self.root / "source").iterdir() if path.is_dir())

    def assignment(self, name):
        """Return a name that was given, if it is one; a number is enough."""
        known = self.assignments
        found = [one for one in known if name == one or one.startswith(f"{name:0>2}_")]
        found = found or [one for one in known if len(name) > 2 and name.lower() in one]
        if len(found) != 1:
            raise Stop(f"there is no assignment {name!r}; there are {', '.join(known)}")
        return found[0]

    def notebook(self, folder, assignment, student="."):
        """Return the path of a notebook; without student of ``source`` and ``release``."""
        return self.root / folder / student / assignment / f"{assignment}.ipynb"

    def secret(self, new=False):
        """Return the secret of the term; only a release makes a new one."""
        path = self.root / "secret"
        if not path.exists():
            if not new:
                raise Stop(
                    f"the secret of the term is missing: {path}. Put your copy there. If there is "
                    "none, `make assignments` makes a new one, and all students get other numbers"
                )
            # Others may read the folder of a course, but not this file, at no moment.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_hex(32) + "\n")
        secret = path.read_bytes().strip()
        if len(secret) < 16:
            raise Stop(f"{path} must hold at least 16 characters; put back your copy of it")
        return secret

    def students(self, assignment):
        """Return those who handed something in, and the names of folders that cannot be used."""
        folder, good, odd = self.root / "submitted", [], []
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            try:
                if path.name.startswith(".") or not (path / assignment).exists():
                    continue
            except PermissionError:
                pass  # the marking says so
            (good if usable(path.name) and path.is_dir() else odd).append(path.name)
        return good, odd

    def nbgrader(self, **folders):
        """Return nbgrader's programming interface for this course.

        Parameters
        ----------
        **folders
            Options of its ``CourseDirectory`` that differ from ``nbgrader_config.py``.

        Raises
        ------
        Stop
            If the gradebook does not fit it.
        """
        from nbgrader.apps.api import NbGraderAPI
        from traitlets.config import PyFileConfigLoader

        # nbgrader runs alembic, which it looks for by name.
        here = str(Path(sys.executable).parent)
        if here not in os.environ.get("PATH", "").split(os.pathsep):
            os.environ["PATH"] = here + os.pathsep + os.environ.get("PATH", "")
        try:
            check_gradebook(self.root / "gradebook.db")
        except Unfit as error:
            raise Stop(str(error)) from None
        config = PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config()
        config.CourseDirectory.root = str(self.root)
        config.CourseDirectory.db_url = f"sqlite:///{self.root / 'gradebook.db'}?timeout=60"
        for name, value in folders.items():
            config.CourseDirectory[name] = value
        return NbGraderAPI(config=config)


@contextlib.contextmanager
def alone(course):
    """Keep a second program from writing to the gradebook of a course at the same time."""
    lock = filelock.FileLock(course.root / "grading.lock")
    try:
        with lock.acquire(timeout=2):
            yield
    except filelock.Timeout:
        raise Stop(f"another program is grading in {course.root}: wait until it ends") from None


def done(result, what):
    """Raise `Stop` with nbgrader's own words if a step of its failed."""
    if result["success"]:
        return
    said = "\n".join(filter(None, [result.get("error"), result.get("log")]))
    raise Stop(f"{what} failed. nbgrader said:\n{said[-3000:]}")


def replace(path, text):
    """Write a file so that at each moment it is there as a whole."""
    part = path.with_name(f".{path.name}.part")
    with open(part, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
