"""Rules that do not look at the fans: a fixed standard deviation, and a constant."""

from dataclasses import dataclass
from math import isfinite, nan

import torch

from weightinit._checks import check_not_negative, check_number
from weightinit.initializers.fan_in_fan_out import Weight


@dataclass(frozen=True)
class Normal:
    """Every weight from :math:`N(0, std^2)`, whatever the fans.

    Parameters
    ----------
    std : float
        Standard deviation, finite and not negative.

    Raises
    ------
    TypeError, ValueError
        If the standard deviation is missing or not allowed.

    Examples
    --------
    >>> Normal(std=0.01)
    Normal(std=0.01)
    """

    std: float | None = None

    def __post_init__(self) -> None:
        check_not_negative("std", self.std)

    def deviation(self, weight: Weight) -> float:
        """Return the standard deviation of one weight."""
        return float(self.std)

    def draw(self, weight: Weight, generator: torch.Generator) -> torch.Tensor:
        """Return new values for a weight, on the generator's device."""
        return weight.empty(generator.device).normal_(0.0, float(self.std), generator=generator)


@dataclass(frozen=True)
class Constant:
    """Every weight the same number: what symmetry does is shown with it, nothing is trained so.

    Parameters
    ----------
    value : float
        The number, finite.

    Raises
    ------
    TypeError, ValueError
        If the number is missing or not finite.

    Examples
    --------
    >>> Constant(value=0.5)
    Constant(value=0.5)
    """

    value: float | None = None

    def __post_init__(self) -> None:
        check_number("value", self.value)
        if not isfinite(self.value):
            raise ValueError(f"value must be finite, got {self.value!r}")

    def deviation(self, weight: Weight) -> float:
        """Return nan: nothing is random."""
        return nan

    def draw(self, weight: Weight, generator: torch.Generator) -> torch.Tensor:
        """Return new values for a weight; the generator only says on which device."""
        # In double precision, so that rounding shows whether the weight's format holds the number.
        shape, device = weight.parameter.shape, generator.device
        return torch.full(shape, float(self.value), dtype=torch.float64, device=device)
