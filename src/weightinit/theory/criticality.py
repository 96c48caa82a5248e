r"""Order and chaos: the line between them, and how deep a signal reaches on either side.

Use `weightinit.theory`.
"""

import numpy as np
import scipy  # loads scipy.optimize, which is slow to import, when it is first used

from weightinit import activations
from weightinit.theory import maps, moments
from weightinit.theory.fixed_points import fixed_point
from weightinit.theory.quadrature import gaussian_mean


def critical_line(activation: str | activations.Activation, q: float) -> tuple[float, float]:
    r"""Return the weight and bias variance that keep both the signal and the gradient.

    The point of the critical line :math:`\chi_1 = 1`, the edge of chaos, at which ``q`` is a fixed
    point of the q-map. No equation needs to be solved, because the line is followed by ``q``:

    .. math:: \sigma_w^2 = 1 / E[\varphi'(h)^2], \qquad
              \sigma_b^2 = q - \sigma_w^2 \, E[\varphi(h)^2]

    (Poole et al. 2016; Schoenholz et al. 2017, section 3.)

    Parameters
    ----------
    activation : str or Activation
        The activation :math:`\varphi`, without jumps.
    q : float
        The fixed point, positive and finite.

    Returns
    -------
    sigma_w2, sigma_b2 : float
        Variance of the weights times the fan-in, and of the biases.

    Raises
    ------
    ValueError
        If the activation is unknown or jumps, ``q`` is out of range, the activation is flat, or
        no bias variance fits: it would have to be negative.

    Examples
    --------
    >>> sigma_w2, sigma_b2 = critical_line("tanh", q=1.0)
    >>> round(sigma_w2, 10), round(sigma_b2, 10)
    (2.1533026489, 0.1509646294)
    """
    slope2 = maps.chi1(activation, q, 1.0)
    phi, points = moments.resolved(activation)
    if slope2 == 0:
        raise ValueError(f"{phi.name} is flat under N(0, {q!r}): no weights keep its gradient")
    sigma_w2 = 1 / slope2
    # q E[phi'^2] - E[phi^2], in which a multiple of h adds as much to the first as to the second:
    # without it, no digits are lost at a small q, where phi is nearly straight.
    a = gaussian_mean(phi.df, q, points)
    bent2 = gaussian_mean(lambda h: (phi.f(h) - a * h) ** 2, q, points)
    bent_slope2 = gaussian_mean(lambda h: (phi.df(h) - a) ** 2, q, points)
    sigma_b2 = sigma_w2 * (q * bent_slope2 - bent2)
    if abs(sigma_b2) <= sigma_w2 * (1e-12 * bent2 + 1e-30 * q):
        return sigma_w2, 0.0  # a ReLU needs no biases; rounding would give it 1e-17
    if sigma_b2 < 0:
        raise ValueError(
            f"{phi.name} has no point with q = {q!r} on its critical line: sigma_b2 would have to "
            f"be {sigma_b2:.6g}, and a variance cannot be negative"
        )
    return sigma_w2, sigma_b2


def depth_scales(
    activation: str | activations.Activation, sigma_w2: float, sigma_b2: float = 0.0
) -> tuple[float, float]:
    r"""Return after how many layers the variance and the correlation have forgotten the input.

    Both approach their fixed points like :math:`e^{-l/\xi}`, with

    .. math:: \xi = 1 / |\ln \chi|

    and :math:`\chi` the slope of the map at its stable fixed point (Schoenholz et al. 2017, eqs. 7
    and 9). For :math:`\xi_q` that is the slope of the q-map. For :math:`\xi_c` it is the slope of
    the c-map at :math:`c^*`: in order, :math:`\chi_1`, because :math:`c^* = 1`; in chaos
    (:math:`\chi_1 > 1`), the slope at the fixed point below 1. The scale of the gradient is
    :math:`1 / |\ln \chi_1|` in both phases.

    At a slope of 1 the scale is infinite by definition: what is forgotten there goes as a power of
    the depth, or stays. The scale is 0 if one layer forgets everything.

    Parameters
    ----------
    activation : str or Activation
        The activation :math:`\varphi`, without jumps.
    sigma_w2, sigma_b2 : float
        Variance of the weights times the fan-in, and of the biases; not negative.

    Returns
    -------
    xi_q, xi_c : float
        In layers. Infinite if the slope is 1 to a relative 1e-12.

    Raises
    ------
    ValueError
        If `fixed_point` finds that ``q`` does not settle at a positive number, or as there.

    Examples
    --------
    >>> xi_q, xi_c = depth_scales("tanh", sigma_w2=1.5, sigma_b2=0.05)
    >>> round(xi_q, 2), round(xi_c, 2)
    (1.68, 15.79)
    >>> depth_scales("relu", sigma_w2=2.0)
    (inf, inf)
    """
    phi = activations.get(activation)
    found = fixed_point(phi, sigma_w2, sigma_b2)
    if found.outcome not in ("converged", "line of fixed points"):
        raise ValueError(
            f"{phi.name} has no depth scale at sigma_w2 = {sigma_w2!r}, sigma_b2 = {sigma_b2!r}: "
            f"q does not settle at a positive fixed point (outcome: {found.outcome})"
        )
    q, slope_c = found.q, maps.chi1(phi, found.q, sigma_w2)
    if slope_c > 1 + maps.ROUNDING:
        c = _chaotic_correlation(phi, q, sigma_w2, sigma_b2, slope_c)
        slope_c = maps.c_slope(phi, c, q, sigma_w2, sigma_b2)
    return _scale(maps.q_slope(phi, q, sigma_w2)), _scale(slope_c)


def _scale(slope: float) -> float:
    if abs(slope - 1) <= maps.ROUNDING:
        return float("inf")
    return 1 / abs(float(np.log(slope))) if slope > 0 else 0.0


def _chaotic_correlation(phi, q, sigma_w2, sigma_b2, chi1) -> float:
    """Return the fixed point of the c-map below 1, which exists if chi1 is above 1."""

    def steepness(c):
        # From c to 1: chi1 at c = 1, at most 1 at c = 0, and rising in between, because the c-map
        # is a power series with no negative coefficients (Daniely et al. 2016). It is 1 at c*.
        return (1 - maps.c_map(phi, c, q, sigma_w2, sigma_b2)) / (1 - c) if c < 1 else chi1

    if steepness(0.0) >= 1:  # without biases, an odd activation keeps c = 0
        return 0.0
    return scipy.optimize.brentq(lambda c: steepness(c) - 1, 0.0, 1.0, xtol=1e-13)
