"""Deep tanh layers, started with three gains, in training (chapter 2)."""

import functools

import pandas as pd
import torch
from torch import nn

from weightinit import initializers, networks, theory
from weightinit._checks import check_choice
from weightinit.experiments.last_rows import at_best_rate

LEAST = {"SGD": -10, "Adam": -16}  # base-2 logarithm of the smallest of nine rates


def tanh_start(start: str, depth: int, seed: int) -> nn.Sequential:
    """Build tanh layers of 64 units; the output layer has Xavier weights.

    Parameters
    ----------
    start : str
        ``"gain 1"`` or ``"gain 5/3"``, without biases, or ``"critical pair"``, that of q = 1/2.
    depth : int
        How many layers.
    seed : int
        Of weights and biases.

    Returns
    -------
    torch.nn.Sequential
        The network, in single precision.

    Raises
    ------
    ValueError
        If the start is none of the three.

    Examples
    --------
    >>> tanh_start("gain 5/3", depth=2, seed=0).linear2.bias.abs().max()
    tensor(0., grad_fn=<MaxBackward1>)
    """
    pairs = {"gain 1": (1.0, 0.0), "gain 5/3": (25 / 9, 0.0)}
    pairs["critical pair"] = theory.critical_line("tanh", 0.5)
    check_choice("start", start, pairs)
    sigma_w2, sigma_b2 = pairs[start]
    model = networks.mlp(depth, 64, "tanh", dtype=torch.float32)
    rule = initializers.Scheme(start, sigma_w2, "fan_in", "normal")
    initializers.initialize(model, rule, seed=seed)
    generator = torch.Generator().manual_seed(1000 + seed)
    for layer in model[:-1]:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.bias, 0.0, sigma_b2**0.5, generator=generator)
    initializers.fill_(model.output, initializers.get("xavier_normal"), generator=generator)
    return model


def gain_and_optimizer(start: str, depth: int, optimizer: str, steps: int) -> pd.DataFrame:
    """Train ten such networks at the best of nine rates, each twice the one before.

    Parameters
    ----------
    start, depth
        As in `tanh_start`.
    optimizer : str
        ``"SGD"``, without momentum, or ``"Adam"``.
    steps : int
        Of 64 images.

    Returns
    -------
    pandas.DataFrame
        A row for each network at its end: ``lr``, ``seed``, ``loss``, ``test_accuracy``. Where no
        rate within the grid is the best, five networks at every rate.
    """
    build = functools.partial(tanh_start, start, depth)
    rates = [2.0 ** (LEAST[optimizer] + k) for k in range(9)]
    return at_best_rate(build, rates, steps=steps, optimizer=getattr(torch.optim, optimizer))


RUNS = [(20, "SGD", 100), (20, "Adam", 100), (50, "SGD", 100), (50, "Adam", 100), (50, "SGD", 500)]
GRIDS = {
    gain_and_optimizer: [
        {"depth": depth, "optimizer": optimizer, "steps": steps, "start": start}
        for depth, optimizer, steps in RUNS
        for start in ("gain 1", "gain 5/3", "critical pair")
    ],
}
