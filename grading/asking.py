"""Questions to a student's process: what may come back, and what is said of anything else."""

import math
import re

import numpy as np

from grading.codec import Foreign, question, read

TOO_LARGE = 1e60  # of an answer: what a check computes with it, such as its cube, stays finite

HINTS = {  # of what errors of Python and NumPy often come from
    "'NoneType' object is not": "is a `return` missing?",
    "core dimension": "do the shapes fit? Is an array transposed, or is the order another?",
    "could not be broadcast": "do the shapes fit? Is an array transposed, or is the order another?",
    "shapes cannot be multiplied": "do the shapes fit? Is one transposed, or the order another?",
}


class Wrong(Exception):
    """An answer is wrong; its text is for the student."""


class Ask:
    """Asks for values of expressions in the names of a student.

    Parameters
    ----------
    reach : function
        Takes a question as text and returns the answer as text.
    """

    gone = ()  # the errors that say that nobody answers any more

    def __init__(self, reach):
        self._reach = reach

    def __call__(self, expression, /, **values):
        """Return the value of an expression, with more names in it: numbers, arrays, tensors.

        Raises
        ------
        Wrong
            If evaluating it raises an error, or the answer cannot be read.
        """
        try:
            value, error = read(self._reach(question(expression, values)))
        except ValueError as unreadable:
            raise Wrong(f"`{expression}` gave {unreadable}") from None
        if error is None:
            return value
        if error.startswith("NameError") and f"'{expression.partition('(')[0]}'" in error:
            name = expression.partition("(")[0]
            raise Wrong(f"`{name}` is not defined: write it, and run its cell")
        if error.startswith("NotImplementedError:"):
            blank = error.partition(": ")[2]  # the function, or what a library says
            if not blank or blank.isidentifier():
                raise Wrong(_blank(expression, blank))
        error += next((f": {hint}" for part, hint in HINTS.items() if part in error), "")
        given = ", ".join(f"{name} = {_short(value)}" for name, value in values.items())
        raise Wrong(f"`{expression}` raised {error}" + (f" (with {given})" if given else ""))

    def number(self, expression, /, **values):
        """Return a finite number as a float."""
        value = self(expression, **values)
        if type(value) is np.ndarray and value.size == 1:
            value = value.item()
        if type(value) not in (int, float):
            raise Wrong(f"`{expression}` should be a number, got {_kind(value)}")
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise Wrong(f"`{expression}` should be a finite number, got {value}")
        if abs(value) > TOO_LARGE:
            raise Wrong(f"`{expression}` is too large: {value:.3g}")
        return value

    def share(self, expression, /, **values):
        """Return a number from 0 to 1: a share or a probability."""
        value = self.number(expression, **values)
        if not -1e-6 <= value <= 1 + 1e-6:
            hint = ": is it in percent, or a number of things?" if 1 < value else ""
            raise Wrong(f"`{expression}` should lie between 0 and 1, got {value:.4g}{hint}")
        return value

    def array(self, expression, shape, /, **values):
        """Return an array of finite numbers, as float64."""
        value = self(expression, **values)
        if type(value) in (int, float, list):
            try:
                if not _numbers(value):  # "1.0" is none, and a long text makes all entries long
                    raise TypeError
                value = np.asarray(value)
                if value.dtype.kind not in "biuf":
                    raise TypeError
            except (ValueError, TypeError, OverflowError):
                size = f": a list of {shape[0]} numbers will do" if len(shape) == 1 else ""
                raise Wrong(f"`{expression}` should be an array of numbers{size}") from None
        if type(value) is not np.ndarray:
            raise Wrong(f"`{expression}` should be an array, got {_kind(value)}")
        if value.shape != tuple(shape):
            raise Wrong(f"`{expression}` should have shape {tuple(shape)}, got {value.shape}")
        value = value.astype(float)
        if not np.isfinite(value).all():
            raise Wrong(f"`{expression}` contains nan or infinity")
        if np.abs(value).max(initial=0) > TOO_LARGE:
            raise Wrong(f"`{expression}` has numbers that are too large, beyond {TOO_LARGE:g}")
        return value


def _blank(expression, name):
    """Return what to say of a function that is left blank, asked or called by what is asked."""
    said = "is not written yet, or its line `raise NotImplementedError()` is still there"
    if not name or re.search(rf"\b{name}\(", expression):
        return f"`{name or expression}` {said}"
    return f"`{expression}` needs `{name}`, which {said}"


def _numbers(value):
    if type(value) is list:
        return all(map(_numbers, value))
    return type(value) in (bool, int, float, np.ndarray)


def _kind(value):
    if isinstance(value, Foreign):
        return f"an object of type {value.name}, which cannot be marked"
    if value is None:
        return "None: is a `return` missing?"
    return f"an array of shape {value.shape}" if type(value) is np.ndarray else type(value).__name__


def _short(value):
    if type(value) is float:
        return f"{value:.6g}"
    if type(value) is list:  # of arrays, too, which would fill the screen with numbers
        some = [_short(one) for one in value[:6]] + ["..."] * (len(value) > 6)
        return f"[{', '.join(some)}]"
    shape = getattr(value, "shape", None)
    return f"{value}" if shape is None else f"an array of shape {tuple(shape)}"
