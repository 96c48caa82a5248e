"""Ten ReLU layers over time, from several starts and with two optimizers (chapter 5)."""

import functools

import pandas as pd
import torch

from weightinit import data
from weightinit.experiments.relu_starts import relu_network
from weightinit.grids import product
from weightinit.training import BestRateAtEdge, sweep, train_ensemble, tune

STEPS, EVERY, COOLING = 600, 20, 100
LEAST = {"SGD": -10, "Adam": -14}  # base-2 logarithm of the smallest of eleven rates
NETWORKS = 20


def wrong_so_far(history: pd.DataFrame) -> float:
    """Return the mean share of the training images that are wrong, over all evaluations.

    It is small for a network that is fast and stays good. Divergence counts as all wrong.

    Examples
    --------
    >>> wrong_so_far(pd.DataFrame({"train_accuracy": [0.5, 1.0]}))
    0.25
    """
    return float(1 - history["train_accuracy"].mean())


def followed(scheme: str, optimizer: str, lr: float) -> pd.DataFrame:
    """Train networks for 600 steps, then cool them: 100 more at a tenth of the rate.

    Parameters
    ----------
    scheme, optimizer
        As in `scheme_and_optimizer`.
    lr : float
        The learning rate of the first 600 steps.

    Returns
    -------
    pandas.DataFrame
        A row for each of 20 networks and each twentieth step, and for the last.
    """
    models = [relu_network(scheme, seed) for seed in range(NETWORKS)]
    made = getattr(torch.optim, optimizer)
    warm, cool = (
        train_ensemble(
            models, data.digits(), lrs=[rate] * NETWORKS, steps=steps, optimizer=made, **options
        )
        for rate, steps, options in (
            (lr, STEPS, {"evaluate_every": EVERY}),
            (lr / 10, COOLING, {"evaluate_start": False, "seed": 1}),
        )
    )
    table = pd.concat([warm, cool.assign(step=STEPS + COOLING)])
    return table.rename(columns={"member": "seed"}).assign(lr=lr)


def scheme_and_optimizer(scheme: str, optimizer: str) -> pd.DataFrame:
    """Tune ten ReLU layers of 64 units by `tune` and follow 20 others over time.

    Eleven rates, each twice the one before, five networks at each; the best is the one with the
    least `wrong_so_far`. Where that is no rate within the grid, as among networks that stay at
    chance, five networks are trained at every rate, and the others at the middle one.

    Parameters
    ----------
    scheme : str
        As in `relu_network`.
    optimizer : str
        ``"SGD"``, without momentum, or ``"Adam"``.

    Returns
    -------
    pandas.DataFrame
        A row for each network and evaluation: ``role``, ``lr``, ``seed``, ``step``,
        ``train_accuracy``, ``test_accuracy``. Of ``"rates"`` there is the last step only,
        ``"shown"`` are at the rate chosen, ``"half"`` at half of it.
    """
    build = functools.partial(relu_network, scheme)
    rates = [2.0 ** (LEAST[optimizer] + k) for k in range(11)]
    options = {"steps": STEPS, "optimizer": getattr(torch.optim, optimizer)}
    options |= {"evaluate_every": 50, "evaluate_start": False}
    try:
        tuned = tune(build, data.digits(), lrs=rates, criterion=wrong_so_far, **options)
        lr, tried = tuned.lr, tuned.table
    except BestRateAtEdge:
        lr, tried = rates[5], sweep(build, data.digits(), lrs=rates, seeds=range(5), **options)
    parts = [tried[tried["step"] == STEPS].assign(role="rates")]
    parts.append(followed(scheme, optimizer, lr).assign(role="shown"))
    if optimizer == "SGD" and scheme in ("he_normal", "xavier_normal", "orthogonal"):
        parts.append(followed(scheme, optimizer, lr / 2).assign(role="half"))
    table = pd.concat(parts, ignore_index=True).round({"train_accuracy": 4, "test_accuracy": 4})
    return table[["role", "lr", "seed", "step", "train_accuracy", "test_accuracy"]]


def long_run(scheme: str, lr: float) -> pd.DataFrame:
    """Train 20 networks for 1,500 steps of plain gradient descent, to see them dip.

    Returns
    -------
    pandas.DataFrame
        A row for each network and each twentieth step: ``seed``, ``step``, ``test_accuracy``.
    """
    models = [relu_network(scheme, seed) for seed in range(NETWORKS)]
    table = train_ensemble(
        models, data.digits(), lrs=[lr] * NETWORKS, steps=1500, evaluate_every=EVERY
    )
    table = table.rename(columns={"member": "seed"}).round({"test_accuracy": 4})
    return table[["seed", "step", "test_accuracy"]]


GRIDS = {
    long_run: product(lr=[2.0**-4, 2.0**-3], scheme=["he_normal", "xavier_normal"]),
    scheme_and_optimizer: [
        *product(
            optimizer=["SGD", "Adam"],
            scheme=["orthogonal", "he_normal", "xavier_normal", "default"],
        ),
        {"optimizer": "SGD", "scheme": "small"},
    ],
}
