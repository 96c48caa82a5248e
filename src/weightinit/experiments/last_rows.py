"""Train networks and keep how they end."""

import pandas as pd
from torch import nn

from weightinit import data
from weightinit.training import train_ensemble


def last_step(models: list[nn.Module], lr: float, steps: int, **options) -> pd.DataFrame:
    """Train networks at one rate and return seed, loss and test accuracy of each at the end."""
    rates = [lr] * len(models)
    table = train_ensemble(
        models, data.digits(), lrs=rates, steps=steps, evaluate_start=False, **options
    )
    rows = table[table["step"] == steps].rename(columns={"member": "seed"})
    return rows[["seed", "loss", "test_accuracy"]]
