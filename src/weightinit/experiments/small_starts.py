"""Ten tanh layers that start too small, trained for long (chapter 5)."""

import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.training import train_ensemble


def small_tanh(sigma_w2: float, seed: int) -> nn.Sequential:
    """Build ten tanh layers of 32 units whose weights have variance sigma_w2 / n.

    Parameters
    ----------
    sigma_w2 : float
        Variance of a weight times the fan-in; 1 is LeCun's.
    seed : int
        Of the weights.

    Returns
    -------
    torch.nn.Sequential
        The network, in single precision.

    Examples
    --------
    >>> len(small_tanh(0.25, seed=0))
    21
    """
    model = networks.mlp(10, 32, "tanh", dtype=torch.float32)
    rule = initializers.Scheme("too small", sigma_w2, "fan_in", "normal")
    initializers.initialize(model, rule, seed=seed)
    return model


def woken(sigma_w2: float, lr: float) -> pd.DataFrame:
    """Train ten such networks for 3,000 steps of gradient descent on batches of 64 images.

    Parameters
    ----------
    sigma_w2
        As in `small_tanh`.
    lr : float
        The learning rate.

    Returns
    -------
    pandas.DataFrame
        A row for each network and each hundredth step: ``seed``, ``step``, ``test_accuracy``.
    """
    models = [small_tanh(sigma_w2, seed) for seed in range(10)]
    table = train_ensemble(
        models, data.digits(), lrs=[lr] * 10, steps=3000, evaluate_every=100, evaluate_start=False
    )
    return table.rename(columns={"member": "seed"})[["seed", "step", "test_accuracy"]]


GRIDS = {woken: [{"sigma_w2": 0.25, "lr": 0.125}, {"sigma_w2": 0.25, "lr": 0.25}]}
