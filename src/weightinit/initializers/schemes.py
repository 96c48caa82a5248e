r"""One engine for variance scaling, and the named schemes, one line each."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, isfinite, sqrt
from typing import Protocol

import torch
from torch import nn

from weightinit.initializers.fan_in_fan_out import Weight, weights_of

MODES = ("fan_in", "fan_out", "fan_avg")
# Standard deviation of N(0, 1) cut at -2 and 2: the root of 1 - 4 pdf(2) / P(|z| < 2).
TRUNCATED_STD = 0.87962566103423978


def _normal(room: torch.Tensor, std: float, generator: torch.Generator) -> torch.Tensor:
    return room.normal_(0.0, std, generator=generator)


def _uniform(room: torch.Tensor, std: float, generator: torch.Generator) -> torch.Tensor:
    bound = 3**0.5 * std
    return room.uniform_(-bound, bound, generator=generator)


def _truncated_normal(room: torch.Tensor, std: float, generator: torch.Generator) -> torch.Tensor:
    # By the inverse of the distribution function: nothing is drawn in vain, so the number of draws
    # does not depend on luck.
    edge = erf(2 / sqrt(2))
    uniform = room.uniform_(-edge, edge, generator=generator)
    return uniform.erfinv_().mul_(sqrt(2) * std / TRUNCATED_STD)


DISTRIBUTIONS = {
    "normal": _normal,
    "uniform": _uniform,
    "truncated_normal": _truncated_normal,
}


def variance(fan_in: float, fan_out: float, *, scale: float, mode: str) -> float:
    """Return ``scale`` divided by the fan that ``mode`` names.

    Parameters
    ----------
    fan_in, fan_out : int or float
        The fans of the layer.
    scale : float
        The numerator, not negative.
    mode : {'fan_in', 'fan_out', 'fan_avg'}
        The denominator.

    Returns
    -------
    float
        The variance of one weight.

    Raises
    ------
    ValueError
        If the mode is unknown, the scale is negative or not finite, or the fan is not positive.

    Examples
    --------
    >>> variance(4, 12, scale=2.0, mode="fan_avg")
    0.25
    """
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}; the modes are: {', '.join(MODES)}")
    check_scale(scale)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    if not fan > 0:
        raise ValueError(f"fans must be positive, got {fan_in!r} and {fan_out!r}")
    return scale / fan


def check_scale(scale: float) -> None:
    if not (isfinite(scale) and scale >= 0):
        raise ValueError(f"scale must be finite and not negative, got {scale!r}")


class Rule(Protocol):
    """What fills a weight: a `Scheme`, or one of the rules beyond variance scaling."""

    def deviation(self, weight: Weight) -> float:
        """Return the root mean square asked for, nan if nothing is random."""

    def draw(self, weight: Weight, generator: torch.Generator) -> torch.Tensor:
        """Return new values for a weight, on the generator's device."""


@dataclass(frozen=True)
class Scheme:
    r"""A rule for the variance of a layer's weights: ``scale / mode`` of its fans.

    Parameters
    ----------
    name : str
        Name of the scheme, in the words of the libraries.
    scale : float
        The numerator.
    mode : {'fan_in', 'fan_out', 'fan_avg'}
        The denominator; ``fan_avg`` is the mean of the two fans.
    distribution : {'normal', 'uniform', 'truncated_normal'}
        Shape of the distribution; the variance is the same for all.

    Raises
    ------
    ValueError
        If the scale, the mode or the distribution is not allowed.

    Examples
    --------
    >>> get("xavier_normal").variance(fan_in=100, fan_out=300)
    0.005
    """

    name: str
    scale: float
    mode: str
    distribution: str

    def __post_init__(self) -> None:
        variance(1, 1, scale=self.scale, mode=self.mode)
        if self.distribution not in DISTRIBUTIONS:
            raise ValueError(
                f"unknown distribution {self.distribution!r}; "
                f"allowed are: {', '.join(DISTRIBUTIONS)}"
            )

    def variance(self, fan_in: float, fan_out: float) -> float:
        """Return the variance of one weight of a layer with these fans."""
        return variance(fan_in, fan_out, scale=self.scale, mode=self.mode)

    def deviation(self, weight: Weight) -> float:
        """Return the standard deviation of one weight."""
        return self.variance(weight.fan_in, weight.fan_out) ** 0.5

    def draw(self, weight: Weight, generator: torch.Generator) -> torch.Tensor:
        """Return new values for a weight, on the generator's device."""
        room = weight.empty(generator.device)
        return DISTRIBUTIONS[self.distribution](room, self.deviation(weight), generator)


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        # LeCun, Bottou, Orr & Müller 1998, sec. 4.6: unit variance of the sum, whatever its length.
        Scheme("lecun_normal", 1.0, "fan_in", "normal"),
        Scheme("lecun_uniform", 1.0, "fan_in", "uniform"),
        Scheme("lecun_truncated_normal", 1.0, "fan_in", "truncated_normal"),
        # Glorot & Bengio 2010, eq. 12; as a uniform law, eq. 16.
        Scheme("xavier_normal", 1.0, "fan_avg", "normal"),
        Scheme("xavier_uniform", 1.0, "fan_avg", "uniform"),
        Scheme("xavier_truncated_normal", 1.0, "fan_avg", "truncated_normal"),
        # He, Zhang, Ren & Sun 2015, eq. 10: twice as much, since a ReLU halves the mean square.
        Scheme("he_normal", 2.0, "fan_in", "normal"),
        Scheme("he_uniform", 2.0, "fan_in", "uniform"),
        Scheme("he_truncated_normal", 2.0, "fan_in", "truncated_normal"),
    )
}


def get(scheme: str) -> Scheme:
    """Return a scheme of variance scaling by name.

    Parameters
    ----------
    scheme : str
        One of the names in `SCHEMES`.

    Returns
    -------
    Scheme
        The rule.

    Raises
    ------
    ValueError
        If the name is unknown; the message lists the known ones.

    Examples
    --------
    >>> get("he_normal").scale
    2.0
    """
    if scheme not in SCHEMES:
        raise ValueError(f"unknown scheme {scheme!r}; the schemes are: {', '.join(SCHEMES)}")
    return SCHEMES[scheme]


def variance_scaling_(
    module: nn.Module | torch.Tensor,
    *,
    scale: float,
    mode: str,
    distribution: str,
    generator: torch.Generator,
) -> None:
    r"""Fill a layer's weights in place: mean 0, variance ``scale / mode``.

    The one engine behind every named scheme. A uniform law on :math:`[-a, a]` has variance
    :math:`a^2/3`, so its bound is :math:`a = \sqrt{3 \cdot \text{variance}}`. The truncated normal
    law is cut at two of its standard deviations, which makes it narrower; it is widened by
    1/0.8796 first, so that the variance *after* the cut is the one asked for.

    Parameters
    ----------
    module : torch.nn.Module or torch.Tensor
        Anything that `fans` understands.
    scale : float
        The numerator of the variance.
    mode : {'fan_in', 'fan_out', 'fan_avg'}
        Its denominator.
    distribution : {'normal', 'uniform', 'truncated_normal'}
        Shape of the distribution.
    generator : torch.Generator
        The only source of randomness. Values are drawn on its device, in single precision or
        better, and copied: one seed gives the same weights on every device.

    Raises
    ------
    TypeError, ValueError
        As for `fans`; and if the mode, the scale or the distribution is not allowed, or the weights
        are on the meta device or not real floating-point numbers.

    Examples
    --------
    >>> layer = nn.Linear(300, 300)
    >>> g = torch.Generator().manual_seed(0)
    >>> variance_scaling_(layer, scale=1, mode="fan_in", distribution="normal", generator=g)
    >>> 0.98 < layer.weight.var().item() * 300 < 1.02
    True
    """
    fill_(module, Scheme("variance_scaling", scale, mode, distribution), generator=generator)


def fill_(module: nn.Module | torch.Tensor, rule: Rule, *, generator: torch.Generator) -> None:
    """Fill a layer's weights in place by any rule: a `Scheme`, `Orthogonal`, `Sparse`, ...

    Parameters
    ----------
    module : torch.nn.Module or torch.Tensor
        Anything that `fans` understands.
    rule : Scheme, Normal, Constant, Sparse, Orthogonal, DeltaOrthogonal or Identity
        The rule.
    generator : torch.Generator
        The only source of randomness.

    Raises
    ------
    TypeError, ValueError
        As for `variance_scaling_`, or if the rule does not apply to such a layer.

    Examples
    --------
    >>> layer = nn.Linear(3, 2)
    >>> fill_(layer, get("he_uniform"), generator=torch.Generator().manual_seed(0))
    >>> bool((layer.weight.abs() <= 2**0.5).all())
    True
    """
    for weight in weights_of(module):
        weight.set(rule.draw(weight, generator))
