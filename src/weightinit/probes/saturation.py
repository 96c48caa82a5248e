"""Which entries lie where an activation is flat, and which units are dead."""

from __future__ import annotations

import math

import numpy as np

Intervals = tuple[tuple[float, float], ...]


def shares(
    values: np.ndarray, flat: Intervals, zero: Intervals, unit_axis: int
) -> tuple[float, float]:
    """Return the share of entries inside ``flat`` and of units whose entries are all in ``zero``.

    Intervals include their ends, infinities too; a NaN is in none of them.

    Examples
    --------
    >>> relu = ((-math.inf, 0.0),)
    >>> shares(np.array([[-1.0, 1.0], [-1.0, -1.0]]), relu, relu, unit_axis=1)
    (0.75, 0.5)
    """
    inside = _inside(values, flat)
    saturated = int(np.count_nonzero(inside)) / values.size
    if not zero:
        return saturated, 0.0
    all_zero = inside if zero == flat else _inside(values, zero)
    others = tuple(axis for axis in range(values.ndim) if axis != unit_axis % values.ndim)
    dead = all_zero.all(others)
    return saturated, int(np.count_nonzero(dead)) / dead.size


def _inside(values, intervals) -> np.ndarray:
    inside = None
    for low, high in intervals:
        part = values >= low if low > -math.inf else values <= high
        if -math.inf < low and high < math.inf:
            part &= values <= high
        inside = part if inside is None else np.logical_or(inside, part, out=inside)
    return np.zeros(values.shape, dtype=bool) if inside is None else inside
