"""Tanh networks that start more or less sure of a digit, in training (a further experiment)."""

import copy
import functools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.grids import product
from weightinit.training import train_ensemble, tune

LEAST = {"SGD": (-9, 11), "Adam": (-11, 9)}  # base-2 logarithm of the least rate, and how many


class Shifted(nn.Module):
    """Add a frozen network's scores, times a sign, to those of another."""

    def __init__(self, model: nn.Module, frozen: nn.Module, sign: float) -> None:
        super().__init__()
        self.model, self.sign = model, sign
        self.frozen = copy.deepcopy(frozen).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores."""
        return self.model(x) + self.sign * self.frozen(x)


def confident_network(
    factor: float, shift: str | None, seed: int, dtype: torch.dtype = torch.float32
) -> nn.Module:
    """Build three tanh layers of 32 units with LeCun's variance; a factor is on the last weights.

    Parameters
    ----------
    factor : float
        On the output weights.
    shift : str or None
        ``"undecided"``: the scores at the start are subtracted. ``"confident"``: those of another
        network, with output weights times 30, are added, and stay as they are.
    seed : int
        Of the weights.
    dtype : torch.dtype
        The type of the parameters.

    Returns
    -------
    torch.nn.Module
        The network.

    Examples
    --------
    >>> images, *_ = data.digits().tensors(torch.float32)
    >>> confident_network(30, "undecided", seed=0)(images).abs().max()
    tensor(0., grad_fn=<MaxBackward1>)
    """
    model = networks.mlp(3, 32, "tanh", dtype=dtype)
    initializers.initialize(model, "lecun_normal", seed=seed)
    with torch.no_grad():
        model.output.weight.mul_(factor)
    if shift == "undecided":
        return Shifted(model, model, -1.0)
    if shift == "confident":
        return Shifted(model, confident_network(30, None, seed + 1000, dtype), 1.0)
    return model


def way(models: Sequence[nn.Module], started: Sequence[nn.Module], name: str) -> list[float]:
    """Return how far a layer's weights went in each network, over their length at the start."""
    ways = []
    for pair in zip(models, started, strict=True):
        new, old = (getattr(getattr(m, "model", m), name).weight.detach() for m in pair)
        ways.append(((new - old).norm() / old.norm()).item())
    return ways


def factor_and_shift(
    factor: float, shift: str | None, optimizer: str, rate_of: float
) -> pd.DataFrame:
    """Train ten such networks for 300 steps of 64 images, at the rate that `tune` finds.

    It tries eleven rates for gradient descent and nine for Adam, each twice the one before, on
    three networks of their own.

    Parameters
    ----------
    factor, shift
        As in `confident_network`.
    optimizer : str
        ``"SGD"``, without momentum, or ``"Adam"``.
    rate_of : float
        The factor of the networks for which the rate is chosen.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``lr``, ``seed``, ``steps_to_90``, the first of every five steps at
        which 90 % of the training images are right, missing if it is none of the first 150;
        ``train_accuracy`` and ``test_accuracy`` at the end; ``first_moved`` and ``output_moved``,
        how far the weights of these layers went, over their length.
    """
    least, n = LEAST[optimizer]
    rates = [2.0 ** (least + k) for k in range(n)]
    options = {"optimizer": getattr(torch.optim, optimizer), "evaluate_start": False}
    chooses = functools.partial(confident_network, rate_of, shift)
    lr = tune(chooses, data.digits(), lrs=rates, seeds=range(100, 103), steps=300, **options).lr
    started = [confident_network(factor, shift, seed) for seed in range(10)]
    options["lrs"] = [lr] * len(started)
    early = train_ensemble(
        copy.deepcopy(started), data.digits(), steps=150, evaluate_every=5, **options
    )
    there = early["step"].where(early["train_accuracy"] >= 0.9, np.nan)
    models = copy.deepcopy(started)
    table = train_ensemble(models, data.digits(), steps=300, **options)
    return pd.DataFrame(
        {
            "lr": lr,
            "seed": table["member"],
            "steps_to_90": there.groupby(early["member"]).min(),
            "train_accuracy": table["train_accuracy"],
            "test_accuracy": table["test_accuracy"],
            "first_moved": way(models, started, "linear1"),
            "output_moved": way(models, started, "output"),
        }
    )


CASES = [(0.1, None), (1, None), (3, None), (10, None), (30, None)]
GRIDS = {
    factor_and_shift: [
        *(
            cell
            for factor, shift in [*CASES, (30, "undecided"), (1, "confident")]
            for cell in product(
                factor=[factor], shift=[shift], optimizer=["SGD", "Adam"], rate_of=[factor]
            )
        ),
        {"factor": 30, "shift": None, "optimizer": "SGD", "rate_of": 1},
    ],
}
