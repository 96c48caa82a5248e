r"""Expectations under a Gaussian of any function, each with an estimate of its error.

Use `weightinit.theory`. Panels end where activations bend, and wherever a function is found to bend
more; an expectation that stays inexact is refused.
"""

from collections.abc import Callable, Sequence

import numpy as np

from weightinit._checks import check_number, check_positive

# 15 nodes on [-1, 1], and weights of Gauss and Kronrod: the two rules of QUADPACK's qk15
# (Piessens et al. 1983). Where they agree, the second is exact to many more digits.
_HALF = np.array(
    [
        [0.991455371120812639206854697526, 0.0, 0.022935322010529224963732008059],
        [0.949107912342758524526189684048, 0.129484966168869693270611432679, 0.063092092629978553],
        [0.864864423359769072789712788641, 0.0, 0.104790010322250183839876322542],
        [0.741531185599394439863864773281, 0.279705391489276667901467771424, 0.140653259715525919],
        [0.586087235467691130294144691692, 0.0, 0.169004726639267902826583426599],
        [0.405845151377397166906606412077, 0.381830050505118944950369775489, 0.190350578064785410],
        [0.207784955007898467600689403773, 0.0, 0.204432940075298892414161999235],
    ]
)
_MIDDLE = [[0.0, 0.417959183673469387755102040816, 0.209482141084727828012999174892]]
NODES, GAUSS, KRONROD = np.concatenate([_HALF * [-1, 1, 1], _MIDDLE, _HALF[::-1]]).T.copy()
_GAP = KRONROD - GAUSS
_RULES = np.stack([KRONROD, _GAP], axis=1)

# Beyond 9 standard deviations a Gaussian holds 1e-18 of its mass, beyond 38 no positive double.
_CUT, _LAST = 9, 38
_BEYOND = np.concatenate([-np.arange(_CUT, _LAST + 1.0), np.arange(_CUT, _LAST + 1.0)])
_PEAK = 1 / np.sqrt(2 * np.pi)
_BEYOND_DENSITY = np.exp(-(_BEYOND**2) / 2) * _PEAK
# Activations bend on a scale of about one unit; further out they straighten, some (softsign) as
# slowly as a power of h, so that each panel there may be twice as long as the one before.
_OUTWARD = np.concatenate([np.arange(0.5, 16, 0.5), 2.0 ** np.arange(4, 512)])
OWN_SCALE = np.concatenate([-_OUTWARD[::-1], [0.0], _OUTWARD])

# Of the mean of abs(g): the error that is aimed at for a panel, and the one that is refused.
_AIM, ALLOWED = 1e-12, 1e-8
_PANELS = 20_000  # as many as h sin h needs at q = 1e7


def gaussian_mean(
    g: Callable[[np.ndarray], np.ndarray], q: float, kinks: Sequence[float] = ()
) -> float:
    r"""Return :math:`E[g(h)]` for :math:`h \sim N(0, q)`.

    Gauss-Kronrod quadrature on panels. They end at the kinks of ``g``, at every standard deviation
    of the Gaussian, at every half unit around zero, where activations bend, and at every power of
    two further out. A rule without these breaks misses the corner of a ReLU and, at large ``q``,
    the whole slope of a tanh. A panel whose two rules disagree is halved until they agree.

    Parameters
    ----------
    g : callable
        Maps an array of pre-activations to an array of the same shape. A bump that lies between
        two of the 15 nodes of a panel is not seen: name points around it, twice as far each.
    q : float
        Variance of the Gaussian, positive and finite.
    kinks : sequence of float
        Points at which ``g`` or a derivative of it jumps.

    Returns
    -------
    float
        The expectation, to nearly all digits of double precision.

    Raises
    ------
    TypeError
        If ``g`` is no function of an array, or another argument is not a number.
    ValueError
        If ``q`` is not a positive finite number, or the expectation is not finite, grows beyond
        38 standard deviations, is below 2e-308, or its error is estimated above a relative 1e-8.

    Examples
    --------
    The second moment of a ReLU is exactly half of ``q``:

    >>> round(gaussian_mean(lambda h: np.maximum(h, 0) ** 2, q=3.0, kinks=[0]), 12)
    1.5
    """
    _check(g, q)
    return _mean(g, q, _points(kinks))[0]


def gaussian_pair_mean(
    g: Callable[[np.ndarray], np.ndarray],
    c: float,
    q: float,
    kinks: Sequence[float] = (),
    breaks: Sequence[float] = (),
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
    breaks : sequence of float
        Points around which ``g`` bends on less than half a unit.

    Returns
    -------
    float
        The expectation.

    Raises
    ------
    TypeError, ValueError
        If ``c`` is out of range, or as in `gaussian_mean`; here the error is that of the mean over
        the mean of :math:`g(h)^2`.

    Examples
    --------
    Two signs agree with probability 1 - arccos(c) / pi, here 2/3:

    >>> round(gaussian_pair_mean(np.sign, c=0.5, q=1.0, kinks=[0.0]), 12)
    0.333333333333
    """
    _check(g, q)
    check_correlation("c", c)
    kinks, breaks = _points(kinks), _points(breaks, "breaks")
    every = np.concatenate([kinks, breaks])
    size, scale, cut = _mean(lambda h: np.square(_values(g, h)), q, every)
    if abs(c) == 1:
        return _mean(lambda h: g(h) * g(c * h), q, np.concatenate([every, c * every]), size)[0]
    rest, deviations = float(np.sqrt((1 - c) * (1 + c))), np.arange(-cut, cut + 1.0)
    own = np.concatenate([OWN_SCALE, every]) / scale
    own = own[np.abs(own) <= 2 * cut]  # |c z1 + rest z2| is below sqrt(2) times the cut
    # With less correlation the bends are as wide as the panels: nothing to resolve.
    bends = [(k / scale + rest * deviations) / c for k in kinks if abs(c) > 0.9]
    outer = np.unique(np.concatenate([deviations, own, *bends]))
    outer = outer[np.abs(outer) <= cut]
    for _ in range(3):
        if len(outer) * len(own) > 1e6:  # a quarter of a minute
            raise ValueError(
                f"the expectation under N(0, {q!r}) takes {len(outer)} times {len(own)} panels: "
                "the function swings too often"
            )
        mean, error = _nested(g, c, rest, scale, outer, own, deviations)
        if not error > _AIM * size:
            break
        outer, own, deviations = map(_halved, (outer, own, deviations))
    return _accepted(mean, error, size, q)


def _mean(g, q, kinks, size=0.0) -> tuple[float, float, int]:
    """Return the mean of g, the standard deviation, and how many of them g has to be followed."""
    scale, cut = float(np.sqrt(float(q))), _CUT
    own = np.concatenate([OWN_SCALE, kinks]) / scale
    with np.errstate(all="ignore"):  # what is not finite is refused in the end
        tails = np.abs(_values(g, scale * _BEYOND)) * _BEYOND_DENSITY
        tails[~np.isfinite(tails)] = 0.0  # a formula that overflows, unless it counts before that
        while True:
            breaks = np.concatenate([np.arange(-cut, cut + 1.0), own[np.abs(own) < cut]])
            breaks = np.unique(breaks)
            mean, absolute, error = _adaptive(g, scale, breaks, size)
            # What lies beyond the cut counts for a function that grows like an exponential.
            late = np.abs(_BEYOND[tails > 1e-15 * absolute])
            if not np.isfinite(absolute) or not np.any(late >= cut):
                break
            if cut == _LAST:
                raise ValueError(
                    f"the expectation under N(0, {q!r}) must be finite, but the function grows "
                    f"faster than the Gaussian falls, to {_LAST} standard deviations"
                )
            cut = min(int(late.max()) + 1, _LAST)
    return _accepted(mean, error, max(size, absolute), q), scale, cut


def _adaptive(g, scale, breaks, size) -> np.ndarray:
    """Return the mean of g between the breaks, that of abs(g), and the estimated error."""
    low, high, done, used = breaks[:-1], breaks[1:], 0.0, 0
    while True:
        z, half = _panels(low, high)
        values = g(scale * z) * _density(z)
        fine, gap = (half[:, None] * (values @ _RULES)).T
        sums = np.stack([fine, half * (np.abs(values) @ KRONROD), np.abs(gap)])
        whole = done + sums.sum(axis=1)
        bad, used = sums[2] > _AIM * max(whole[1], size), used + len(low)
        if used > _PANELS or not bad.any():
            return whole
        middle = (low + high) / 2
        bad &= (low < middle) & (middle < high)  # as narrow as numbers can be
        done += sums[:, ~bad].sum(axis=1)
        low, high = np.append(low[bad], middle[bad]), np.append(middle[bad], high[bad])


def _nested(g, c, rest, scale, outer, own, deviations) -> tuple[float, float]:
    """Return the mean of g(h1) g(h2) between the outer breaks, and the estimated error."""
    total = error = 0.0
    cut = deviations[-1]
    with np.errstate(all="ignore"):  # what is not finite is refused in the end
        for z1, half1 in zip(*_panels(outer[:-1], outer[1:]), strict=True):  # it stays in cache
            moved = np.clip((own - c * z1[:, None]) / rest, -cut, cut)
            every = np.broadcast_to(deviations, (len(z1), len(deviations)))
            # Breaks beyond the cut have become panels of no width, which add nothing.
            breaks = np.sort(np.concatenate([moved, every], axis=1))
            z2, half2 = _panels(breaks[:, :-1], breaks[:, 1:])
            inner = g(scale * (c * z1[:, None, None] + rest * z2)) * _density(z2)
            factor = half1 * g(scale * z1) * _density(z1)
            values = factor * np.sum(half2 * (inner @ KRONROD), axis=1)
            gaps = np.abs(factor) * np.sum(half2 * np.abs(inner @ _GAP), axis=1)
            total += values @ KRONROD
            error += abs(values @ _GAP) + gaps @ KRONROD
    return total, error


def _panels(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes of panels, one axis more than their ends, and half of their widths."""
    half = (high - low) / 2
    return (low + high)[..., None] / 2 + half[..., None] * NODES, half


def _density(z: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * z * z) * _PEAK


def _halved(breaks: np.ndarray) -> np.ndarray:
    return np.sort(np.concatenate([breaks, (breaks[:-1] + breaks[1:]) / 2]))


def _values(g: Callable, h: np.ndarray) -> np.ndarray:
    """Return what a function makes of an array, if these are as many real numbers."""
    values = np.asarray(g(h))
    if values.dtype.kind not in "fiub" or values.shape != h.shape:
        raise TypeError(
            "g must map an array of numbers to an array of the same shape, got "
            f"{values.dtype} in the shape {values.shape} for {h.shape}"
        )
    return values


def _accepted(mean: float, error: float, size: float, q: float) -> float:
    """Return a mean as a float, if it and its error are as good as promised."""
    if not np.isfinite(mean):
        raise ValueError(f"the expectation under N(0, {q!r}) must be finite, got {mean}")
    if not error <= ALLOWED * size:
        raise ValueError(
            f"the expectation under N(0, {q!r}) is not known: it comes out as {mean:.6g}, with an "
            f"estimated error of {error:.1g}. Is there a jump or a bend at which kinks names no "
            "point, does the function swing too often, or is its expectation infinite?"
        )
    if 0 < size < np.finfo(float).tiny:
        raise ValueError(
            f"the expectation under N(0, {q!r}) leaves the range of double precision: {mean:.1g}"
        )
    return float(mean)


# ---- What users hand in --------------------------------------------------------------------


def check_correlation(name: str, c: float) -> None:
    """Raise a TypeError unless the value is a number, a ValueError unless it is in [-1, 1]."""
    check_number(name, c)
    if not -1 <= c <= 1:
        raise ValueError(f"{name} must be a correlation from -1 to 1, got {c!r}")


def _check(g: Callable, q: float) -> None:
    if not callable(g):
        raise TypeError(f"g must be a function of an array, got {g!r}")
    check_positive("q", q)


def _points(points: Sequence[float], name: str = "kinks") -> np.ndarray:
    """Return points as an array, if they are a sequence of finite numbers."""
    try:
        array = np.asarray(points)
        wrong = array.ndim != 1 or array.dtype.kind not in "fiu" and array.size
    except ValueError:  # nested, of several lengths
        wrong = True
    if wrong or not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be a sequence of finite numbers, got {points!r}")
    return array.astype(float)
