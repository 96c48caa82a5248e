"""Checks of what users hand in: each names the argument, what was given and what is allowed."""

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


def check_seed(value: object, name: str = "seed") -> None:
    """Raise a TypeError or a ValueError unless NumPy and PyTorch take the value as a seed."""
    check_integer(name, value, 0, MAX_SEED)


def check_size(name: str, value: object, most: int | None = None) -> None:
    """Raise a ValueError unless the value is a whole number of at least 1, and at most ``most``."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < 1 or (most is not None and value > most):
        limit = "of at least 1" if most is None else f"from 1 to {most}"
        raise ValueError(f"{name} must be a whole number {limit}, got {value!r}")


def check_number(name: str, value: object) -> None:
    """Raise a TypeError unless the value is one real number (also as an array without axes)."""
    try:
        # What NumPy cannot judge, such as fractions and 10**400, it keeps as an object.
        real = np.asarray(value).dtype.kind in "iuf" and np.ndim(value) == 0
    except (TypeError, ValueError, RuntimeError):
        real = False
    if not real:
        shown = "an integer beyond 64 bits" if type(value) is int else repr(value)
        raise TypeError(f"{name} must be a number, got {shown}")


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


def check_sequence(name: str, values: object) -> None:
    """Raise a TypeError if the values cannot be iterated over, or are text."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a sequence, such as [{values!r}], got {values!r}")


def as_numbers(name: str, values: object) -> np.ndarray:
    """Return the values as an array of floats; a TypeError unless they are real numbers."""
    try:
        array = np.asarray(values)
        # NumPy would read text, and turn None into NaN.
        if isinstance(values, bool) or array.dtype.kind in "USMmc" or None in array.ravel():
            raise TypeError
        return array.astype(float)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be a number or an array of them, got {values!r}") from None


def check_choice(name: str, value: object, allowed: Iterable) -> None:
    """Raise a ValueError unless the value is one of those allowed."""
    allowed = list(allowed)
    if not any(value is one or (type(value) is type(one) and value == one) for one in allowed):
        raise ValueError(f"{name} must be {' or '.join(map(repr, allowed))}, got {value!r}")


def check_instance(name: str, value: object, kind: type, example: str = "") -> None:
    """Raise a TypeError unless the value is of a kind; ``example`` says how to get one."""
    if not isinstance(value, kind):
        origin = kind.__module__.split(".")[0]
        hint = f", such as {example}" if example else ""
        raise TypeError(f"{name} must be a {origin}.{kind.__name__}{hint}, got {_shown(value)}")


def check_module(name: str, value: object) -> None:
    """Raise a TypeError unless the value is a ``torch.nn.Module`` (and not a class of them)."""
    from torch import nn  # here, because the ground floor needs no PyTorch

    if not isinstance(value, nn.Module):
        raise TypeError(f"{name} must be a torch.nn.Module, got {_shown(value)}")


def check_dtype(value: object, name: str = "dtype") -> None:
    """Raise a TypeError unless the value is a ``torch.dtype`` of real floating-point numbers."""
    import torch

    if not isinstance(value, torch.dtype) or not value.is_floating_point:
        raise TypeError(
            f"{name} must be a floating-point torch.dtype, such as torch.float64, got {value!r}"
        )


def check_device(value: object, name: str = "device"):
    """Return the value as a ``torch.device``; a ValueError unless this machine has such a one."""
    import torch

    try:
        return torch.empty(0, device=value).device
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f'{name} must be a device that PyTorch can use here, such as "cpu", got {value!r}'
        ) from error


def _shown(value: object) -> str:
    """Name the value in a message: by its class where its repr may be long."""
    if isinstance(value, str | int | float | None | type):
        return repr(value)
    return f"a {type(value).__name__}"
