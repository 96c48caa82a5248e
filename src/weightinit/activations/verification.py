"""Whether the formulas of an activation can be used, and agree with each other.

Use `weightinit.activations.check`.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from weightinit._checks import check_instance
from weightinit.activations.activation import Activation
from weightinit.activations.survey import survey

_STEP = 1e-5
# A tenth of a step beside the round numbers: on both sides of the kinks that lie on them. At the
# kink of abs(h) itself, central differences give sign(h).
_NEAR = np.linspace(-30, 30, 6001) + _STEP / 10
_POSITIVE = np.geomspace(30, 1e4, 200)
_FAR = np.concatenate([-_POSITIVE[::-1], _POSITIVE])


def check(activation: Activation) -> Activation:
    """Return an activation of your own if its formulas work and agree with each other.

    Compares `df` with central differences of `f` on [-30, 30], away from the kinks, to 1e-6 and
    the rounding of `f`, and `f` with `bounds`. Between any two points, for abs(h) up to 16,384,
    `f` has to grow by the integral of `df`, so that no jump is overlooked; and up to 1e4 neither
    may be NaN. Both must work on a NumPy array and on a single number, and leave it as it is.

    Raises
    ------
    ValueError
        With the reason and the point at which it fails.

    Examples
    --------
    >>> check(Activation("square", lambda h: h**2, lambda h: 2 * h))
    Activation('square')
    >>> check(Activation("abs", np.abs, np.sign))
    Traceback (most recent call last):
        ...
    ValueError: abs: df is not the derivative of f: is there a kink near h = 0? then say kinks=[0]
    """
    check_instance("activation", activation, Activation, 'activations.get("tanh")')
    f, df = (
        partial(_evaluate, f"{activation.name}: {what}", formula)
        for what, formula in (("f", activation.f), ("df", activation.df))
    )
    h = _NEAR
    for kink in activation.kinks:
        h = h[np.abs(h - kink) > 3 * _STEP]  # the differences reach two steps to each side
    _check_single(f, h)
    _check_single(df, h)
    _check_finite(activation.name, f, h)
    _check_slope(activation, f, df, h)
    _check_between(activation)
    _check_bounds(activation, f, h)
    for what, formula in (("f", f), ("df", df)):
        # A naive formula can overflow into NaN, as exp(h) / (1 + exp(h)) does from 710 on.
        if np.any(bad := np.isnan(formula(_FAR))):
            raise ValueError(f"{activation.name}: {what} is NaN at h = {_nearest(_FAR[bad]):g}")
    return activation


# ---- What a formula returns ----------------------------------------------------------------


def _evaluate(who: str, formula: Callable, h: np.ndarray) -> np.ndarray:
    """Return what a formula makes of an array, if it is an array of the same kind."""
    argument = h.copy()
    try:
        with np.errstate(all="ignore"):  # what comes of it is judged elsewhere
            result = formula(argument)
    except Exception as error:
        on = "a NumPy array" if h.ndim else "a single number (a NumPy array without axes)"
        raise ValueError(
            f"{who} failed on {on}: {str(error) or type(error).__name__}; write it with NumPy, "
            "as np.where, np.maximum or np.sin, not with torch, math or if"
        ) from error
    if not np.array_equal(argument, h):
        raise ValueError(f"{who} changes its argument; let it begin with h = h.copy()")
    is_numpy = isinstance(result, np.ndarray | np.generic)
    if not is_numpy or result.shape != h.shape or result.dtype != np.float64:
        raise ValueError(
            f"{who} must return a NumPy array of float64 numbers in the shape of its argument, "
            f"{h.shape}, got {_kind(result)}"
        )
    return result


def _kind(result: object) -> str:
    """Say what a formula has returned, and how a float array is made of it."""
    if isinstance(result, np.ndarray | np.generic):
        advice = {"b": "; write np.where(..., 1.0, 0.0)", "i": "; write 1.0 for 1"}
        return f"{result.dtype} in the shape {result.shape}{advice.get(result.dtype.kind, '')}"
    if isinstance(result, int | float):
        return f"the number {result!r}; for a constant, write np.full_like(h, {float(result)!r})"
    if result is None:
        return "None; is a return missing?"
    kind = type(result)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    return f"an object of type {name}"


def _check_single(formula: Callable, h: np.ndarray) -> None:
    """Raise a ValueError if a number alone has another value than among others."""
    i = len(h) // 3
    among = formula(h)[i]  # first: what fails on every array should not be put down to this one
    alone = formula(h[i : i + 1].reshape(()))
    if not np.isclose(alone, among, rtol=1e-9, atol=1e-9, equal_nan=True):
        raise ValueError(
            f"{formula.args[0]} must treat each number on its own: at h = {h[i]:g} it is "
            f"{among:g} in an array, and {alone:g} for that number alone"
        )


# ---- Whether the numbers agree -------------------------------------------------------------


def _check_finite(name: str, f: Callable, h: np.ndarray) -> None:
    value = f(h)
    if np.any(bad := ~np.isfinite(value)):
        at = _nearest(h[bad])
        raise ValueError(
            f"{name}: f is not finite near h = {_place(at)}: there it is {value[h == at][0]:g}"
        )


def _check_bounds(activation: Activation, f: Callable, h: np.ndarray) -> None:
    low, high = activation.bounds
    value = f(h)
    beyond = np.maximum(low - value, value - high)
    if np.any(bad := beyond > 1e-12 * np.maximum(1, np.abs(value))):
        at = _nearest(h[bad])
        raise ValueError(
            f"{activation.name}: f leaves its bounds ({low:g}, {high:g}): near h = {_place(at)} "
            f"it is {value[h == at][0]:g}"
        )


def _check_slope(activation: Activation, f: Callable, df: Callable, h: np.ndarray) -> None:
    error = _error(f, df, h)
    wrong = error > 1
    if not np.any(wrong):
        return
    # Where the error is large, so that it is seen in few digits, but not far out.
    at = _nearest(h[wrong & (error >= error.max() / 2)])
    kinks = _undeclared_kinks(f, df, h[wrong])
    if at in kinks:
        advice = _kink_advice([_place(k) for k in kinks], activation.kinks)
    else:
        advice = _slope_advice(at, _difference(f, np.array([at]))[0], df(np.array([at]))[0])
    raise ValueError(f"{activation.name}: df is not the derivative of f: {advice}")


def _check_between(activation: Activation) -> None:
    """Raise a ValueError if phi grows by something else than the integral of phi' somewhere."""
    _, undeclared = survey(activation)
    if len(undeclared):
        nearest = sorted(undeclared, key=abs)
        advice = _kink_advice([f"{k + 0.0:.6g}" for k in nearest], activation.kinks)
        raise ValueError(f"{activation.name}: df is not the derivative of f: {advice}")


def _difference(f: Callable, h: np.ndarray) -> np.ndarray:
    """Return the slope of f by central differences; the error is step^4 |f^(5)| / 30."""
    with np.errstate(all="ignore"):  # what is not finite is not what df says
        near, wide = (f(h + step) - f(h - step) for step in (_STEP, 2 * _STEP))
        return (8 * near - wide) / (12 * _STEP)


def _error(f: Callable, df: Callable, h: np.ndarray) -> np.ndarray:
    """Return how far df is from the slope of f, over what is allowed; infinite for a NaN."""
    slope = _difference(f, h)
    rounding = 8 * np.finfo(float).eps * np.abs(f(h)) / _STEP
    with np.errstate(invalid="ignore"):
        error = np.abs(df(h) - slope) / (1e-6 * np.maximum(1, np.abs(slope)) + rounding)
    return np.where(np.isnan(error), np.inf, error)


def _undeclared_kinks(f: Callable, df: Callable, wrong: np.ndarray) -> np.ndarray:
    """Return the points, of those at which df is wrong, that it is right on both sides of."""
    beside = [_error(f, df, wrong + side * _STEP) <= 1 for side in (-5, 5)]
    return wrong[beside[0] & beside[1]]


# ---- What to do about it -------------------------------------------------------------------


def _kink_advice(found: list[str], declared: tuple[float, ...]) -> str:
    if len(found) > 10:
        return f"are there kinks near h = {', '.join(found[:3])}, ...? then name all in kinks"
    every = sorted({*map(float, found), *declared})
    listed = ", ".join(str(int(k)) if k == int(k) else str(k) for k in every)
    asked = "is there a kink" if len(found) == 1 else "are there kinks"
    return f"{asked} near h = {', '.join(found)}? then say kinks=[{listed}]"


def _slope_advice(at: float, slope: float, claimed: float) -> str:
    slope = round(slope, 9) + 0.0  # what is left beside a zero is rounding
    for digits in (4, 9):
        right, said = f"{slope:.{digits}g}", f"{claimed:.{digits}g}"
        if right != said:
            break
    return f"near h = {_place(at)} the slope should be {right}, and df says {said}"


def _nearest(h: np.ndarray) -> float:
    """Return the point nearest to 0."""
    return h[np.argmin(np.abs(h))]


def _place(h: float) -> str:
    """Return the round number that a point of the grid is beside."""
    return f"{round(h, 2) + 0.0:g}"
