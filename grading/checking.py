"""What the checks of an assignment are made of.

A check asks for the value of an expression, gets plain numbers, and says what is wrong with them.
It never sees an object of the student's, and the student's process never sees the check: only the
parts that are marked ``public`` are given away, to be run with public numbers.
"""

import hashlib
import hmac
import math
import random
import sys

import numpy as np

from grading.asking import Ask, Wrong
from grading.codec import answer


class Parameters(random.Random):
    """The numbers of one part of one student's checks.

    They follow from the secret of the term and the names, so they are the same at each marking,
    differ between students, and nobody without the secret can know them.

    Parameters
    ----------
    secret : bytes
        ``b"public"`` for the checks that students run by themselves.
    names : str
        The student, the assignment, the task and the part.

    Examples
    --------
    >>> Parameters(b"s", "ada", "2").randint(1, 100) == Parameters(b"s", "ada", "2").randint(1, 100)
    True
    """

    def __new__(cls, secret, *names):
        """Make the generator; the seed follows in `__init__`."""
        return super().__new__(cls)

    def __init__(self, secret, *names):
        text = "\0".join(names).encode()
        super().__init__(int.from_bytes(hmac.digest(secret, text, hashlib.sha256), "big"))

    def numpy(self):
        """Return a generator of arrays."""
        return np.random.default_rng(self.getrandbits(128))


def close(got, expected, what, rtol=1e-6, atol=0.0, mistakes=()):
    """Check that numbers or arrays agree.

    Parameters
    ----------
    got, expected : float or array
        Of equal shape.
    what : str
        What they are, at the start of a sentence: ``"the gain"``.
    rtol, atol : float
        What is allowed, relative to the largest expected number, and absolute.
    mistakes : list of (value, str)
        Wrong values that are often given, and what to say then.

    Raises
    ------
    Wrong
        Saying by which factor they differ, where one factor tells it all.

    Examples
    --------
    >>> close(2.0, 1.0, "the variance", mistakes=[(2.0, "did you use fan_in alone?")])
    Traceback (most recent call last):
    ...
    grading.asking.Wrong: the variance is 2 times too large: did you use fan_in alone?
    """
    got, expected = np.asarray(got, float), np.asarray(expected, float)
    most = atol + rtol * np.abs(expected).max(initial=0)
    if np.abs(got - expected).max(initial=0) <= most:
        return
    how = _difference(got, expected, max(rtol, 1e-3))
    for value, hint in mistakes:
        if np.shape(value) == got.shape and np.abs(got - value).max(initial=0) <= most:
            how = f"{how.partition(': ')[0]}: {hint}"
            break
    raise Wrong(f"{what} {how}")


def _difference(got, expected, rtol):
    with np.errstate(over="ignore", invalid="ignore"):  # huge and infinite numbers are just wrong
        size = (expected * expected).sum()
        factor = float((got * expected).sum() / size) if size else 0.0
        off = np.abs(got - factor * expected).max()
    if not factor or not off <= rtol * abs(factor) * np.abs(expected).max() < math.inf:
        return "is wrong" if got.ndim == 0 else "has wrong entries"
    if factor < 0:
        return "has the wrong sign" + ("" if abs(factor + 1) < rtol else " and the wrong size")
    if abs(factor - 1) < 1e-2:
        return f"is wrong by a factor of {factor:.6f}: is something rounded, or left out?"
    size = f"{factor:.4g} times too large" if factor > 1 else f"{1 / factor:.4g} times too small"
    return f"is {size}"


def within(got, expected, deviation, what, mistakes=()):
    """Check that a statistic is where chance leaves it.

    Parameters
    ----------
    got, expected : float
        The statistic and its expectation.
    deviation : float
        Its standard deviation for an honest answer. Six of them are allowed: of 10 million honest
        answers, fewer than one falls outside as long as the statistic is nearly normal.
    what : str
        What it is, at the start of a sentence.
    mistakes : list of (value, str)
        Expectations of frequent mistakes, and what to say then.

    Raises
    ------
    Wrong
        Saying by which factor it is off.
    """
    if abs(got - expected) <= 6 * deviation:
        return
    hint = next((hint for value, hint in mistakes if abs(got - value) <= 6 * deviation), None)
    ratio = got / expected if expected else math.nan
    how = "is too large" if got > expected else "is too small"
    if ratio > 0:
        how = f"is {max(ratio, 1 / ratio):.2f} times {how[3:]}"
    raise Wrong(f"{what} {how}" + (f": {hint}" if hint else ""))


def part(task, points, public=False):
    """Make a function one part of the check of a task.

    Parameters
    ----------
    task : str
        The ``grade_id`` of the cell that the points belong to.
    points : float
        What it is worth; all or nothing.
    public : bool
        Whether students get it, to run it by themselves.

    Returns
    -------
    function
        A decorator for ``function(ask, params)``, which raises `Wrong` or returns. The first line
        of its docstring says what it checks, and students read it.
    """

    def mark(function):
        function.task, function.points, function.public = task, points, public
        return function

    return mark


def parts(names, task=None):
    """Return the parts among the names of a module, in their order, of one task or of all."""
    found = [value for value in names.values() if callable(value) and hasattr(value, "points")]
    return [one for one in found if task in (None, one.task)]


def title(one):
    """Return what a part checks, in one line."""
    return one.__doc__.strip().partition("\n")[0]


POINTS = {}  # the points of each task; filled where checks are given to students


def check(task):
    """Run the public checks of a task on what this notebook has defined, and print the outcome."""
    student = vars(sys.modules["__main__"])
    found, known = parts(globals(), task), sorted(POINTS)
    if not found:
        raise ValueError(f"no check is called {task!r}; a machine marks {', '.join(known)}")
    held = 0
    for one in found:
        what = f"{title(one)} (worth {one.points:g})"
        try:
            ask = Ask(lambda text: answer(text, student).text)
            one(ask, Parameters(b"public", one.task, one.__name__))
            print(f"holds: {what}")
            held += one.points
        except Wrong as error:
            print(f"DOES NOT HOLD YET: {what}\n    {error}")
    here = sum(one.points for one in found)
    rest = POINTS[task] - here
    print(
        f"These checks decide over {here:g} of the task's {POINTS[task]:g} points, of which "
        f"{held:g} hold so far. For the other {rest:g} there are checks that run after you hand "
        "in: they ask for other numbers, and for other cases that the text names."
    )
