"""What becomes of a normalized network when a part of it does not learn (chapter 6)."""

import functools

import pandas as pd
import torch
from torch import nn

from weightinit import data
from weightinit.experiments.batch_normalization import late_normalization
from weightinit.experiments.last_rows import at_best_rate
from weightinit.experiments.relu_starts import he_times
from weightinit.experiments.scaled_layers import scaled_network
from weightinit.grids import product
from weightinit.training import train_ensemble


def frozen_weights(batch_size: int, frozen: bool) -> pd.DataFrame:
    """Train networks of five layers from He's start on all training images once.

    Rates from 1/256 to 1/8 for batches of two, eight times that for sixteen.

    Parameters
    ----------
    batch_size : int
        Images a step.
    frozen : bool
        Whether the hidden weights keep their start; all else learns.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``lr``, ``seed``, ``loss``, ``test_accuracy``.
    """
    build = functools.partial(scaled_network, 1.0, 1.0, depth=5, frozen=frozen)
    least = -8 if batch_size == 2 else -5
    rates = [2.0**k for k in range(least, least + 6)]
    steps = len(data.digits().x_train) // batch_size
    return at_best_rate(build, rates, steps=steps, batch_size=batch_size)


def trained_before(seed: int) -> nn.Sequential:
    """Build five layers at He's start with hidden weights of a trained network, which are frozen.

    That network learned for 400 steps at a rate of 1/4, with batches of 64.
    """
    model, learned = (scaled_network(1.0, 1.0, seed, depth=5) for _ in range(2))
    train_ensemble([learned], data.digits(), lrs=[0.25], steps=400, evaluate_start=False)
    with torch.no_grad():
        for layer in range(1, 6):
            weight = model.get_submodule(f"linear{layer}").weight
            weight.copy_(learned.get_submodule(f"linear{layer}").weight).requires_grad_(False)
    return model


def copied_weights(batch_size: int) -> pd.DataFrame:
    """Train all but hidden weights, which are copied from a trained network and frozen.

    Rates and steps as in `frozen_weights`.

    Parameters
    ----------
    batch_size : int
        Images a step.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``lr``, ``seed``, ``loss``, ``test_accuracy``.
    """
    build = functools.cache(trained_before)
    least = -8 if batch_size == 2 else -5
    rates = [2.0**k for k in range(least, least + 6)]
    steps = len(data.digits().x_train) // batch_size
    return at_best_rate(build, rates, steps=steps, batch_size=batch_size)


def faint_network(factor: float, frozen: bool, eps: float, seed: int) -> nn.Sequential:
    """Build ten ReLU layers; the first five are not normalized, and not at He's scale.

    Parameters
    ----------
    factor : float
        Of He's standard deviation, in these five.
    frozen : bool
        Whether all biases of linear layers stay at zero.
    eps : float
        Of the normalizations.
    seed : int
        Of the weights.

    Returns
    -------
    torch.nn.Sequential
        The network, in single precision.

    Examples
    --------
    >>> faint_network(0.1, True, 1e-5, seed=0).linear7.bias.requires_grad
    False
    """
    model = late_normalization("relu", he_times(factor), 5, seed, torch.float32)
    for layer in model:
        if isinstance(layer, nn.Linear):
            layer.bias.requires_grad_(not frozen)
        if isinstance(layer, nn.BatchNorm1d):
            layer.eps = eps
    return model


def frozen_biases(factor: float, frozen: bool, eps: float) -> pd.DataFrame:
    """Train such networks for 300 steps, at rates from 1/256 to 1/8.

    Parameters
    ----------
    factor, frozen, eps
        As in `faint_network`.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``lr``, ``seed``, ``loss``, ``test_accuracy``.
    """
    build = functools.partial(faint_network, factor, frozen, eps)
    return at_best_rate(build, [2.0**k for k in range(-8, -2)], steps=300)


GRIDS = {
    frozen_weights: product(batch_size=[2, 16], frozen=[False, True]),
    copied_weights: product(batch_size=[2, 16]),
    frozen_biases: [
        {"factor": 0.1, "frozen": False, "eps": 1e-5},
        {"factor": 0.1, "frozen": True, "eps": 1e-5},
        {"factor": 0.01, "frozen": True, "eps": 1e-5},
        {"factor": 0.01, "frozen": False, "eps": 1e-30},
        {"factor": 0.01, "frozen": True, "eps": 1e-30},
    ],
}
