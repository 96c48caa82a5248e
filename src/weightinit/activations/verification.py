"""Whether the formulas of an activation can be used, and agree with each other.

Use `weightinit.activations.check`.
"""

from collections.abc import Callable

import numpy as np

from weightinit._checks import check_instance
from weightinit.activations.activation import Activation
from weightinit.activations.survey import kink_question, sharp_bends

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
    h = _NEAR
    for kink in activation.kinks:
        h = h[np.abs(h - kink) > 3 * _STEP]  # the differences reach two steps to each side
    for what in ("f", "df"):
        _check_formula(f"{activation.name}: {what}", getattr(activation, what), h)
    with np.errstate(all="ignore"):  # a formula may overflow and still be right
        _check_slope(activation, h)
        sharp_bends(activation)
        _check_bounds(activation, h)
    return activation


def _check_formula(who: str, formula: Callable, h: np.ndarray) -> None:
    """Raise a ValueError unless a formula works on arrays and on numbers, and is finite."""
    values = _evaluate(who, formula, h)
    i = len(h) // 3
    alone = _evaluate(who, formula, h[i : i + 1].reshape(()))
    if not np.isclose(alone, values[i], rtol=1e-9, atol=1e-9, equal_nan=True):
        raise ValueError(
            f"{who} must treat each number on its own: at h = {h[i]:g} it is {values[i]:g} in an "
            f"array, and {alone:g} for that number alone"
        )
    # A naive formula can overflow into NaN, as exp(h) / (1 + exp(h)) does from 710 on.
    far = _evaluate(who, formula, _FAR)
    bad = np.concatenate([h[~np.isfinite(values)], _FAR[np.isnan(far)]])
    if len(bad):
        kind = "NaN" if np.isnan(np.concatenate([values, far])).any() else "infinite"
        raise ValueError(f"{who} is {kind} at h = {_nearest(bad):g}")


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
        got = f"{result.dtype} in the shape {result.shape}" if is_numpy else repr(result)
        raise ValueError(
            f"{who} must return a NumPy array of float64 numbers in the shape of its argument, "
            f"{h.shape}, as np.where(h > 0, 1.0, 0.0) or np.full_like(h, 2.0) do, got {got}"
        )
    return result


def _check_slope(activation: Activation, h: np.ndarray) -> None:
    """Raise a ValueError unless df is the slope of f by central differences."""
    f, slope = activation.f, activation.df(h)
    near, wide = (f(h + step) - f(h - step) for step in (_STEP, 2 * _STEP))
    difference = (8 * near - wide) / (12 * _STEP)  # off by step^4 |f^(5)| / 30
    rounding = 8 * np.finfo(float).eps * np.abs(f(h)) / _STEP
    error = np.abs(slope - difference) / (1e-6 * np.maximum(1, np.abs(difference)) + rounding)
    wrong = ~(error <= 1)
    # A kink makes one point wrong; three in a row are a wrong formula.
    run = np.convolve(wrong, [1, 1, 1], "same") == 3
    if run.any():
        # Where the error is large, so that it is seen in few digits, but not far out.
        at = _nearest(h[run & ~(error < error[run].max() / 2)])
        claimed, right = slope[h == at][0], round(difference[h == at][0], 9) + 0.0
        raise ValueError(
            f"{activation.name}: df is not the derivative of f: near h = {_place(at)} the slope "
            f"should be {right:.9g}, and df says {claimed:.9g}"
        )
    if wrong.any():
        raise ValueError(kink_question(activation, h[wrong].round(2)))


def _check_bounds(activation: Activation, h: np.ndarray) -> None:
    low, high = activation.bounds
    value = activation.f(h)
    bad = np.maximum(low - value, value - high) > 1e-12 * np.maximum(1, np.abs(value))
    if bad.any():
        at = _nearest(h[bad])
        raise ValueError(
            f"{activation.name}: f leaves its bounds ({low:g}, {high:g}): near h = {_place(at)} "
            f"it is {value[h == at][0]:g}"
        )


def _nearest(h: np.ndarray) -> float:
    """Return the point nearest to 0."""
    return h[np.argmin(np.abs(h))]


def _place(h: float) -> str:
    """Return the round number that a point of the grid is beside."""
    return f"{round(h, 2) + 0.0:g}"
