r"""Expectations under a Gaussian, to nearly all digits of double precision.

Every prediction about a wide random network is an expectation of an activation, or of two, under
:math:`N(0, q)`. Use `weightinit.theory`, which also holds what is made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from weightinit import activations
from weightinit._checks import check_number

# Beyond 9 standard deviations a Gaussian holds less than 1e-18 of its mass.
_CUT = 9.0
# Activations bend on a scale of about one unit; further out they straighten, some (softsign) as
# slowly as a power of h, so that each panel there may be twice as long as the one before.
_OUTWARD = np.concatenate([np.arange(0.5, 16, 0.5), 2.0 ** np.arange(4, 512)])
_OWN_SCALE = np.concatenate([-_OUTWARD[::-1], [0.0], _OUTWARD])


@cache
def _legendre(order: int = 20) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(order)


def gaussian_mean(
    g: Callable[[np.ndarray], np.ndarray], q: float, kinks: Sequence[float] = ()
) -> float:
    r"""Return :math:`E[g(h)]` for :math:`h \sim N(0, q)`.

    Composite Gauss-Legendre quadrature. Panels end at the kinks of ``g``, at every standard
    deviation of the Gaussian, at every half unit around zero, where activations bend, and at every
    power of two further out. A rule without these breaks misses the corner of a ReLU and, at large
    ``q``, the whole slope of a tanh.

    Parameters
    ----------
    g : callable
        Maps an array of pre-activations to an array of the same shape. Between its kinks it must
        bend on a scale of about one unit, as activations do: for ``tanh(100 * h)``, name a few
        points around the bend as kinks.
    q : float
        Variance of the Gaussian, positive and finite.
    kinks : sequence of float
        Points at which ``g`` or a derivative of it jumps.

    Returns
    -------
    float
        The expectation.

    Raises
    ------
    ValueError
        If ``q`` is not a positive finite number, or the expectation is not finite.

    Examples
    --------
    The second moment of a ReLU is exactly half of ``q``:

    >>> relu = activations.get("relu")
    >>> round(gaussian_mean(lambda h: relu.f(h) ** 2, q=3.0, kinks=relu.kinks), 12)
    1.5
    """
    scale = _standard_deviation(q)
    breaks = np.unique(np.concatenate([np.arange(-_CUT, _CUT + 1), _own_breaks(kinks) / scale]))
    z, weights = _panels(breaks[np.abs(breaks) <= _CUT], 20)
    with np.errstate(over="ignore", invalid="ignore"):
        return _finite(np.sum(weights * g(scale * z)), q)


def gaussian_pair_mean(
    g: Callable[[np.ndarray], np.ndarray], c: float, q: float, kinks: Sequence[float] = ()
) -> float:
    r"""Return :math:`E[g(h_1) g(h_2)]` for two Gaussians of variance ``q`` and correlation ``c``.

    With :math:`h_1 = \sqrt q z_1` and :math:`h_2 = \sqrt q (c z_1 + \sqrt{1 - c^2} z_2)`, one
    Gaussian mean over :math:`z_2` inside one over :math:`z_1`. The inner panels end at the kinks of
    :math:`g(h_2)`, which lie elsewhere for each :math:`z_1`. The outer ones end at the kinks of
    :math:`g(h_1)`, and across the places where the inner mean turns a kink into a bend, which is
    narrow when the correlation is near 1 or -1.

    Parameters
    ----------
    g : callable
        As in `gaussian_mean`.
    c : float
        Correlation of the pair, from -1 to 1.
    q : float
        Variance of each, positive and finite.
    kinks : sequence of float
        Points at which ``g`` or a derivative of it jumps.

    Returns
    -------
    float
        The expectation.

    Raises
    ------
    ValueError
        If ``c`` or ``q`` is out of range, or the expectation is not finite.

    Examples
    --------
    Two signs agree with probability 1 - arccos(c) / pi, here 2/3:

    >>> round(gaussian_pair_mean(np.sign, c=0.5, q=1.0, kinks=[0.0]), 12)
    0.333333333333
    """
    check_number("c", c)
    if not -1 <= c <= 1:
        raise ValueError(f"c must be a correlation between -1 and 1, got {c!r}")
    if abs(c) == 1:
        mirrored = [*kinks, *(c * k for k in kinks)]
        return gaussian_mean(lambda h: g(h) * g(c * h), q, mirrored)
    scale, rest = _standard_deviation(q), float(np.sqrt((1 - c) * (1 + c)))
    deviations, own = np.arange(-_CUT, _CUT + 1), _own_breaks(kinks) / scale
    own = own[np.abs(own) <= 2 * _CUT]  # |c z1 + rest z2| is below sqrt(2) times the cut
    # With little correlation the bends are wider than the Gaussian: nothing to resolve.
    bends = [(k / scale + rest * deviations) / c for k in kinks if abs(c) > 0.1]
    breaks = np.unique(np.concatenate([deviations, own, *bends]))
    total = 0.0
    z1, weights1 = _panels(breaks[np.abs(breaks) <= _CUT], 12)
    with np.errstate(over="ignore", invalid="ignore"):
        for z, weights in zip(z1, weights1, strict=True):  # a panel at a time: it stays in cache
            moved = np.clip((own - c * z[:, None]) / rest, -_CUT, _CUT)
            every = np.broadcast_to(deviations, (len(z), len(deviations)))
            # Breaks beyond the cut have become panels of no width, which add nothing.
            z2, weights2 = _panels(np.sort(np.concatenate([moved, every], axis=1)), 12)
            inner = weights2 * g(scale * (c * z[:, None, None] + rest * z2))
            total += np.sum(weights * g(scale * z) * np.sum(inner, axis=(1, 2)))
    return _finite(total, q)


def _own_breaks(kinks: Sequence[float]) -> np.ndarray:
    return np.concatenate([_OWN_SCALE, np.asarray(kinks, dtype=float)])


def _panels(breaks: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and Gaussian weights, shape (..., panels, order), from (..., panels + 1)."""
    nodes, weights = _legendre(order)
    half = np.diff(breaks)[..., None] / 2
    z = (breaks[..., :-1] + breaks[..., 1:])[..., None] / 2 + half * nodes
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return z, half * weights * density


def _standard_deviation(q: float) -> float:
    check_number("q", q)
    if not (np.isfinite(q) and q > 0):
        raise ValueError(f"q must be a positive finite variance, got {q!r}")
    return float(np.sqrt(q))


def _finite(mean: float, q: float) -> float:
    if not np.isfinite(mean):
        raise ValueError(f"the expectation under N(0, {q!r}) must be finite, got {mean}")
    return float(mean)


# ---- Moments of an activation ------------------------------------------------------------


def mean(activation: str | activations.Activation, q: float) -> float:
    r"""Return :math:`E[\varphi(h)]` for :math:`h \sim N(0, q)`.

    Parameters
    ----------
    activation : str or Activation
        The activation :math:`\varphi`.
    q : float
        Second moment of the pre-activations.

    Returns
    -------
    float
        The mean of the activations.

    Raises
    ------
    ValueError
        If the activation is unknown or ``q`` is not a positive finite number.

    Examples
    --------
    >>> round(mean("relu", 1.0), 12)  # 1 / sqrt(2 pi)
    0.398942280401
    """
    phi = activations.get(activation)
    return gaussian_mean(phi.f, q, phi.kinks)


def variance(activation: str | activations.Activation, q: float) -> float:
    r"""Return the variance of :math:`\varphi(h)` for :math:`h \sim N(0, q)`.

    It is the mean of the squared deviations. The difference of the two moments would lose the
    digits they share: all of them, for a sigmoid at small ``q``.

    Parameters
    ----------
    activation : str or Activation
        The activation :math:`\varphi`.
    q : float
        Second moment of the pre-activations.

    Returns
    -------
    float
        The variance of the activations.

    Raises
    ------
    ValueError
        If the activation is unknown or ``q`` is not a positive finite number.

    Examples
    --------
    >>> round(variance("relu", 1.0), 12)  # 1/2 - 1/(2 pi)
    0.340845056908
    """
    phi = activations.get(activation)
    center = mean(phi, q)
    return gaussian_mean(lambda h: (phi.f(h) - center) ** 2, q, phi.kinks)


def second_moment(activation: str | activations.Activation, q: float) -> float:
    r"""Return :math:`E[\varphi(h)^2]` for :math:`h \sim N(0, q)`: what a layer passes forward.

    Parameters
    ----------
    activation : str or Activation
        The activation :math:`\varphi`.
    q : float
        Second moment of the pre-activations.

    Returns
    -------
    float
        The second moment of the activations.

    Raises
    ------
    ValueError
        If the activation is unknown or ``q`` is not a positive finite number.

    Examples
    --------
    >>> round(second_moment("tanh", 1.0), 12)
    0.394294490398
    """
    phi = activations.get(activation)
    return gaussian_mean(lambda h: phi.f(h) ** 2, q, phi.kinks)


def slope_second_moment(activation: str | activations.Activation, q: float) -> float:
    r"""Return :math:`E[\varphi'(h)^2]` for :math:`h \sim N(0, q)`: what a layer passes backward.

    Parameters
    ----------
    activation : str or Activation
        The activation :math:`\varphi`.
    q : float
        Second moment of the pre-activations.

    Returns
    -------
    float
        The second moment of the slopes.

    Raises
    ------
    ValueError
        If the activation is unknown or ``q`` is not a positive finite number.

    Examples
    --------
    >>> round(slope_second_moment("sigmoid", 1.0), 12)
    0.04483624135
    """
    phi = activations.get(activation)
    return gaussian_mean(lambda h: phi.df(h) ** 2, q, phi.kinks)
