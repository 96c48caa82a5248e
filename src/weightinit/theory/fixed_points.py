r"""Where the variance of a wide random network goes as the depth grows.

Use `weightinit.theory`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy  # loads scipy.optimize, which is slow to import, when it is first used

from weightinit import activations
from weightinit._checks import check_not_negative, check_positive
from weightinit.theory import maps

# Relative differences between q and V(q) below this are the rounding of the quadrature.
_NOISE = 1e-13
_STEP = 10**0.25
_LOWEST, _HIGHEST = 1e-30, 1e30


@dataclass(frozen=True)
class FixedPoint:
    """Where q goes as the depth grows.

    Parameters
    ----------
    q : float
        The limit: 0 or infinity if it is one of these, otherwise a fixed point of the q-map.
    outcome : str
        In words: ``"converged"``, ``"line of fixed points"``, ``"to zero"``, ``"power law"``,
        ``"diverges"`` or ``"unstable"``.

    Examples
    --------
    >>> fixed_point("relu", sigma_w2=1.9)
    FixedPoint(q=0.0, outcome='to zero')
    """

    q: float
    outcome: str


def fixed_point(
    activation: str | activations.Activation,
    sigma_w2: float,
    sigma_b2: float = 0.0,
    *,
    start: float = 1.0,
) -> FixedPoint:
    r"""Return where the second moment ``q`` goes as layer follows layer, from a given start.

    The q-map :math:`V` grows with ``q``, so ``q`` moves in one direction only, up if
    :math:`V(q) > q`, until the next fixed point. Nothing is iterated. The outcomes are:

    ``"converged"``
        The next fixed point in that direction, found where :math:`V(q)/q - 1` changes its sign
        (four points per power of ten, then bisection). Or the start itself, if it is a fixed
        point with a slope below 1.
    ``"line of fixed points"``
        Every ``q`` stays: a homogeneous activation, :math:`\varphi(ah) = a\varphi(h)`, such as
        ReLU, for which :math:`V(q) = \chi q + \sigma_b^2` with a constant :math:`\chi`, here 1,
        and no biases. The start is returned.
    ``"to zero"``
        No fixed point on the way down, :math:`V(0) = 0`, and the slope of the q-map at 0,
        :math:`\sigma_w^2 (\varphi'(0^-)^2 + \varphi'(0^+)^2)/2`, is below 1: ``q`` falls
        exponentially in the end.
    ``"power law"``
        The same, but the slope is 1 to a relative 1e-12: ``q`` falls to 0 as a power of the depth.
        For tanh at :math:`\sigma_w^2 = 1`, :math:`V(q) = q - 2q^2 + \ldots`, so as 1/(2l).
    ``"diverges"``
        No fixed point on the way up, to ``q`` = 1e30.
    ``"unstable"``
        The start is a fixed point, but with a slope above 1: the smallest error grows.

    Parameters
    ----------
    activation : str or Activation
        The activation :math:`\varphi`, without jumps.
    sigma_w2, sigma_b2 : float
        Variance of the weights times the fan-in, and of the biases; not negative.
    start : float
        Where ``q`` starts. It matters if there are several fixed points (GELU, SiLU, Mish).

    Returns
    -------
    FixedPoint
        The limit and the outcome in words. (Poole et al. 2016, section 2, draw the maps.)

    Raises
    ------
    ValueError
        If the activation is unknown or jumps, or a number is out of its range. Also if it can't
        be decided: the q-map falls on the way (cosine), the start is a fixed point with slope 1
        but others are not, or the slope at 0 says that a fixed point lies below 1e-30.

    Notes
    -----
    Two fixed points closer to each other than a factor of 1.8 may be passed unseen, so may one
    which the q-map touches without crossing. Near the edge of a phase, a fixed point is known less
    exactly: its relative error is about 1e-14 divided by ``1 - slope``.

    Examples
    --------
    >>> found = fixed_point("tanh", sigma_w2=1.7609546396, sigma_b2=0.05)
    >>> found.outcome, round(found.q, 8)
    ('converged', 0.57004788)
    """
    phi = activations.get(activation)
    check_not_negative("sigma_b2", sigma_b2)
    check_positive("start", start)
    slope_here = maps.q_slope(phi, start, sigma_w2)
    if maps.homogeneous(phi):
        return _straight(slope_here, sigma_b2, start)

    def q_map(q):
        return maps.q_map(phi, q, sigma_w2, sigma_b2)

    excess = q_map(start) / start - 1
    if abs(excess) <= _NOISE:
        if abs(slope_here - 1) <= 1e-6:
            raise ValueError(f"can't tell where {phi.name} goes: at q = {start!r} the slope is 1")
        return FixedPoint(float(start), "converged" if slope_here < 1 else "unstable")
    at_zero = sigma_w2 * phi(0.0) ** 2 + sigma_b2
    bracket = _next_crossing(q_map, start, up=excess > 0, to_zero=at_zero == 0)
    if bracket is not None:
        log_q = scipy.optimize.brentq(
            lambda t: q_map(np.exp(t)) / np.exp(t) - 1, *np.log(bracket), xtol=1e-15
        )
        return FixedPoint(float(np.exp(log_q)), "converged")
    return FixedPoint(np.inf, "diverges") if excess > 0 else _at_zero(phi, sigma_w2)


def _straight(slope: float, sigma_b2: float, start: float) -> FixedPoint:
    """Follow V(q) = slope * q + sigma_b2."""
    if abs(slope - 1) <= maps.ROUNDING and sigma_b2 == 0:
        return FixedPoint(float(start), "line of fixed points")
    if slope >= 1 - maps.ROUNDING:
        return FixedPoint(np.inf, "diverges")
    if sigma_b2 == 0:
        return FixedPoint(0.0, "to zero")
    return FixedPoint(sigma_b2 / (1 - slope), "converged")


def _next_crossing(
    q_map: Callable[[float], float], start: float, up: bool, to_zero: bool
) -> tuple[float, float] | None:
    """Return two points between which V(q) - q changes its sign, or None if it keeps it."""
    step = _STEP if up else 1 / _STEP
    seen, value, q = start, q_map(start), start
    # If V(0) > 0, the way down always ends: at the latest where q is below V(0).
    while q < _HIGHEST if up else (q > _LOWEST or not to_zero):
        q, before = q * step, value
        try:
            value = q_map(q)
        except ValueError:  # not finite: an exponential, say, whose expectation overflows
            return None
        if (value - before) * (1 if up else -1) < -maps.ROUNDING * before:
            raise ValueError(
                f"can't tell where q goes: the q-map falls between {q:.3g} and {q / step:.3g}"
            )
        excess = value / q - 1
        if abs(excess) > _NOISE:
            if (excess > 0) != up:
                return seen, q
            seen = q
    return None


def _at_zero(phi: activations.Activation, sigma_w2: float) -> FixedPoint:
    """Tell how q comes to 0, once it is known to go there."""
    beside = np.array([-1e-100, 1e-100])  # a kink at 0 has two slopes
    slope = sigma_w2 * float(np.mean(phi.df(beside) ** 2))
    if abs(slope - 1) <= maps.ROUNDING:
        return FixedPoint(0.0, "power law")
    if slope > 1:
        raise ValueError(
            f"can't tell where {phi.name} goes: the slope of the q-map at 0 is {slope}"
        )
    return FixedPoint(0.0, "to zero")
