"""Rules beyond variance scaling: a fixed deviation, constants, few connections."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan, prod, sqrt
from numbers import Integral

import torch

from weightinit.initializers.fan_in_fan_out import Weight
from weightinit.initializers.schemes import check_scale


@dataclass(frozen=True)
class Normal:
    """Every weight from :math:`N(0, std^2)`, whatever the fans.

    Parameters
    ----------
    std : float
        Standard deviation, finite and not negative.

    Raises
    ------
    ValueError
        If the standard deviation is not allowed.

    Examples
    --------
    >>> Normal(std=0.01)
    Normal(std=0.01)
    """

    std: float | None = None

    def __post_init__(self) -> None:
        if self.std is None or not (isfinite(self.std) and self.std >= 0):
            raise ValueError(
                f'scheme "normal" needs a finite std of at least 0, got std={self.std!r}'
            )

    def deviation(self, weight: Weight) -> float:
        """Return the standard deviation of one weight."""
        return self.std

    def draw(self, weight: Weight, generator: torch.Generator) -> torch.Tensor:
        """Return new values for a weight, on the generator's device."""
        return weight.empty(generator.device).normal_(0.0, self.std, generator=generator)


@dataclass(frozen=True)
class Constant:
    """Every weight the same number: what symmetry does is shown with it, nothing is trained so.

    Parameters
    ----------
    value : float
        The number, finite.

    Raises
    ------
    ValueError
        If the number is missing or not finite.

    Examples
    --------
    >>> Constant(value=0.5)
    Constant(value=0.5)
    """

    value: float | None = None

    def __post_init__(self) -> None:
        if self.value is None or not isfinite(self.value):
            raise ValueError(f'scheme "constant" needs a finite value, got value={self.value!r}')

    def deviation(self, weight: Weight) -> float:
        """Return nan: nothing is random."""
        return nan

    def draw(self, weight: Weight, generator: torch.Generator) -> torch.Tensor:
        """Return new values for a weight; the generator only says on which device."""
        return weight.empty(generator.device).fill_(self.value)


@dataclass(frozen=True)
class Sparse:
    r"""A few normal connections for each output, zeros elsewhere.

    Each output keeps :math:`k` of its :math:`n` weights, chosen at random; the kept ones have
    variance ``scale`` / :math:`k`, so that the signal's mean square is multiplied by ``scale``
    however few they are. A layer with fewer inputs than ``connections`` keeps all of them.
    (PyTorch's ``sparse_`` instead zeroes a share of each *input's* weights, and their variance does
    not know how many are left.)

    Parameters
    ----------
    connections : int
        How many weights each output keeps, at least 1.
    scale : float
        Factor on the mean square of the signal, not negative.

    Raises
    ------
    ValueError
        If a parameter is not allowed.

    References
    ----------
    Martens, *Deep learning via Hessian-free optimization*, ICML 2010: 15 connections a unit.

    Examples
    --------
    >>> weight = torch.empty(50, 200)
    >>> from weightinit.initializers import fill_
    >>> fill_(weight, Sparse(connections=7), generator=torch.Generator().manual_seed(0))
    >>> weight.count_nonzero(dim=1).unique()
    tensor([7])
    """

    connections: int = 15
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_scale(self.scale)
        whole = isinstance(self.connections, Integral) and not isinstance(self.connections, bool)
        if not (whole and self.connections >= 1):
            raise ValueError(
                f"connections must be a whole number of at least 1, got {self.connections!r}"
            )

    def deviation(self, weight: Weight) -> float:
        """Return the root mean square over all weights, the zeros included."""
        return sqrt(self.scale / weight.fan_in)

    def draw(self, weight: Weight, generator: torch.Generator) -> torch.Tensor:
        """Return new values for a weight, on the generator's device."""
        if not weight.layout.startswith("out"):
            raise ValueError(
                'scheme "sparse" needs a weight whose first dimension counts outputs (Linear, '
                f"Conv, Bilinear, attention), not one laid out as ({weight.layout})"
            )
        values = weight.empty(generator.device)
        rows, inputs = len(values), prod(values.shape[1:])
        kept = min(self.connections, inputs)
        # The positions of the largest of independent uniform numbers are a fair choice.
        lots = torch.rand(rows, inputs, generator=generator, device=generator.device)
        drawn = values.new_empty(rows, kept)
        drawn.normal_(0.0, sqrt(self.scale / kept), generator=generator)
        return (
            values.zero_()
            .view(rows, -1)
            .scatter_(1, lots.topk(kept).indices, drawn)
            .view_as(values)
        )
