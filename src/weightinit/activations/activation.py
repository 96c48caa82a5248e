"""What an activation is: a function, its derivative, and where its slope is large or small.

Use `weightinit.activations`, which also holds the functions themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
import scipy  # loads scipy.optimize, which is slow to import, when it is first used

from weightinit._checks import check_number
from weightinit.activations.survey import sharp_bends

INF = float("inf")
_MADE_OF = {
    "name": (str, "a string"),
    **dict.fromkeys(["f", "df"], (Callable, "a function of an array")),
    **dict.fromkeys(["torch_name", "keras_name"], (str | None, "a string or None")),
    **dict.fromkeys(["torch_kwargs", "keras_kwargs"], (Mapping, "a dictionary")),
}


@dataclass(frozen=True)
class Activation:
    """An activation function phi, its derivative and its names in the frameworks.

    Parameters
    ----------
    name : str
        Name used in tables and legends.
    f, df : callable
        phi and phi', elementwise from a float64 array to an array of the same shape.
        At a kink, `df` is what PyTorch's autograd returns there.
    kinks : tuple of float
        Increasing points at which phi or one of its derivatives jumps; may be a single number.
    bounds : tuple of float
        Infimum and supremum of phi.
    torch_name, keras_name : str or None
        Class in `torch.nn` and function in `keras.activations`; None where there is none.
    torch_kwargs, keras_kwargs : mapping
        Arguments with which the frameworks compute this very function.

    Examples
    --------
    >>> from weightinit.activations import get
    >>> get("tanh").df(np.array([0.0, 1.0])).round(4)
    array([1.  , 0.42])
    >>> get("hardtanh")
    Activation('hardtanh')
    """

    name: str
    f: Callable
    df: Callable
    kinks: tuple[float, ...] = ()
    bounds: tuple[float, float] = (-INF, INF)
    torch_name: str | None = None
    keras_name: str | None = None
    # Dictionaries cannot be hashed, and an Activation is a key of the caches below.
    torch_kwargs: Mapping = field(default_factory=dict, hash=False)
    keras_kwargs: Mapping = field(default_factory=dict, hash=False)

    def __post_init__(self):
        """Accept one kink or any sequence, and a pair of bounds; keep them as tuples of floats."""
        for what, (kind, said) in _MADE_OF.items():
            if not isinstance(given := getattr(self, what), kind):
                raise TypeError(f"{self.name}: {what} must be {said}, got {given!r}")
        kinks, bounds = _floats(self.kinks), _floats(self.bounds)
        finite = kinks is not None and np.all(np.isfinite(kinks))
        if not finite or any(a >= b for a, b in pairwise(kinks)):
            raise ValueError(
                f"{self.name}: kinks must be finite and increasing numbers, or one number, "
                f"got {self.kinks!r}"
            )
        if bounds is None or len(bounds) != 2 or not bounds[0] <= bounds[1]:
            raise ValueError(
                f"{self.name}: bounds must be a pair of numbers (low, high) with low <= high, "
                f"got {self.bounds!r}"
            )
        object.__setattr__(self, "kinks", kinks)
        object.__setattr__(self, "bounds", bounds)

    def __repr__(self):
        """Show the name; the addresses of f and df would differ from run to run."""
        return f"Activation({self.name!r})"

    def __call__(self, h):
        """Return phi(h) for a number or an array."""
        h = np.asarray(h)
        if h.dtype.kind not in "fiub":
            raise TypeError(f"h must be a number or an array of real numbers, got {h.dtype}")
        return np.asarray(self.f(h.astype(np.float64)))[()]

    @cached_property
    def max_slope(self) -> float:
        """Supremum of abs(phi'); infinite where the slope still grows beyond abs(h) = 1e7.

        Examples
        --------
        >>> from weightinit.activations import get
        >>> round(get("gelu").max_slope, 6)
        1.128904
        >>> Activation("square", lambda h: h**2, lambda h: 2 * h).max_slope
        inf
        """
        pieces = _pieces(self)
        inside = [piece[np.abs(piece) <= 1e7] for piece in pieces]
        settled = max(_largest(self, h) for h in inside if h.size)
        largest = max(np.abs(_slopes(self, h)).max() for h in pieces)
        return float(max(largest, settled)) if largest <= 1.01 * settled else INF

    def flat_intervals(self, share: float = 0.05) -> tuple[tuple[float, float], ...]:
        """Return the intervals in which the activation is saturated.

        Parameters
        ----------
        share : float
            Saturated means abs(phi'(h)) < share * max_slope. With 0: where phi is constant,
            so that phi' is zero exactly; neither isolated zeros nor a tail which underflows.

        Returns
        -------
        tuple of (low, high)
            Disjoint and increasing; an end may be infinite. A kink that ends an interval
            belongs to it if phi' is as small there too.

        Raises
        ------
        ValueError
            If share is not in [0, 1), phi' is NaN or grows without end, or the intervals are too
            many to list (a periodic phi').

        Examples
        --------
        >>> from weightinit.activations import get
        >>> [(round(low, 4), round(high, 4)) for low, high in get("sigmoid").flat_intervals()]
        [(-inf, -4.3565), (4.3565, inf)]
        >>> get("relu").flat_intervals(0)
        ((-inf, 0.0),)
        """
        check_number("share", share)
        if not 0 <= share < 1:
            raise ValueError(f"share must be in [0, 1), got {share!r}")
        return _flat_intervals(self, float(share))

    def module(self):
        """Return a new `torch.nn.Module` that computes this function.

        PyTorch's own where it has one; otherwise a module that evaluates `f` and `df`.

        Examples
        --------
        >>> from weightinit.activations import get
        >>> get("leaky_relu").module()
        LeakyReLU(negative_slope=0.01)
        >>> Activation("square", lambda h: h**2, lambda h: 2 * h).module()
        OwnActivation(square)
        """
        import torch

        if self.torch_name is None:
            from weightinit.activations.own_module import OwnActivation

            return OwnActivation(self)

        kind = getattr(torch.nn, str(self.torch_name), None)
        if not (isinstance(kind, type) and issubclass(kind, torch.nn.Module)):
            raise ValueError(f"{self.name}: torch.nn has no module {self.torch_name!r}")
        return kind(**self.torch_kwargs)


def _floats(values) -> tuple[float, ...] | None:
    """Return one number or several as a tuple of floats; None if they are anything else."""
    try:
        array = np.atleast_1d(values)
    except ValueError:  # nested, of several lengths
        return None
    real = array.ndim == 1 and (array.dtype.kind in "fiu" or not array.size)
    return tuple(array.astype(float).tolist()) if real else None


# ---- Where the slope is large and where it is small --------------------------------------

# Steps of 0.001 near the origin and of 0.1 % far out. Beyond +-1e8 nothing more is expected.
_GRID = np.sinh(np.linspace(-19.2, 19.2, 38_401))


def _pieces(activation) -> list[np.ndarray]:
    """Sample the real line, one array for each interval between neighbouring kinks."""
    _slopes(activation, _GRID)  # a NaN says more than what the survey makes of it
    pieces, grid = [], np.union1d(_GRID, sharp_bends(activation))
    for a, b in pairwise([-INF, *activation.kinks, INF]):
        inside = grid[(grid > a) & (grid < b)]
        # The ends are as near to the kinks as possible: one-sided limits, not convention.
        ends = [np.nextafter(k, side) for k, side in ((a, INF), (b, -INF)) if np.isfinite(k)]
        pieces.append(np.unique(np.concatenate([inside, ends])))
    return pieces


def _slopes(activation, h) -> np.ndarray:
    """Return phi' as an array, infinite where it overflows; a NaN is an error."""
    h = np.atleast_1d(h)
    # A user's own formula may overflow far out and still be right, as in 1 / (1 + exp(-h)).
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        slopes = np.broadcast_to(np.asarray(activation.df(h), dtype=np.float64), h.shape)
    if np.any(np.isnan(slopes)):
        bad = h[np.isnan(slopes)][0]
        raise ValueError(f"{activation.name}: the derivative is not finite at h = {bad}")
    return slopes


def _largest(activation, h) -> float:
    """Return the supremum of abs(phi') over one piece."""
    slopes = np.abs(_slopes(activation, h))
    i = int(np.argmax(slopes))
    if slopes[i] == INF:
        return INF
    below, above = h[max(i - 1, 0)] - h[i], h[min(i + 1, len(h) - 1)] - h[i]
    peak = scipy.optimize.minimize_scalar(
        lambda s: -abs(_slopes(activation, h[i] + s)[0]),
        bounds=(below, above),
        method="bounded",
        options={"xatol": 1e-8 * (above - below)},
    )
    return float(max(slopes[i], -peak.fun))


def _crossings(activation, h, slopes, level) -> list[float]:
    """Return the points at which phi' passes through a level, to rounding error."""
    steps = np.flatnonzero((slopes[:-1] < level) != (slopes[1:] < level))
    if len(steps) > 1000:  # each interval has two ends
        raise ValueError(
            f"{activation.name}: its slope is small in more than 500 intervals (is it periodic?), "
            "too many to list"
        )
    difference = lambda s: _slopes(activation, s)[0] - level  # noqa: E731
    return [
        scipy.optimize.brentq(difference, h[i], h[i + 1], xtol=1e-14, rtol=1e-15) for i in steps
    ]


@lru_cache(maxsize=256)
def _flat_intervals(activation, share):
    """Compute `Activation.flat_intervals` once for each activation and share."""
    if share and activation.max_slope == INF:
        raise ValueError(f"{activation.name} has no largest slope to compare with: it grows on")
    level = share * activation.max_slope if share else 0.0
    found = []
    edges = pairwise([-INF, *activation.kinks, INF])
    for (start, end), h in zip(edges, _pieces(activation), strict=True):
        slopes = _slopes(activation, h)
        if level == 0 and np.any(slopes):
            continue
        # Both signs: where phi' changes sign, the flat interval can be narrower than the
        # grid, but phi' passes both levels on the way.
        signed = {-level, level} - {0.0}
        cuts = sorted(sum((_crossings(activation, h, slopes, at) for at in signed), []))
        for low, high in pairwise([start, *cuts, end]):
            middle = (max(low, h[0]) + min(high, h[-1])) / 2
            if high > low and (level == 0 or abs(_slopes(activation, middle)[0]) < level):
                # An interval which goes on across a kink is one interval.
                joined = found and found[-1][1] == low
                found.append((found.pop()[0] if joined else low, high))
    return tuple(found)
