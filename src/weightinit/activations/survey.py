"""Where an activation bends within less than its own unit: what a few nodes would step over.

Quadrature, the search for the largest slope and `weightinit.activations.check` all look at an
activation at some points; here is how they know about what lies between.
"""

from functools import lru_cache

import numpy as np

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
# As fine as an activation of scale one needs: half a unit, further out a power of two.
_OUTWARD = np.concatenate([np.arange(0.5, 16, 0.5), 2.0 ** np.arange(4, 15)])
_UNITS = np.concatenate([-_OUTWARD[::-1], [0.0], _OUTWARD])
_PIECES = 50  # of a unit, which see what is wider than 0.001
# No round numbers: a corner at an end or in the middle of a piece would not be seen.
_ENDS = np.linspace(0, 1, _PIECES + 1) ** 1.1
_NARROWEST = 1e-8
_MOST = 2000  # pieces that are halved at a time: enough for h sin h, up to abs(h) = 10,000


def sharp_bends(activation) -> np.ndarray:
    """Return the first that `survey` finds; it is a ValueError if there is any of the second."""
    sharp, undeclared = survey(activation)
    if len(undeclared):
        raise ValueError(kink_question(activation, undeclared))
    return sharp


def kink_question(activation, undeclared) -> str:
    """Return a message that asks for the points at which df is not the derivative of f."""
    nearest = [f"{k + 0.0:.6g}" for k in sorted(undeclared, key=abs)]
    if len(nearest) > 10:
        advice = f"{', '.join(nearest[:3])}, ...? then name all in kinks"
    else:
        kinks = sorted({*map(float, nearest), *activation.kinks})
        listed = ", ".join(f"{k:.16g}" for k in kinks)
        advice = f"{', '.join(nearest)}? then say kinks=[{listed}]"
    return f"{activation.name}: df is not the derivative of f: is there a kink near h = {advice}"


@lru_cache(maxsize=256)
def survey(activation) -> tuple[np.ndarray, np.ndarray]:
    """Return points around which an activation bends sharply, and where its formulas part."""
    if activation.torch_name:
        return np.empty(0), np.empty(0)
    kinks = np.array(activation.kinks)
    units = np.unique(np.concatenate([_UNITS, kinks]))
    edges = units[:-1, None] + np.diff(units)[:, None] * _ENDS
    edges[:, -1] = units[1:]
    low, high = edges[:, :-1].ravel(), edges[:, 1:].ravel()
    with np.errstate(all="ignore"):  # what is not finite is judged elsewhere
        parted, parts = _parted(activation, low, high)
        fine = parts.reshape(-1, _PIECES).sum(axis=1)
        _, coarse = _parted(activation, units[:-1], units[1:])
        differs = np.abs(coarse - fine) > 1e-9 * fine + 1e-12 * np.diff(units)
        sharp = [edges[differs | parted.reshape(-1, _PIECES).any(axis=1)].ravel()]
        undeclared = [np.empty(0)]
        while parted.any():
            nearest = np.flatnonzero(parted)[np.argsort(np.abs(low[parted]))][:_MOST]
            low, high = low[nearest], high[nearest]
            middle = (low + high) / 2
            narrow = high - low < _NARROWEST * np.maximum(1, np.abs(middle))
            undeclared.append(middle[narrow])
            low, middle, high = low[~narrow], middle[~narrow], high[~narrow]
            sharp.append(middle)
            low, high = np.append(low, middle), np.append(middle, high)
            parted, _ = _parted(activation, low, high)
    found = np.concatenate(undeclared)
    beside = np.abs(found[:, None] - kinks) < 1e-5 * np.maximum(1, np.abs(kinks))
    return np.unique(np.concatenate(sharp)), np.unique(found[~beside.any(axis=1)].round(7))


def _parted(activation, low, high) -> tuple[np.ndarray, np.ndarray]:
    """Tell where phi grows by something else than the integral of phi'; also integrate phi'^2."""
    width, slopes = high - low, _at_nodes(activation.df, low, high)
    # From just above a declared kink, at which phi may jump, to just below the next.
    low = np.where(np.isin(low, activation.kinks), np.nextafter(low, np.inf), low)
    high = np.where(np.isin(high, activation.kinks), np.nextafter(high, -np.inf), high)
    below, above = activation.f(low), activation.f(high)
    error = np.abs(above - below - slopes @ _WEIGHTS * width / 2)
    allowed = 1e-6 * width * np.maximum(1, np.abs(slopes) @ _WEIGHTS / 2)
    rounding = 64 * np.finfo(float).eps * np.maximum(np.abs(below), np.abs(above))
    return error > allowed + rounding, np.square(slopes) @ _WEIGHTS * width / 2


def _at_nodes(formula, low, high) -> np.ndarray:
    return formula((low + high)[:, None] / 2 + (high - low)[:, None] / 2 * _NODES)
