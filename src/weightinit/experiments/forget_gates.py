"""LSTMs whose forget gates start with a bias, in training (a further experiment)."""

import functools

import pandas as pd
import torch

from weightinit import networks
from weightinit.experiments.last_rows import at_best_rate
from weightinit.grids import product

LEAST = {"SGD": -4, "Adam": -10}  # base-2 logarithm of the smallest of ten rates


def forgetful(bias: float, seed: int) -> networks.long_short_term.LongShortTerm:
    """Build an LSTM of 32 units that reads a digit in sixteen steps.

    Parameters
    ----------
    bias : float
        Of the forget gates.
    seed : int
        Of the weights.

    Returns
    -------
    weightinit.networks.LongShortTerm
        The network, in single precision.

    Examples
    --------
    >>> forgetful(1.0, seed=0).cell.bias_ih[32:64].unique()
    tensor([1.], grad_fn=<Unique2Backward0>)
    """
    return networks.lstm(32, steps=16, forget_bias=bias, seed=seed, dtype=torch.float32)


def bias_and_optimizer(bias: float, optimizer: str) -> pd.DataFrame:
    """Train such LSTMs for 60 steps of 32 images, at the best of ten rates.

    Parameters
    ----------
    bias
        As in `forgetful`.
    optimizer : str
        ``"SGD"``, without momentum, or ``"Adam"``.

    Returns
    -------
    pandas.DataFrame
        As `last_rows.at_best_rate`.
    """
    rates = [2.0 ** (LEAST[optimizer] + k) for k in range(10)]
    build = functools.partial(forgetful, bias)
    how = {"optimizer": getattr(torch.optim, optimizer)}
    return at_best_rate(build, rates, steps=60, batch_size=32, **how)


GRIDS = {bias_and_optimizer: product(bias=[0.0, 1.0], optimizer=["SGD", "Adam"])}
