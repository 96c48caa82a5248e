"""A hundred residual blocks, by the scale of their branches (chapter 5)."""

import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.experiments.explosions import Times
from weightinit.experiments.last_rows import last_step
from weightinit.experiments.rates import half_decades
from weightinit.grids import product
from weightinit.training import train_ensemble


def hundred_blocks(branch: float, seed: int, dtype=torch.float64) -> nn.Sequential:
    """Build 100 residual blocks of 32 units, x + W relu(x).

    Parameters
    ----------
    branch : float
        The weights of the blocks are those of He's rule times this number.
    seed : int
        Of the weights.
    dtype : torch.dtype
        Of the weights.

    Returns
    -------
    torch.nn.Sequential
        A linear layer, the blocks, and a linear layer.

    Examples
    --------
    >>> hundred_blocks(0.0, seed=0)[50][1].weight.count_nonzero()
    tensor(0)
    """
    model = nn.Sequential(nn.Linear(64, 32, dtype=dtype))
    for _ in range(100):
        model.append(networks.Residual(nn.ReLU(), nn.Linear(32, 32, dtype=dtype)))
    model.append(nn.Linear(32, 10, dtype=dtype))
    initializers.initialize(model, "lecun_normal", seed=seed)
    with torch.no_grad():
        for block in model[1:-1]:
            block[1].weight.mul_(2**0.5 * branch)
    return model


def branch_and_rate(branch: float, lr: float) -> pd.DataFrame:
    """Train 10 such networks in float32 for 100 steps of gradient descent.

    Parameters
    ----------
    branch : float
        As in `hundred_blocks`.
    lr : float
        The learning rate.

    Returns
    -------
    pandas.DataFrame
        A row for each network and each tenth step: ``seed``, ``step``, ``loss``, ``test_accuracy``.
    """
    models = [hundred_blocks(branch, seed, torch.float32) for seed in range(10)]
    table = train_ensemble(models, data.digits(), lrs=[lr] * 10, steps=100, evaluate_every=10)
    return table.rename(columns={"member": "seed"})[["seed", "step", "loss", "test_accuracy"]]


def divided_scores(lr: float) -> pd.DataFrame:
    """Train 5 networks with full branches, their scores divided by 2**50, for 100 steps.

    Returns
    -------
    pandas.DataFrame
        A row for each network at its end: ``seed``, ``loss``, ``test_accuracy``.
    """
    models = [
        nn.Sequential(hundred_blocks(1.0, seed, torch.float32), Times(2.0**-50))
        for seed in range(5)
    ]
    return last_step(models, lr, 100)


GRIDS = {
    divided_scores: product(lr=[2.0**power for power in range(-20, 1, 2)]),
    branch_and_rate: [
        *product(branch=[1.0], lr=[10.0**power for power in (*range(-24, -10, 2), -8, -4, -2)]),
        *product(branch=[0.1, 0.0], lr=half_decades(-3.5, -0.5)),
    ],
}
