"""The marks of one task: what each part of its check says."""

import dataclasses
import importlib.util
import traceback
from pathlib import Path

from grading.checking import Parameters, Wrong, parts, title

COURSE = Path(__file__).resolve().parents[1] / "exercises"


@dataclasses.dataclass(frozen=True)
class Mark:
    """What one part of a check gave.

    Parameters
    ----------
    part, title : str
        The name of the function, and the first line of its docstring.
    points, most : float
        What was given, of how many.
    reason : str
        Why it is not all; empty otherwise.
    bug : str
        The traceback if the check itself failed; empty otherwise.
    """

    part: str
    title: str
    points: float
    most: float
    reason: str = ""
    bug: str = ""

    def __str__(self):
        """Return the line for the student."""
        line = f"{self.points:g} of {self.most:g}: {self.title}"
        return f"{line}\n    {self.reason}" if self.reason else line


def load_checks(assignment, course=COURSE):
    """Return the names of the check module of an assignment.

    Raises
    ------
    FileNotFoundError
        If there is none; it lists those there are.
    """
    path = Path(course, "checks", f"{assignment}.py")
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in path.parent.glob("[0-9]*.py")))
        raise FileNotFoundError(
            f"no checks for {assignment!r} in {path.parent}; there are: {known}"
        )
    spec = importlib.util.spec_from_file_location(f"checks_{assignment}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


def mark(checks, task, ask, secret, student, assignment):
    """Run all parts of the check of a task and return a `Mark` for each.

    Parameters
    ----------
    checks : dict
        From `load_checks`.
    task : str
        The ``grade_id`` of the cell.
    ask : Ask
        Reaches the student's kernel. What it raises other than `Wrong` is raised on.
    secret : bytes
        Of the term.
    student, assignment : str
        Whose numbers to take.
    """
    found = []
    for one in parts(checks, task):
        params = Parameters(secret, student, assignment, task, one.__name__)
        points, reason, bug = one.points, "", ""
        try:
            one(ask, params)
        except Wrong as error:
            points, reason = 0, str(error)
        except ask.gone:
            raise
        except MemoryError:
            points, reason = 0, "an answer is too large"
        except Exception:
            points, bug = 0, traceback.format_exc()
            reason = "the check itself failed; your instructor has been told"
        found.append(Mark(one.__name__, title(one), points, one.points, reason, bug))
    return found
