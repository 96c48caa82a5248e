"""Residual blocks that start by the rules of Fixup or some of them (a further experiment)."""

import functools

import pandas as pd
import torch
from torch import nn

from weightinit import initializers, networks
from weightinit.experiments.last_rows import at_every_rate
from weightinit.grids import product

WIDTH = 32
RATES = [2.0**k for k in range(-8, 2)]
# Which of Fixup's rules a start follows: zeros in the last layer of each branch, zeros in the
# output layer, the factor on the other layers, and learned factors and shifts.
RULES = {
    "branches / root L": (False, False, False, False),
    "last layers 0": (True, False, False, False),
    "last and output layer 0": (True, True, False, False),
    "Fixup without rule 3": (True, True, True, False),
    "Fixup": (True, True, True, True),
}


class Factor(nn.Module):
    """Multiply by one learned number, which starts at 1."""

    def __init__(self) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the product."""
        return x * self.number


class Shift(nn.Module):
    """Add one learned number, which starts at 0."""

    def __init__(self) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.tensor(0.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum."""
        return x + self.number


def fixup_network(start: str, blocks: int, seed: int) -> nn.Sequential:
    """Build a linear layer of 32 units, blocks that add a branch of two layers, an output layer.

    Parameters
    ----------
    start : str
        A key of `RULES`. Where the last layers of the branches do not start at 0, they have He's
        weights over the root of the number of blocks.
    blocks : int
        How many.
    seed : int
        Of the weights.

    Returns
    -------
    torch.nn.Sequential
        The network, in single precision.

    Examples
    --------
    >>> fixup_network("Fixup without rule 3", blocks=4, seed=0)[1]
    Residual(
      (0): Linear(in_features=32, out_features=32, bias=False)
      (1): ReLU()
      (2): Linear(in_features=32, out_features=32, bias=False)
    )
    """
    zero_last, zero_output, smaller, scalars = RULES[start]
    model = nn.Sequential(nn.Linear(64, WIDTH))
    for _ in range(blocks):
        first, last = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(2))
        branch = [first, nn.ReLU(), last]
        if scalars:
            branch = [Shift(), first, Shift(), nn.ReLU(), Shift(), last, Factor(), Shift()]
        model.append(networks.Residual(*branch))
    model.append(nn.Linear(WIDTH, 10))
    initializers.initialize(model, "lecun_normal", seed=seed)
    root = blocks**-0.5
    with torch.no_grad():
        for block in model[1:-1]:
            first, last = (module for module in block if isinstance(module, nn.Linear))
            first.weight.mul_(2**0.5 * (root if smaller else 1))
            last.weight.mul_(0 if zero_last else 2**0.5 * root)
        model[-1].weight.mul_(0 if zero_output else 1)
    return model


def start_and_blocks(start: str, blocks: int) -> pd.DataFrame:
    """Train such networks for 40 steps of gradient descent, at rates from 1/256 to 2.

    Parameters
    ----------
    start, blocks
        As in `fixup_network`.

    Returns
    -------
    pandas.DataFrame
        As `last_rows.at_every_rate`.
    """
    build = functools.partial(fixup_network, start, blocks)
    return at_every_rate(build, RATES, steps=40)


GRIDS = {start_and_blocks: product(start=list(RULES), blocks=[4, 32])}
