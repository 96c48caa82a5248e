r"""Expectations of an activation under a Gaussian: what a wide layer passes on, and back.

Use `weightinit.theory`.
"""

from functools import lru_cache

import numpy as np

from weightinit import activations
from weightinit.activations.survey import sharp_bends
from weightinit.theory.quadrature import ALLOWED, gaussian_mean, gaussian_pair_mean


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
        If the activation is unknown, its formulas do not agree (`activations.check`), ``q`` is
        not a positive finite number, or as in `gaussian_mean`.

    Examples
    --------
    >>> round(variance("relu", 1.0), 12)  # 1/2 - 1/(2 pi)
    0.340845056908
    """
    phi, points = resolved(activation)
    center = gaussian_mean(phi.f, q, points)
    spread2 = gaussian_mean(lambda h: (phi.f(h) - center) ** 2, q, points)
    if 0 < spread2 < (np.finfo(float).eps / ALLOWED * center) ** 2:
        raise ValueError(
            f"the variance of {phi.name} under N(0, {q!r}) is lost in the rounding of its mean, "
            f"{center:.6g}"
        )
    return spread2


def second_moment(activation: str | activations.Activation, q: float) -> float:
    r"""Return :math:`E[\varphi(h)^2]` for :math:`h \sim N(0, q)`: what a layer passes forward.

    Parameters
    ----------
    activation, q
        As in `variance`.

    Returns
    -------
    float
        The second moment of the activations.

    Raises
    ------
    ValueError
        As `variance`.

    Examples
    --------
    >>> round(second_moment("tanh", 1.0), 12)
    0.394294490398
    """
    phi, points = resolved(activation)
    return gaussian_mean(lambda h: phi.f(h) ** 2, q, points)


def slope_second_moment(activation: str | activations.Activation, q: float) -> float:
    r"""Return :math:`E[\varphi'(h)^2]` for :math:`h \sim N(0, q)`: what a layer passes backward.

    Parameters
    ----------
    activation, q
        As in `variance`.

    Returns
    -------
    float
        The second moment of the slopes.

    Raises
    ------
    ValueError
        As `variance`; and if the activation jumps.

    Examples
    --------
    >>> round(slope_second_moment("sigmoid", 1.0), 12)
    0.04483624135
    """
    phi, points = resolved(without_jumps(activation))
    return gaussian_mean(lambda h: phi.df(h) ** 2, q, points)


def pair_mean(activation: activations.Activation, formula: str, c: float, q: float) -> float:
    """Return the mean product of one formula of an activation, "f" or "df", for two inputs."""
    phi, points = resolved(activation)
    breaks = np.setdiff1d(points, phi.kinks)
    return gaussian_pair_mean(getattr(phi, formula), c, q, phi.kinks, breaks)


def resolved(activation: str | activations.Activation) -> tuple[activations.Activation, np.ndarray]:
    """Return an activation whose formulas agree, and the points around which it bends sharply."""
    phi = activations.get(activation)
    return phi, _points(phi)


@lru_cache(maxsize=256)
def _points(phi: activations.Activation) -> np.ndarray:
    if not phi.torch_name:  # those of PyTorch have been compared with it
        activations.check(phi)
    return np.concatenate([phi.kinks, sharp_bends(phi)])


def without_jumps(activation: str | activations.Activation) -> activations.Activation:
    """Return the activation; its slope says all there is about its change, or it is an error."""
    phi, _ = resolved(activation)
    for kink in phi.kinks:
        # As the two sides come closer to a jump, the difference between them stays.
        sides = phi(np.array([[-1e-6, 1e-6], [0, 0]]) * max(1.0, abs(kink)) + kink)
        sides[1] = phi(np.nextafter(kink, [-np.inf, np.inf]))
        wide, near = np.abs(np.diff(sides, axis=1).ravel())
        if near > max(wide / 2, 1e-12 * np.abs(sides).max()):
            raise ValueError(f"{phi.name} jumps at {kink}: its slope is infinite there")
    return phi
