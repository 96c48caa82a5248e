"""Thirty ReLU layers: random matrices and their scale (a further experiment)."""

import functools

import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.training import BestRateAtEdge, sweep, tune

LEAST = {"momentum": -12, "Adam": -13}  # base-2 logarithm of the least of eight rates
FACTORS = {"Xavier": 1.0, "He": 2.0}  # variance times fan-in, from the second layer on


def thirty_relu_layers(matrices: str, scale: str, seed: int) -> nn.Sequential:
    """Build thirty ReLU layers of 64 units, in single precision.

    Parameters
    ----------
    matrices : {"Gaussian", "orthogonal"}
        The hidden and the output weights, before they are scaled.
    scale : {"Xavier", "He", "measured"}
        A factor by rule, or one that gives each layer a standard deviation of 1 on 256 images, from
        below (Mishkin and Matas 2016: orthogonal and measured is LSUV).
    seed : int
        Of the weights.

    Returns
    -------
    torch.nn.Sequential
        The network.

    Examples
    --------
    >>> model = thirty_relu_layers("orthogonal", "He", seed=0)
    >>> round((model.linear2.weight[0] ** 2).sum().item(), 6)
    2.0
    """
    model = networks.mlp(30, 64, "relu", dtype=torch.float32)
    rule = initializers.get("lecun_normal")
    if matrices == "orthogonal":
        rule = initializers.Orthogonal()
    initializers.initialize(model, rule, seed=seed)
    layers = [module for module in model if isinstance(module, nn.Linear)]
    with torch.no_grad():
        if scale != "measured":
            for layer in layers[1:]:
                layer.weight *= FACTORS[scale] ** 0.5
            return model
        x = data.digits().tensors(torch.float32)[0][:256]
        for module in model:
            if module in layers:
                module.weight /= module(x).std()
            x = module(x)
    return model


def matrices_and_scale(matrices: str, scale: str, optimizer: str) -> pd.DataFrame:
    """Train 10 networks for 100 steps at the rate that `tune` finds among eight.

    Where the best rate stands at the edge of the grid, as where none leads away from guessing, the
    ten are trained at every rate.

    Parameters
    ----------
    matrices, scale
        As in `thirty_relu_layers`.
    optimizer : {"momentum", "Adam"}
        Gradient descent with a momentum of 0.9, or Adam.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``lr``, ``seed``, ``test_accuracy``.
    """
    build = functools.partial(thirty_relu_layers, matrices, scale)
    made = functools.partial(torch.optim.SGD, momentum=0.9)
    if optimizer == "Adam":
        made = torch.optim.Adam
    options = {"steps": 100, "optimizer": made, "evaluate_start": False}
    rates = [2.0**k for k in range(LEAST[optimizer], LEAST[optimizer] + 8)]
    try:
        rates = [tune(build, data.digits(), lrs=rates, seeds=range(100, 103), **options).lr]
    except BestRateAtEdge:
        pass
    table = sweep(build, data.digits(), lrs=rates, seeds=range(10), **options)
    return table[["lr", "seed", "test_accuracy"]]


STARTS = [
    ("Gaussian", "Xavier"),
    ("Gaussian", "He"),
    ("Gaussian", "measured"),
    ("orthogonal", "He"),
    ("orthogonal", "measured"),
]
GRIDS = {
    matrices_and_scale: [
        {"matrices": matrices, "scale": scale, "optimizer": optimizer}
        for optimizer, starts in (
            ("momentum", STARTS),
            ("Adam", [STARTS[0], STARTS[1], STARTS[4]]),
        )
        for matrices, scale in starts
    ],
}
