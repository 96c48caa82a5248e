r"""Variance, correlation and gradient, layer by layer through a whole network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from weightinit import activations
from weightinit._checks import check_not_negative, check_sequence, check_size
from weightinit.theory.maps import c_map
from weightinit.theory.moments import second_moment, slope_second_moment
from weightinit.theory.quadrature import check_correlation

if TYPE_CHECKING:
    import pandas as pd


def propagate(
    activation: str | activations.Activation,
    widths: Sequence[int],
    weight_variance: Callable[[int, int], float],
    *,
    sigma_b2: float = 0.0,
    input_second_moment: float = 1.0,
    input_correlation: float | None = None,
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
    input_correlation : float, optional
        Correlation of two inputs, from -1 to 1: their scalar product over the square of their
        length, which is the same for both. It is followed through the layers by the c-map.

    Returns
    -------
    pandas.DataFrame
        One row per hidden layer: ``layer``, ``q`` (second moment of h), ``x2`` (of x),
        ``slope2`` (:math:`E[\varphi'(h)^2]`), ``chi1`` (factor of the squared gradient from layer
        l+1 to l; NaN at the last hidden layer, whose successor is the output) and
        ``grad_h_relative`` (RMS of dL/dh over its value at the last hidden layer). With
        ``input_correlation`` also ``c``, the correlation of the two inputs' pre-activations.

    Raises
    ------
    TypeError
        If ``weight_variance`` is not a function, or another argument is not a number.
    ValueError
        If there are fewer than three widths or one is not a whole number of at least 1, a variance
        or the input's second moment is negative or not finite, a correlation is beyond 1 or -1,
        the activation jumps, or the signal or the gradient leaves the range of double precision.

    Examples
    --------
    Weights of variance 2/n keep a ReLU's signal exactly:

    >>> table = propagate("relu", [100, 100, 100, 10], lambda fan_in, fan_out: 2 / fan_in)
    >>> table["q"].round(12).tolist()
    [2.0, 2.0]
    """
    import pandas as pd  # here, so that the rest of the module is there at once

    _check_widths(widths)
    if not callable(weight_variance):
        raise TypeError(
            "weight_variance must be a function of (fan_in, fan_out), such as "
            f"initializers.get(name).variance, got {weight_variance!r}"
        )
    check_not_negative("sigma_b2", sigma_b2)
    check_not_negative("input_second_moment", input_second_moment)
    phi = activations.get(activation)
    if input_correlation is not None:
        check_correlation("input_correlation", input_correlation)
    rows, x2, c = [], input_second_moment, input_correlation
    for layer in range(1, len(widths) - 1):
        n_before, n, n_after = widths[layer - 1 : layer + 2]
        v = _weight_variance(weight_variance, n_before, n, layer)
        q = n_before * v * x2 + sigma_b2
        # Subnormal numbers have few digits or none, so a wrong prediction would follow.
        if not np.finfo(float).tiny <= q < np.inf:
            raise ValueError(
                f"q is {q} at layer {layer} of {len(widths) - 2}: the signal left the range of "
                "double precision, about 2e-308 to 2e308"
            )
        if c is not None and layer == 1:
            c = (n_before * v * x2 * c + sigma_b2) / q
        elif c is not None:
            c = c_map(phi, c, rows[-1]["q"], n_before * v, sigma_b2)
        x2, slope2 = second_moment(phi, q), slope_second_moment(phi, q)
        chi1 = np.nan  # nothing but the output follows
        if layer < len(widths) - 2:
            chi1 = n_after * _weight_variance(weight_variance, n, n_after, layer + 1) * slope2
        rows.append({"layer": layer, "q": q, "x2": x2, "slope2": slope2, "chi1": chi1, "c": c})
    table = pd.DataFrame(rows)
    table["grad_h_relative"] = _relative_gradient(table["chi1"].to_numpy()[:-1])
    return table.drop(columns="c") if c is None else table


def relu_log_ratio(width: int, depth: int) -> tuple[float, float]:
    r"""Return mean and variance of how far a ReLU signal drifts in layers that are not wide.

    With He's weights, variance ``2 / width``, and no biases, the *mean* of
    :math:`|x^L|^2 / |x^0|^2` is 1 at any width. Each layer multiplies the ratio by a random factor
    of mean 1 and variance :math:`5/n`, so that the logarithm drifts down and spreads:

    .. math:: E \ln \frac{|x^L|^2}{|x^0|^2} = -\frac{5L}{2n}, \qquad
              \mathrm{Var} \ln \frac{|x^L|^2}{|x^0|^2} = \frac{5L}{n}

    to leading order in :math:`1/n`. (Hanin & Nica 2020, theorem 1. The next terms, by expanding
    the logarithm, are :math:`-4.1 L/n^2` and :math:`18.5 L/n^2`.)

    Parameters
    ----------
    width : int
        Units in each layer and in the input, n.
    depth : int
        Number of layers, L.

    Returns
    -------
    mean, variance : float
        Of the natural logarithm of the ratio of the squared lengths.

    Raises
    ------
    ValueError
        If one of them is not a whole number of at least 1.

    Examples
    --------
    In half of the networks with 100 layers of 100 units, the squared length falls below about 8 %:

    >>> mean, _ = relu_log_ratio(width=100, depth=100)
    >>> round(float(np.exp(mean)), 3)
    0.082
    """
    check_size("width", width)
    check_size("depth", depth)
    return -5 * depth / (2 * width), 5 * depth / width


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
    check_sequence("widths", widths)
    if not hasattr(widths, "__len__") or len(widths) < 3 or isinstance(widths, Mapping):
        raise ValueError(
            "widths must be a list: input, at least one hidden layer and output, such as "
            f"[64, 128, 10], got {widths!r}"
        )
    for n in widths:
        check_size("each of widths", n)


def _weight_variance(given: Callable, fan_in: int, fan_out: int, layer: int) -> float:
    try:
        variance = given(fan_in, fan_out)
    except TypeError as error:
        raise TypeError(
            f"weight_variance must be a function of (fan_in, fan_out), but fails: {error}"
        ) from error
    check_not_negative(f"the weight variance of layer {layer}", variance)
    return variance
