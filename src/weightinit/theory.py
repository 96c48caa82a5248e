r"""What theory predicts about a random network: Gaussian moments and layer-by-layer signals.

In a wide network with independent weights, the pre-activations of a layer behave like draws from
:math:`N(0, q)`. One number per layer, :math:`q^l`, then says how large the signal is, and one
expectation per layer, :math:`E[\varphi'(h)^2]`, says what the way back does to the gradient
(Poole et al. 2016; Schoenholz et al. 2017). NumPy only, double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from numbers import Integral

import numpy as np
import pandas as pd

from weightinit import activations

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
        Maps an array of pre-activations to an array of the same shape.
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
    if not (np.isfinite(q) and q > 0):
        raise ValueError(f"q must be a positive finite variance, got {q!r}")
    scale = float(np.sqrt(q))
    breaks = np.concatenate([np.arange(-_CUT, _CUT + 1), _OWN_SCALE / scale])
    breaks = np.unique(np.concatenate([breaks, np.asarray(kinks, dtype=float) / scale]))
    breaks = breaks[np.abs(breaks) <= _CUT]
    nodes, weights = _legendre()
    half = np.diff(breaks)[:, None] / 2
    z = (breaks[:-1] + breaks[1:])[:, None] / 2 + half * nodes
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(np.sum(half * weights * density * g(scale * z)))
    if not np.isfinite(mean):
        raise ValueError(f"the expectation under N(0, {q!r}) must be finite, got {mean}")
    return mean


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

    Examples
    --------
    >>> round(slope_second_moment("sigmoid", 1.0), 12)
    0.04483624135
    """
    phi = activations.get(activation)
    return gaussian_mean(lambda h: phi.df(h) ** 2, q, phi.kinks)


def propagate(
    activation: str | activations.Activation,
    widths: Sequence[int],
    weight_variance: Callable[[int, int], float],
    *,
    sigma_b2: float = 0.0,
    input_second_moment: float = 1.0,
) -> pd.DataFrame:
    r"""Predict the signal forward and the gradient backward, layer by layer.

    Forward, with :math:`v^l` the variance of one weight of layer :math:`l`:

    .. math:: q^l = n_{l-1} v^l \, E[\varphi(h^{l-1})^2] + \sigma_b^2

    Backward, from a layer to the one before it:

    .. math:: E[(\partial L/\partial h^l)^2] = n_{l+1} v^{l+1} \, E[\varphi'(h^l)^2]
              \; E[(\partial L/\partial h^{l+1})^2]

    (Poole et al. 2016, eq. 3; Schoenholz et al. 2017, section on backpropagation.) The step
    backward treats the weights met on the way back as independent of those met on the way forward;
    that is an approximation, and the chapters test it.

    Parameters
    ----------
    activation : str or Activation
        The activation of all hidden layers.
    widths : sequence of int
        Sizes from the input to the output, ``[n_0, n_1, ..., n_L, n_out]``: at least three.
    weight_variance : callable
        ``weight_variance(fan_in, fan_out)`` gives the variance of one weight, for example
        ``initializers.get("xavier_normal").variance``.
    sigma_b2 : float
        Variance of the biases.
    input_second_moment : float
        Mean of the squared inputs; 1 for standardised images.

    Returns
    -------
    pandas.DataFrame
        One row per hidden layer: ``layer``, ``q`` (second moment of h), ``x2`` (of x),
        ``slope2`` (:math:`E[\varphi'(h)^2]`), ``chi1`` (factor of the squared gradient from layer
        l+1 to l; NaN at the last hidden layer, whose successor is the output) and
        ``grad_h_relative`` (RMS of dL/dh over its value at the last hidden layer).

    Raises
    ------
    ValueError
        If there are fewer than three widths or one is not a whole number of at least 1, a variance
        or the input's second moment is negative or not finite, or the signal or the gradient
        leaves the range of double precision.

    Examples
    --------
    Weights of variance 2/n keep a ReLU's signal exactly:

    >>> table = propagate("relu", [100, 100, 100, 10], lambda fan_in, fan_out: 2 / fan_in)
    >>> table["q"].round(12).tolist()
    [2.0, 2.0]
    """
    _check_widths(widths)
    _check_not_negative("sigma_b2", sigma_b2)
    _check_not_negative("input_second_moment", input_second_moment)
    phi = activations.get(activation)
    rows, x2 = [], input_second_moment
    for layer in range(1, len(widths) - 1):
        n_before, n, n_after = widths[layer - 1 : layer + 2]
        v, v_after = weight_variance(n_before, n), weight_variance(n, n_after)
        _check_not_negative(f"the weight variance of layer {layer}", v)
        q = n_before * v * x2 + sigma_b2
        # Subnormal numbers have few digits or none, so a wrong prediction would follow.
        if not np.finfo(float).tiny <= q < np.inf:
            raise ValueError(
                f"q is {q} at layer {layer} of {len(widths) - 2}: the signal left the range of "
                "double precision, about 2e-308 to 2e308"
            )
        x2, slope2 = second_moment(phi, q), slope_second_moment(phi, q)
        is_last = layer == len(widths) - 2
        chi1 = np.nan if is_last else n_after * v_after * slope2
        rows.append({"layer": layer, "q": q, "x2": x2, "slope2": slope2, "chi1": chi1})
    table = pd.DataFrame(rows)
    table["grad_h_relative"] = _relative_gradient(table["chi1"].to_numpy()[:-1])
    return table


def _relative_gradient(chi1: np.ndarray) -> np.ndarray:
    """Return the RMS of dL/dh at layers 1 to L over its value at layer L, from L-1 factors."""
    # The gradient at layer l has passed the factors of layers l, l+1, ..., L-1. Their roots are
    # multiplied, not the factors: an RMS of 1e-200 is a number, its square is not.
    with np.errstate(over="ignore", under="ignore"):
        relative = np.cumprod(np.append(1.0, np.sqrt(chi1[::-1])))[::-1]
    lost = ~np.isfinite(relative) | ((relative < np.finfo(float).tiny) & chi1.all())
    if lost.any():
        layer = np.flatnonzero(lost)[-1] + 1
        raise ValueError(
            f"the RMS of dL/dh at layer {layer}, relative to the last hidden layer, is "
            f"{relative[layer - 1]}: it left the range of double precision"
        )
    return relative


def _check_widths(widths: Sequence[int]) -> None:
    if len(widths) < 3:
        raise ValueError(f"widths needs input, at least one hidden layer and output, got {widths}")
    for n in widths:
        if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
            raise ValueError(f"widths must be whole numbers of at least 1, got {n!r} in {widths}")


def _check_not_negative(name: str, value: float) -> None:
    if not (np.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be finite and not negative, got {value!r}")
