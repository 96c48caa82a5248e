"""Tanh layers started by Xavier's rule and by two others, in training (a further experiment)."""

import functools
from collections.abc import Sequence

import pandas as pd
import torch
from torch import nn

from weightinit import initializers, networks
from weightinit.experiments.last_rows import at_best_rate
from weightinit.grids import product

LEAST = {"SGD": -8, "Adam": -14}  # base-2 logarithm of the smallest of eleven rates


def rule(name: str) -> initializers.Scheme:
    """Return a rule by its name: ``"the old start"``, U(-1/sqrt(n), 1/sqrt(n)), or a scheme.

    Examples
    --------
    >>> rule("the old start").variance(fan_in=4, fan_out=1) == 1 / 12  # of U(-1/2, 1/2)
    True
    """
    if name == "the old start":
        return initializers.Scheme("old", 1 / 3, "fan_in", "uniform")
    return initializers.get(name)


def tanh_layers(
    hidden: str, output: str, widths: Sequence[int], seed: int, dtype: torch.dtype = torch.float32
) -> nn.Sequential:
    """Build tanh layers by one rule, with an output layer by another.

    Parameters
    ----------
    hidden, output : str
        Names, as `rule` takes them.
    widths : sequence of int
        Units of the hidden layers.
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
    >>> model = tanh_layers("the old start", "xavier_uniform", (256,) * 5, seed=0)
    >>> 0.06 < model.linear5.weight.max() < 1 / 16
    tensor(True)
    """
    model = networks.mlp(len(widths), list(widths), "tanh", dtype=dtype)
    initializers.initialize(model, rule(hidden), seed=seed)
    generator = torch.Generator().manual_seed(seed + 1000)
    initializers.fill_(model.output, rule(output), generator=generator)
    return model


def hidden_and_output(hidden: str, output: str, optimizer: str) -> pd.DataFrame:
    """Train five layers of 64 units for 200 steps of 32 images, at the best of eleven rates.

    Parameters
    ----------
    hidden, output
        As in `tanh_layers`.
    optimizer : str
        ``"SGD"``, without momentum, or ``"Adam"``.

    Returns
    -------
    pandas.DataFrame
        As `last_rows.at_best_rate`.
    """
    build = functools.partial(tanh_layers, hidden, output, (64,) * 5)
    return _at_best_rate(build, optimizer, steps=200)


def zigzag(hidden: str, optimizer: str) -> pd.DataFrame:
    """Train twenty layers of 128 and 16 units in turn for 150 steps of 32 images.

    Parameters
    ----------
    hidden
        As in `tanh_layers`; the output layer has Xavier weights.
    optimizer
        As in `hidden_and_output`.

    Returns
    -------
    pandas.DataFrame
        As `last_rows.at_best_rate`.
    """
    build = functools.partial(tanh_layers, hidden, "xavier_uniform", (128, 16) * 10)
    return _at_best_rate(build, optimizer, steps=150)


def _at_best_rate(build, optimizer: str, steps: int) -> pd.DataFrame:
    rates = [2.0 ** (LEAST[optimizer] + k) for k in range(11)]
    how = {"optimizer": getattr(torch.optim, optimizer), "steps": steps, "batch_size": 32}
    return at_best_rate(build, rates, **how)


STARTS, OPTIMIZERS = ["the old start", "xavier_uniform"], ["SGD", "Adam"]
GRIDS = {
    hidden_and_output: product(hidden=STARTS, output=STARTS, optimizer=OPTIMIZERS),
    zigzag: product(hidden=["lecun_normal", "xavier_normal"], optimizer=OPTIMIZERS),
}
