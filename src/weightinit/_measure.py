"""Statistics of one tensor: few passes over it, and right at any scale of its entries.

A dot product reads a tensor once and is the cheapest way to its sum of squares. In float32,
though, the squares of entries below about 1e-19 vanish and those above 1e19 overflow. So the
fast result is kept only where it can be trusted; otherwise the entries are divided by the
largest of them, in float64, and measured again.

NumPy and BLAS do the counting, on the memory of the tensor itself (a copy if that is on a GPU).
For the sizes at hand they are faster than PyTorch, and they start no threads: on a busy machine,
waiting for threads costs a hundred times what is measured.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.linalg import blas

NAN = float("nan")

_KINDS = (np.dtype(np.float32), np.dtype(np.float64))
# SciPy's dot products: NumPy's would warn of overflows, which are measured again.
_DOT = dict(zip(_KINDS, (blas.sdot, blas.ddot), strict=True))
# How many entries are added up in the tensor's own precision; such sums are added in float64.
# OpenBLAS shares longer float64 products among threads.
_PIECE = dict(zip(_KINDS, (2**16, 2**13), strict=True))
_ONES = {kind: np.ones(piece, dtype=kind) for kind, piece in _PIECE.items()}

# A mean square between these has lost at most a rounding error to squares that vanish.
_TRUSTED = {
    kind: (float(np.finfo(kind).tiny / np.finfo(kind).eps), float(np.finfo(kind).max))
    for kind in _KINDS
}
# Below this share of the mean square, mean square - mean**2 loses too many digits to rounding.
_CANCELLATION = {kind: float(np.finfo(kind).eps) ** (1 / 3) for kind in _KINDS}

Intervals = tuple[tuple[float, float], ...]


def array(tensor: torch.Tensor) -> np.ndarray:
    """Return the entries as float32 or float64, without a copy where possible."""
    # Squares of float16 overflow at 256; every float16 and bfloat16 number is a float32 number.
    if tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.detach().float()
    return tensor.numpy(force=True)


def rms(values: np.ndarray) -> float:
    """Return the root of the mean square of all entries; NaN if there is none.

    Examples
    --------
    >>> f"{rms(np.full(100, 1e-30, dtype=np.float32)):.6g}"  # in float32, 1e-60 is zero
    '1e-30'
    """
    flat = values.reshape(-1)
    mean_square = _mean_square(flat)
    if mean_square is not None:
        return math.sqrt(mean_square)
    return rms(flat.astype(np.float64)) if flat.dtype != np.float64 else _rescaled(flat)[2]


def moments(values: np.ndarray) -> tuple[float, float, float]:
    """Return mean, population standard deviation and root mean square of all entries.

    Examples
    --------
    >>> moments(np.array([1.0, 1.0, 3.0, 3.0]))
    (2.0, 1.0, 2.23606797749979)
    """
    flat = values.reshape(-1)
    mean_square = _mean_square(flat)
    if mean_square is not None:
        mean = _dot(flat, _ONES[flat.dtype]) / flat.size
        variance = mean_square - mean**2
        if variance > _CANCELLATION[flat.dtype] * mean_square:
            return mean, math.sqrt(variance), math.sqrt(mean_square)
    return moments(flat.astype(np.float64)) if flat.dtype != np.float64 else _rescaled(flat)


def combine(parts: list[tuple[int, float]]) -> float:
    """Return the RMS of several tensors together, from the size and the RMS of each."""
    if len(parts) == 1:
        return parts[0][1]
    # hypot squares nothing that could vanish: these may be 1e-200.
    size = sum(n for n, _ in parts)
    return math.hypot(*(math.sqrt(n / size) * part for n, part in parts)) if size else NAN


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


def _mean_square(flat) -> float | None:
    """Return the mean of the squares, or None if it cannot be trusted in this precision."""
    if not flat.size:
        return None
    low, high = _TRUSTED[flat.dtype]
    # Squares that are almost zero are slow to compute: ask the first few whether they are.
    if not _dot(flat[:4096], None) > low:
        return None
    mean_square = _dot(flat, None) / flat.size
    return mean_square if low < mean_square < high else None


def _dot(flat, ones) -> float:
    """Return the sum of flat * ones, where ones is as long as a piece; of squares if None."""
    dot, size, total = _DOT[flat.dtype], _PIECE[flat.dtype], 0.0
    for start in range(0, flat.size, size):
        piece = flat[start : start + size]
        total += dot(piece, piece if ones is None else ones[: piece.size])
    return total


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


def _inside(values, intervals) -> np.ndarray:
    inside = None
    for low, high in intervals:
        part = values >= low if low > -math.inf else values <= high
        if -math.inf < low and high < math.inf:
            part &= values <= high
        inside = part if inside is None else np.logical_or(inside, part, out=inside)
    return np.zeros(values.shape, dtype=bool) if inside is None else inside
