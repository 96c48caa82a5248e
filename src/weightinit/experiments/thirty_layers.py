"""Thirty ReLU layers, by their start and the optimizer (chapter 5)."""

import functools

import pandas as pd
import torch

from weightinit import data, initializers, networks
from weightinit.experiments.rates import half_decades
from weightinit.grids import product
from weightinit.training import train_ensemble


def start_and_optimizer(start: str, optimizer: str, lr: float) -> pd.DataFrame:
    """Train 10 networks of thirty ReLU layers of 64 units for 200 steps.

    Parameters
    ----------
    start : str
        ``"lsuv"``, or a scheme of `initializers.SCHEMES`.
    optimizer : str
        ``"Adam"``, or ``"SGD"`` with a momentum of 0.9.
    lr : float
        The learning rate.

    Returns
    -------
    pandas.DataFrame
        A row for each network and each twentieth step: ``seed``, ``step``, ``loss``,
        ``test_accuracy``.
    """
    digits = data.digits()
    models = [networks.mlp(30, 64, "relu", dtype=torch.float32) for _ in range(10)]
    for seed, model in enumerate(models):
        if start == "lsuv":
            initializers.lsuv(model, digits.tensors(torch.float32)[0][:256], seed=seed)
        else:
            initializers.initialize(model, start, seed=seed)
    made = functools.partial(torch.optim.SGD, momentum=0.9)
    if optimizer == "Adam":
        made = torch.optim.Adam
    table = train_ensemble(
        models, digits, lrs=[lr] * 10, steps=200, optimizer=made, evaluate_every=20
    )
    return table.rename(columns={"member": "seed"})[["seed", "step", "loss", "test_accuracy"]]


GRIDS = {
    start_and_optimizer: [
        *product(start=["he_normal", "lsuv"], optimizer=["SGD"], lr=half_decades(-4, -2)),
        *product(start=["xavier_normal"], optimizer=["SGD"], lr=half_decades(-4, 0)),
        *product(start=["he_normal", "xavier_normal"], optimizer=["Adam"], lr=half_decades(-4, -1)),
    ],
}
