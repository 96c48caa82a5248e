"""Which entries lie where an activation is flat, and which units are dead."""

import math

import numpy as np

Intervals = tuple[tuple[float, float], ...]


def shares(
    values: np.ndarray, flat: Intervals, zero: Intervals, unit_axis: int
) -> tuple[float, float]:
    """Return the share of entries inside ``flat``, and of units that lie all in ``zero``."""
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
