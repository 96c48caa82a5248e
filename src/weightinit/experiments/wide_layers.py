"""ReLU layers of several widths, trained by Adam with one rate or with those of µP."""

import functools
from collections.abc import Callable

import pandas as pd
import torch
from torch import nn

from weightinit import initializers, networks
from weightinit.experiments.last_rows import at_every_rate
from weightinit.grids import product

WIDTHS = [32, 128, 512]
RATES = [2.0**k for k in range(-14, -1)]


def of_width(
    width: int, output: float, seed: int, dtype: torch.dtype = torch.float32
) -> nn.Sequential:
    """Build two ReLU layers without biases, from He's rule.

    Parameters
    ----------
    width : int
        Units of each.
    output : float
        A factor on the output weights; µP wants them small.
    seed : int
        Of the weights.
    dtype : torch.dtype
        The type of the parameters.

    Returns
    -------
    torch.nn.Sequential
        The network.

    Examples
    --------
    >>> of_width(32, 0.0, seed=0).output.weight.abs().max()
    tensor(0., grad_fn=<MaxBackward1>)
    """
    model = networks.mlp(2, width, "relu", bias=False, dtype=dtype)
    initializers.initialize(model, "he_normal", seed=seed)
    with torch.no_grad():
        model.output.weight.mul_(output)
    return model


def adam(parametrization: str, width: int) -> Callable[[list[dict]], torch.optim.Adam]:
    """Return what makes Adam of groups: the first tensor of each is that of the first layer.

    Parameters
    ----------
    parametrization : str
        ``"one rate"``, or ``"µP"``: behind the first layer the rate is 32 / width of the given one.
    width : int
        Units of the layers.

    Returns
    -------
    callable
        Takes parameter groups with their rates.

    Examples
    --------
    >>> weights = [nn.Parameter(torch.ones(1)) for _ in range(3)]
    >>> made = adam("µP", 512)([{"params": weights, "lr": 0.5}])
    >>> [(len(group["params"]), group["lr"]) for group in made.param_groups]
    [(1, 0.5), (2, 0.03125)]
    """

    def make(groups: list[dict]) -> torch.optim.Adam:
        parts = []
        for group in groups:
            first, *others = group["params"]
            less = WIDTHS[0] / width if parametrization == "µP" else 1
            parts.append({"params": [first], "lr": group["lr"]})
            parts.append({"params": others, "lr": group["lr"] * less})
        return torch.optim.Adam(parts)

    return make


def width_and_rates(parametrization: str, width: int) -> pd.DataFrame:
    """Train such networks, whose output layer starts at 0, for 30 steps, at rates 2^-14 to 1/4.

    Parameters
    ----------
    parametrization, width
        As in `adam`.

    Returns
    -------
    pandas.DataFrame
        As `last_rows.at_every_rate`.
    """
    build = functools.partial(of_width, width, 0.0)
    return at_every_rate(build, RATES, steps=30, optimizer=adam(parametrization, width))


GRIDS = {width_and_rates: product(parametrization=["one rate", "µP"], width=WIDTHS)}
