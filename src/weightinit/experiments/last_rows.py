"""Train networks and keep how they end."""

from collections.abc import Callable

import pandas as pd
from torch import nn

from weightinit import data
from weightinit.training import BestRateAtEdge, sweep, train_ensemble, tune


def last_step(models: list[nn.Module], lr: float, steps: int, **options) -> pd.DataFrame:
    """Train networks at one rate and return seed, loss and test accuracy of each at the end."""
    rates = [lr] * len(models)
    table = train_ensemble(
        models, data.digits(), lrs=rates, steps=steps, evaluate_start=False, **options
    )
    rows = table[table["step"] == steps].rename(columns={"member": "seed"})
    return rows[["seed", "loss", "test_accuracy"]]


def at_best_rate(build: Callable[[int], nn.Module], rates: list[float], **options) -> pd.DataFrame:
    """Train 10 networks at the rate that `tune` finds; where it refuses, 5 at every rate."""
    options["evaluate_start"] = False
    try:
        seeds = [100, 101, 102]
        chosen = tune(build, data.digits(), lrs=rates, seeds=seeds, **options).lr
        table = sweep(build, data.digits(), lrs=[chosen], seeds=range(10), **options)
    except (BestRateAtEdge, RuntimeError):
        table = sweep(build, data.digits(), lrs=rates, seeds=range(5), **options)
    return table[["lr", "seed", "loss", "test_accuracy"]]


def at_every_rate(build: Callable[[int], nn.Module], rates: list[float], **options) -> pd.DataFrame:
    """Train 10 networks at every rate; ``chosen`` is the one that `tune` finds on 5 others."""
    options["evaluate_start"] = False
    chosen = tune(build, data.digits(), lrs=rates, **options).lr
    table = sweep(build, data.digits(), lrs=rates, seeds=range(10), **options)
    table["chosen"] = table["lr"] == chosen
    return table[["lr", "seed", "loss", "test_accuracy", "chosen"]]
