"""Checks of single numbers that users hand in."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral

import numpy as np

MAX_SEED = 2**32 - 1  # the largest that NumPy and scikit-learn take


def check_integer(name: str, value: object, low: int, high: int) -> None:
    """Raise a TypeError unless the value is an integer, a ValueError unless in [low, high]."""
    # bool is an int in Python, but True images is a mistake.
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be in [{low}, {high}], got {value}")


def check_sequence(name: str, values: object) -> None:
    """Raise a TypeError if the values cannot be iterated over, or are text."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a sequence, such as [{values!r}], got {values!r}")


def check_number(name: str, value: object) -> None:
    """Raise a TypeError unless the value is one real number (also as an array without axes)."""
    if isinstance(value, str) or not hasattr(value, "__float__") or np.ndim(value):
        raise TypeError(f"{name} must be a number, got {value!r}")


def check_positive(name: str, value: float) -> None:
    """Raise a ValueError unless the value is finite and above 0, a TypeError if it is no number."""
    check_number(name, value)
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be positive and finite, got {value!r}")


def check_not_negative(name: str, value: float) -> None:
    """Raise a ValueError unless the value is finite and at least 0, a TypeError if no number."""
    check_number(name, value)
    if not (np.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be finite and not negative, got {value!r}")


def check_size(name: str, value) -> None:
    """Raise a ValueError unless the value is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
