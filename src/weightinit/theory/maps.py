r"""One layer of a wide random network: what it does to variance, correlation and gradient.

Use `weightinit.theory`. All maps are for weights of variance :math:`\sigma_w^2 / n` (with ``n``
the fan-in) and biases of variance :math:`\sigma_b^2`.
"""

import numpy as np

from weightinit import activations
from weightinit._checks import check_not_negative, check_positive
from weightinit.theory import moments
from weightinit.theory.quadrature import ALLOWED, gaussian_mean

# A value this close to a limit is at it: what is left is the rounding of the expectations.
ROUNDING = 1e-12


def q_map(
    activation: str | activations.Activation, q: float, sigma_w2: float, sigma_b2: float = 0.0
) -> float:
    r"""Return the second moment of the pre-activations one layer on.

    .. math:: V(q) = \sigma_w^2 \, E[\varphi(h)^2] + \sigma_b^2, \qquad h \sim N(0, q)

    (Poole et al. 2016, eq. 3.)

    Parameters
    ----------
    activation : str or Activation
        The activation :math:`\varphi`.
    q : float
        Second moment of the pre-activations, positive and finite.
    sigma_w2, sigma_b2 : float
        Variance of the weights times the fan-in, and of the biases; not negative.

    Returns
    -------
    float
        The second moment of the next pre-activations.

    Raises
    ------
    ValueError
        If the activation is unknown or a number is out of its range.

    Examples
    --------
    >>> round(q_map("relu", q=3.0, sigma_w2=2.0, sigma_b2=0.5), 12)
    3.5
    """
    _check_variances(sigma_w2, sigma_b2)
    return sigma_w2 * moments.second_moment(activation, q) + sigma_b2


def q_slope(activation: str | activations.Activation, q: float, sigma_w2: float) -> float:
    r"""Return the slope of the q-map: the growth of a small error in ``q``, per layer.

    .. math:: V'(q) = \sigma_w^2 \, E[\varphi(h) \, \varphi'(h) \, h] \, / \, q

    from differentiating :math:`E[\varphi(\sqrt q z)^2]` by ``q`` under the integral. (Schoenholz
    et al. 2017 call it :math:`\chi_{q^*}` at a fixed point, and reach it by a second derivative.)

    Parameters
    ----------
    activation, q, sigma_w2
        As in `q_map`; an activation without jumps.

    Returns
    -------
    float
        The slope. Biases do not change it.

    Raises
    ------
    ValueError
        If the activation is unknown or jumps, or a number is out of its range.

    Examples
    --------
    >>> round(q_slope("relu", q=3.0, sigma_w2=2.0), 12)
    1.0
    """
    _check_variances(sigma_w2)
    phi, points = moments.resolved(moments.without_jumps(activation))
    check_positive("q", q)
    scale = np.sqrt(q)
    # h / sqrt(q) twice, not h / q: at q = 1e-300, 1 / q times a tiny product loses its digits.
    slope = gaussian_mean(lambda h: (phi.f(h) / scale) * phi.df(h) * (h / scale), q, points)
    # At a tiny q, both signs of h take nearly all off each other.
    rounding = np.finfo(float).eps * abs(phi(0.0) * phi.df(np.array(0.0))) / scale
    if rounding > ALLOWED * max(abs(slope), phi.df(np.array(0.0)) ** 2):
        raise ValueError(f"the slope of the q-map of {phi.name} at q = {q!r} is lost in rounding")
    return sigma_w2 * slope


def chi1(activation: str | activations.Activation, q: float, sigma_w2: float) -> float:
    r"""Return :math:`\chi_1`: how a layer scales a squared gradient, and a small difference.

    .. math:: \chi_1 = \sigma_w^2 \, E[\varphi'(h)^2]

    On the way back it is the factor of the squared gradient. On the way forward, at a fixed point
    of the q-map, it is the slope of the c-map at ``c = 1``: below 1, two similar inputs become
    more similar (order); above 1, less (chaos). (Poole et al. 2016, eq. 7; Schoenholz et al.
    2017, eq. 5.)

    Parameters
    ----------
    activation, q, sigma_w2
        As in `q_map`; an activation without jumps, where the slope would be infinite.

    Returns
    -------
    float
        The factor per layer.

    Raises
    ------
    ValueError
        If the activation is unknown or jumps, or a number is out of its range.

    Examples
    --------
    >>> round(chi1("relu", q=3.0, sigma_w2=2.0), 12)
    1.0
    """
    _check_variances(sigma_w2)
    return sigma_w2 * moments.slope_second_moment(activation, q)


def c_map(
    activation: str | activations.Activation,
    c: float,
    q: float,
    sigma_w2: float,
    sigma_b2: float = 0.0,
) -> float:
    r"""Return the correlation of two inputs one layer on.

    Both have pre-activations of variance ``q``; their correlation is ``c``. Then

    .. math:: c' = \frac{\sigma_w^2 \, E[\varphi(h_1) \, \varphi(h_2)] + \sigma_b^2}{V(q)}

    (Poole et al. 2016, eq. 5.) For a ReLU with :math:`\sigma_b = 0` this is the arc-cosine kernel
    of Cho & Saul (2009).

    Parameters
    ----------
    activation, q, sigma_w2, sigma_b2
        As in `q_map`.
    c : float
        Correlation of the pre-activations, from -1 to 1.

    Returns
    -------
    float
        The correlation of the next pre-activations.

    Raises
    ------
    ValueError
        If the activation is unknown, a number is out of its range, or the next pre-activations are
        all zero.

    Examples
    --------
    A ReLU makes two unrelated inputs similar (the exact value is 1 / pi):

    >>> round(c_map("relu", c=0.0, q=1.0, sigma_w2=2.0), 12)
    0.318309886184
    """
    phi = activations.get(activation)
    q_next = q_map(phi, q, sigma_w2, sigma_b2)
    covariance = sigma_w2 * moments.pair_mean(phi, "f", c, q) + sigma_b2
    if q_next == 0:
        raise ValueError("the next pre-activations are all 0: they have no correlation")
    return min(1.0, max(-1.0, covariance / q_next))  # rounding may leave it at 1 + 1e-16


def c_slope(
    activation: str | activations.Activation,
    c: float,
    q: float,
    sigma_w2: float,
    sigma_b2: float = 0.0,
) -> float:
    r"""Return the slope of the c-map at ``c``.

    .. math:: \frac{\partial c'}{\partial c}
              = \frac{\sigma_w^2 \, q \, E[\varphi'(h_1) \, \varphi'(h_2)]}{V(q)}

    At a fixed point of the q-map, ``q / V(q)`` is 1 and the slope at ``c = 1`` is :math:`\chi_1`.
    (Schoenholz et al. 2017, eq. 9.)

    Parameters
    ----------
    activation, c, q, sigma_w2, sigma_b2
        As for `c_map`; an activation without jumps.

    Returns
    -------
    float
        The slope.

    Raises
    ------
    ValueError
        As for `c_map`, or if the activation jumps.

    Examples
    --------
    >>> round(c_slope("relu", c=0.0, q=1.0, sigma_w2=2.0), 12)
    0.5
    """
    phi = moments.without_jumps(activation)
    q_next = q_map(phi, q, sigma_w2, sigma_b2)
    slopes = moments.pair_mean(phi, "df", c, q)
    if q_next == 0:
        raise ValueError("the next pre-activations are all 0: they have no correlation")
    return sigma_w2 * slopes * (q / q_next)


def homogeneous(phi: activations.Activation) -> bool:
    """Tell whether phi(a h) = a phi(h) for all a > 0, as for linear and (leaky) ReLU."""
    h = 10.0 ** np.arange(-6, 7)
    with np.errstate(all="ignore"):  # a formula of the reader's own may overflow far out
        sides = ((phi.f(sign * h), h * phi(sign)) for sign in (-1.0, 1.0))
        return all(np.allclose(*side, rtol=ROUNDING, atol=0) for side in sides)


def _check_variances(sigma_w2: float, sigma_b2: float = 0.0) -> None:
    check_not_negative("sigma_w2", sigma_w2)
    check_not_negative("sigma_b2", sigma_b2)
