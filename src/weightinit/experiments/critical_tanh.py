"""Deep tanh layers near the critical line: smaller rates, and orthogonal weights (chapter 5)."""

import functools

import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.grids import product
from weightinit.training import sweep, tune

SIGMA_B2 = 0.05
LEAST = {"SGD": -11, "Adam": -15}  # base-2 logarithm of the smallest of six rates


def tanh_network(rule: str, depth: int, sigma_w2: float, seed: int) -> nn.Sequential:
    """Build tanh layers of 64 units with biases of variance 0.05, those of `depth_and_scale`.

    Parameters
    ----------
    rule : str
        ``"orthogonal"`` or ``"Gaussian"``: weights of the same variance.
    depth : int
        How many layers.
    sigma_w2 : float
        Variance of a weight times the fan-in.
    seed : int
        Of weights and biases.

    Returns
    -------
    torch.nn.Sequential
        The network, in single precision.

    Examples
    --------
    >>> model = tanh_network("orthogonal", 2, 4.0, seed=0)
    >>> torch.linalg.svdvals(model.linear2.weight).round(decimals=4).unique()
    tensor([2.], grad_fn=<Unique2Backward0>)
    """
    model = networks.mlp(depth, 64, "tanh", dtype=torch.float32)
    scheme = initializers.Scheme("tanh", sigma_w2, "fan_in", "normal")
    if rule == "orthogonal":
        scheme = initializers.Orthogonal(sigma_w2)
    initializers.initialize(model, scheme, seed=seed)
    generator = torch.Generator().manual_seed(1000 + seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, SIGMA_B2**0.5, generator=generator)
    return model


def depth_and_small_rate(depth: int, sigma_w2: float) -> pd.DataFrame:
    """Train the networks of `depth_and_scale` at two smaller rates, where its smallest was best."""
    table = sweep(
        functools.partial(tanh_network, "Gaussian", depth, sigma_w2),
        data.digits(),
        lrs=[0.0001, 0.0003],
        seeds=range(8),
        steps=300,
        evaluate_start=False,
    )
    return table[["lr", "seed", "train_accuracy", "test_accuracy"]]


def rule_at_depth(rule: str, optimizer: str) -> pd.DataFrame:
    """Train 128 tanh layers next to the critical line for 300 steps, at the rate `tune` finds.

    Parameters
    ----------
    rule : str
        As in `tanh_network`.
    optimizer : str
        ``"SGD"``, without momentum, or ``"Adam"``.

    Returns
    -------
    pandas.DataFrame
        A row for each of ten networks and each fiftieth step: ``lr``, ``seed``, ``step``,
        ``loss``, ``train_accuracy``, ``test_accuracy``.
    """
    build = functools.partial(tanh_network, rule, 128, 1.76)
    rates = [2.0 ** (LEAST[optimizer] + k) for k in range(6)]
    options = {"steps": 300, "optimizer": getattr(torch.optim, optimizer)}
    chosen = tune(
        build, data.digits(), lrs=rates, seeds=range(100, 103), evaluate_start=False, **options
    ).lr
    table = sweep(build, data.digits(), lrs=[chosen], seeds=range(10), evaluate_every=50, **options)
    return table[["lr", "seed", "step", "loss", "train_accuracy", "test_accuracy"]]


BORDER = [(48, 3.5), (64, 3.0), (64, 3.5), (96, 2.3)]
GRIDS = {
    rule_at_depth: product(optimizer=["SGD"], rule=["orthogonal", "Gaussian"]),
    depth_and_small_rate: [{"depth": depth, "sigma_w2": sigma_w2} for depth, sigma_w2 in BORDER],
}
