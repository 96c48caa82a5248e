"""Statistics of one tensor: few passes over it, and right at any scale of its entries.

A dot product reads a tensor once and is the cheapest way to its sum of squares. In float32,
though, the squares of entries below about 1e-19 vanish and those above 1e19 overflow. So the
fast result is kept only where it can be trusted; otherwise the entries are divided by the
largest of them, in float64, and measured again.

NumPy and BLAS do the counting, on the memory of the tensor itself (a copy if that is on a GPU).
For the sizes at hand they are faster than PyTorch, and they start no threads: on a busy machine,
waiting for threads costs a hundred times what is measured.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import blas

NAN = float("nan")

_NATIVE = (torch.float32, torch.float64)


class _Kind(NamedTuple):
    """How to add up the entries of one precision."""

    dot: Callable[[np.ndarray, np.ndarray], float]
    piece: int  # how many entries are added up in this precision, before float64 takes over
    ones: np.ndarray
    lowest: float
    highest: float
    cancellation: float


def _kind(dtype, dot, piece) -> _Kind:
    limits = np.finfo(dtype)
    return _Kind(
        dot=dot,
        piece=piece,
        ones=np.ones(piece, dtype=dtype),
        # A mean square between these has lost at most a rounding error to squares that vanish.
        lowest=float(limits.tiny / limits.eps),
        highest=float(limits.max),
        # Below this share of the mean square, mean square - mean**2 loses too many digits.
        cancellation=float(limits.eps) ** (1 / 3),
    )


# SciPy's dot products: NumPy's would warn of overflows, which are measured again. OpenBLAS shares
# float64 products of more than 10000 entries among threads; and the ones must leave the cache to
# what is measured.
_SINGLE = _kind(np.float32, blas.sdot, 2**16)
_DOUBLE = _kind(np.float64, blas.ddot, 10_000)


def array(tensor: torch.Tensor) -> np.ndarray:
    """Return the entries as float32 or float64, without a copy where possible."""
    # Squares of float16 overflow at 256; every float16 and bfloat16 number is a float32 number.
    if tensor.dtype not in _NATIVE:
        tensor = tensor.detach().float()
    return tensor.numpy(force=True)


def rms(values: np.ndarray) -> float:
    """Return the root of the mean square of all entries; NaN if there is none."""
    flat = values.reshape(-1)
    means = _means(flat, with_mean=False)
    if means is not None:
        return math.sqrt(means[0])
    return rms(flat.astype(np.float64)) if flat.itemsize == 4 else _rescaled(flat)[2]


def moments(values: np.ndarray) -> tuple[float, float, float]:
    """Return mean, population standard deviation and root mean square of all entries."""
    flat = values.reshape(-1)
    means = _means(flat, with_mean=True)
    if means is not None:
        mean_square, mean = means
        variance = mean_square - mean**2
        if variance > (_SINGLE if flat.itemsize == 4 else _DOUBLE).cancellation * mean_square:
            return mean, math.sqrt(variance), math.sqrt(mean_square)
    return moments(flat.astype(np.float64)) if flat.itemsize == 4 else _rescaled(flat)


def combine(parts: list[tuple[int, float]]) -> float:
    """Return the RMS of several tensors together, from the size and the RMS of each."""
    if len(parts) == 1:
        return parts[0][1]
    # hypot squares nothing that could vanish: these may be 1e-200.
    size = sum(n for n, _ in parts)
    return math.hypot(*(math.sqrt(n / size) * part for n, part in parts)) if size else NAN


def _means(flat, with_mean) -> tuple[float, float] | None:
    """Return the mean of the squares and of the entries, or None if the first is not trusted."""
    dot, piece, ones, lowest, highest, _ = _SINGLE if flat.itemsize == 4 else _DOUBLE
    squares = total = 0.0
    for start in range(0, flat.size, piece):
        part = flat[start : start + piece]
        squares += dot(part, part)
        # Squares that are almost zero are slow to compute: stop if the first ones are.
        if not squares > lowest:
            return None
        if with_mean:  # now, as long as the piece is in the cache
            total += dot(part, ones)
    size = flat.size
    return (squares / size, total / size) if lowest * size < squares < highest * size else None


def _rescaled(flat) -> tuple[float, float, float]:
    if not flat.size:
        return NAN, NAN, NAN
    wide = flat.astype(np.float64)
    scale = float(np.abs(wide).max())
    if scale == 0:
        return 0.0, 0.0, 0.0
    if not math.isfinite(scale):
        with np.errstate(invalid="ignore"):  # inf - inf
            return float(wide.mean()), NAN, scale
    wide /= scale
    root = math.sqrt(np.square(wide).mean())
    # Around one of the entries instead of 0: then a constant tensor has deviation exactly 0.
    origin = float(wide[0])
    wide -= origin
    return (origin + float(wide.mean())) * scale, float(wide.std()) * scale, root * scale
