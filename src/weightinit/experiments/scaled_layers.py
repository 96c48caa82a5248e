"""Which layers are scaled: normalized hidden ones, or the output, which is not (chapter 6)."""

import functools

import pandas as pd
import torch
from torch import nn

from weightinit import data
from weightinit.experiments.last_rows import last_step
from weightinit.experiments.rates import half_decades
from weightinit.experiments.relu_starts import he_times, relu_network
from weightinit.grids import product
from weightinit.training import steps_until, sweep, tune

HUGE = 10 * 32**0.5  # N(0, 10^2) in layers of 64 units, in He's standard deviations
SMALL = 0.01 * 32**0.5  # N(0, 0.01^2)
WIDE = 32**0.5  # N(0, 1)
TUNING = [100, 101, 102]  # seeds of the networks that choose a rate


def scaled_network(
    hidden: float, output: float, seed: int, *, depth: int = 10, frozen=False, own_batch=False
) -> nn.Sequential:
    """Build ReLU layers of 64 units with batch normalization.

    Parameters
    ----------
    hidden, output : float
        Times He's standard deviation, for the hidden weights and for those of the output layer.
    seed : int
        Of the weights.
    depth : int
        How many layers.
    frozen : bool
        Whether the hidden weights keep their start; all else learns.
    own_batch : bool
        Whether evaluation takes the statistics of the images that it is given, and not averages
        kept from training.

    Returns
    -------
    torch.nn.Sequential
        The network, in single precision.

    Examples
    --------
    >>> model = scaled_network(10.0, 1.0, seed=0)
    >>> bool(model.linear5.weight.std() > 9 * model.output.weight.std())
    True
    """
    model = relu_network(he_times(hidden), seed, depth=depth, normalization="batch")
    with torch.no_grad():
        model.output.weight *= output / hidden
    for layer in range(1, depth + 1):
        model.get_submodule(f"linear{layer}").requires_grad_(not frozen)
        if own_batch:
            norm = nn.BatchNorm1d(64, track_running_stats=False)
            setattr(model, f"norm{layer}", norm)
    return model


def hidden_scale_and_rate(factor: float) -> pd.DataFrame:
    """Train 3 networks of ten layers for 300 steps at each of nine rates, the output at He's.

    Parameters
    ----------
    factor : float
        Of He's standard deviation, in the hidden layers alone.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``lr``, ``seed``, ``loss``, ``test_accuracy``.
    """
    build = functools.partial(scaled_network, factor, 1.0)
    rates, options = half_decades(-3, 1), {"steps": 300, "evaluate_start": False}
    table = sweep(build, data.digits(), lrs=rates, seeds=range(3), **options)
    return table[["lr", "seed", "loss", "test_accuracy"]]


def _at_tuned_rate(build, rates, number, *, criterion=None, **options):
    how = {} if criterion is None else {"criterion": criterion}
    chosen = tune(build, data.digits(), lrs=rates, seeds=TUNING, **how, **options).lr
    return sweep(build, data.digits(), lrs=[chosen], seeds=range(number), **options)


def scaled_and_tuned(
    hidden: float, output: float, frozen: bool, optimizer: str, least: int
) -> pd.DataFrame:
    """Train 10 networks of ten layers for 300 steps, at the learning rate that `tune` finds.

    Parameters
    ----------
    hidden, output, frozen
        As in `scaled_network`.
    optimizer : {"SGD", "Adam"}
        The optimizer.
    least : int
        Base-2 logarithm of the smallest of seven rates, each twice the one before.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``lr``, ``seed``, ``loss``, ``test_accuracy``.
    """
    build = functools.partial(scaled_network, hidden, output, frozen=frozen)
    options = {"steps": 300, "evaluate_start": False, "optimizer": getattr(torch.optim, optimizer)}
    rates = [2.0**k for k in range(least, least + 7)]
    table = _at_tuned_rate(build, rates, 10, **options)
    return table[["lr", "seed", "loss", "test_accuracy"]]


def first_steps(hidden: float, output: float, own_batch: bool) -> pd.DataFrame:
    """Train 20 networks of ten layers for 200 steps, at the rate that gets 90 % right soonest.

    `tune` tries fourteen rates, from 1/4096 to 2.

    Parameters
    ----------
    hidden, output, own_batch
        As in `scaled_network`.

    Returns
    -------
    pandas.DataFrame
        A row for each network and every tenth step: ``lr``, ``seed``, ``step``, ``test_accuracy``.
    """
    build = functools.partial(scaled_network, hidden, output, own_batch=own_batch)
    options = {"steps": 200, "evaluate_every": 10, "evaluate_start": False}
    rates = [2.0**k for k in range(-12, 2)]
    table = _at_tuned_rate(build, rates, 20, criterion=steps_until(0.9), **options)
    return table[["lr", "seed", "step", "test_accuracy"]]


def small_batches(batch_size: int, hidden: float, output: float, least: int) -> pd.DataFrame:
    """Train 20 networks of five layers on three times all training images, at a tuned rate.

    Parameters
    ----------
    batch_size : int
        Images a step.
    hidden, output
        As in `scaled_network`.
    least : int
        Base-2 logarithm of the smallest of eight rates, each twice the one before.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``lr``, ``seed``, ``loss``, ``test_accuracy``.
    """
    build = functools.partial(scaled_network, hidden, output, depth=5)
    steps = 3 * (len(data.digits().x_train) // batch_size)
    options = {"steps": steps, "batch_size": batch_size, "evaluate_start": False}
    rates = [2.0**k for k in range(least, least + 8)]
    table = _at_tuned_rate(build, rates, 20, **options)
    return table[["lr", "seed", "loss", "test_accuracy"]]


def hidden_faster(times: float, groups: list[dict]) -> torch.optim.SGD:
    """Return gradient descent for a stack of such networks with larger rates for hidden weights.

    Parameters
    ----------
    times : float
        The rate of the hidden weights, in units of that of all else.
    groups : list of dict
        What `train_ensemble` gives an optimizer.

    Returns
    -------
    torch.optim.SGD
        With a group for each tensor.
    """
    return torch.optim.SGD(
        [
            {"params": [part], "lr": group["lr"] * (times if part.shape[1:] == (64, 64) else 1)}
            for group in groups
            for part in group["params"]
        ]
    )


def scaled_at_two_rates(hidden: float, output: float, times: float, lr: float) -> pd.DataFrame:
    """Train 10 networks of ten layers for 300 steps of gradient descent.

    Parameters
    ----------
    hidden, output
        As in `scaled_network`.
    times : float
        The rate of the hidden weights, in units of that of all else.
    lr : float
        The rate of all else.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``seed``, ``loss``, ``test_accuracy``.
    """
    models = [scaled_network(hidden, output, seed) for seed in range(10)]
    return last_step(models, lr, 300, optimizer=functools.partial(hidden_faster, times))


def first_steps_at_two_rates(hidden: float, output: float, times: float) -> pd.DataFrame:
    """Train as in `first_steps`, with running averages, at rates from 1/256 to 32.

    Parameters
    ----------
    hidden, output
        As in `scaled_network`.
    times : float
        The rate of the hidden weights, in units of that of all else.

    Returns
    -------
    pandas.DataFrame
        As in `first_steps`; ``lr`` is the rate of all else.
    """
    build = functools.partial(scaled_network, hidden, output)
    options = {"steps": 200, "evaluate_every": 10, "evaluate_start": False}
    options["optimizer"] = functools.partial(hidden_faster, times)
    rates = [2.0**k for k in range(-8, 6)]
    table = _at_tuned_rate(build, rates, 20, criterion=steps_until(0.9), **options)
    return table[["lr", "seed", "step", "test_accuracy"]]


def small_batches_at_two_rates(
    batch_size: int, hidden: float, output: float, times: float, least: int
) -> pd.DataFrame:
    """Train as in `small_batches`, with another rate for the hidden weights.

    Parameters
    ----------
    batch_size, hidden, output, least
        As in `small_batches`.
    times : float
        The rate of the hidden weights, in units of that of all else.

    Returns
    -------
    pandas.DataFrame
        As in `small_batches`; ``lr`` is the rate of all else.
    """
    build = functools.partial(scaled_network, hidden, output, depth=5)
    steps = 3 * (len(data.digits().x_train) // batch_size)
    options = {"steps": steps, "batch_size": batch_size, "evaluate_start": False}
    options["optimizer"] = functools.partial(hidden_faster, times)
    rates = [2.0**k for k in range(least, least + 8)]
    table = _at_tuned_rate(build, rates, 20, **options)
    return table[["lr", "seed", "loss", "test_accuracy"]]


def _tuned(hidden, output, frozen, optimizer, least):
    return dict(hidden=hidden, output=output, frozen=frozen, optimizer=optimizer, least=least)


GRIDS = {
    scaled_and_tuned: [
        _tuned(1.0, 1.0, False, "SGD", -5),
        _tuned(HUGE, 1.0, False, "SGD", -3),
        _tuned(HUGE, 1.0, True, "SGD", -3),
        _tuned(1.0, HUGE, False, "SGD", -9),
        _tuned(HUGE, HUGE, False, "SGD", -8),
        _tuned(1.0, 1.0, False, "Adam", -10),
        _tuned(HUGE, 1.0, False, "Adam", -8),
        _tuned(HUGE, HUGE, False, "Adam", -6),
    ],
    first_steps: [
        {"hidden": hidden, "output": output, "own_batch": own_batch}
        for hidden, output in ((1.0, 1.0), (SMALL, SMALL), (SMALL, 1.0), (1.0, SMALL))
        for own_batch in (False, True)
    ],
    small_batches: [
        {"batch_size": batch_size, "hidden": hidden, "output": output, "least": least}
        for batch_size, least in ((4, -8), (16, -6))
        for hidden, output in ((1.0, 1.0), (32**0.5, 32**0.5), (32**0.5, 1.0))
    ],
    first_steps_at_two_rates: [
        {"hidden": WIDE, "output": 1.0, "times": 1},
        {"hidden": WIDE, "output": 1.0, "times": 32},
        {"hidden": WIDE, "output": WIDE, "times": 1},
    ],
    small_batches_at_two_rates: [
        {"batch_size": 4, "hidden": WIDE, "output": 1.0, "times": 32, "least": -8},
    ],
    scaled_at_two_rates: [
        {"hidden": HUGE, "output": HUGE, "times": times, "lr": 2.0**-7} for times in (1, HUGE**2)
    ],
    hidden_scale_and_rate: product(factor=half_decades(-3, 3)),
}
