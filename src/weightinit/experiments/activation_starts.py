"""Thirty layers of one activation or another, each with a start of its own (chapter 3)."""

import dataclasses
import functools

import numpy as np
import pandas as pd
import torch
from torch import nn

from weightinit import activations, data, initializers, networks, theory
from weightinit.grids import product
from weightinit.training import BestRateAtEdge, sweep, tune

DEPTH, WIDTH, LARGE_Q = 30, 64, 10.0


# name: (activation, the constant that is taken off, base-2 logarithm of the least learning rate)
LOWERED = {"sigmoid - 1/2": ("sigmoid", 0.5, -6), "softplus - 0.806": ("softplus", 0.806, -9)}


def _activation(name: str) -> activations.Activation:
    if name in LOWERED:
        return activations.lowered(*LOWERED[name][:2], name)
    if name.startswith("leaky_relu("):
        return activations.from_module(nn.LeakyReLU(float(name[11:-1])))
    return activations.get(name)


def thirty_layers(activation: str, start: str, seed: int) -> nn.Sequential:
    """Build thirty layers of 64 units.

    Parameters
    ----------
    activation : str
        A registered name, ``"leaky_relu(0.7)"`` with any slope, or one of `LOWERED`.
    start : str
        ``"own"``: the weights that keep q = 1. ``"he"``: He's factor 2, from q = 1 on. ``"he, q =
        10"``: from q = 10 on. ``"critical"``: weights and biases on the critical line, at q = 10.
        ``"cancelled"``, for the sigmoid: the weights that keep q = 1 without the mean of 1/2, and
        biases that cancel it.
    seed : int
        Of weights and biases.

    Returns
    -------
    torch.nn.Sequential
        The network, in single precision.

    Examples
    --------
    >>> thirty_layers("leaky_relu(0.7)", "own", seed=0).act1
    LeakyReLU(negative_slope=0.7)
    """
    phi = _activation(activation)
    q, sigma_b2 = LARGE_Q if start in ("he, q = 10", "critical") else 1.0, 0.0
    if start == "critical":
        sigma_w2, sigma_b2 = theory.critical_line(phi, q)
    elif start == "cancelled":
        sigma_w2 = theory.gain(activations.lowered("sigmoid", 0.5)) ** 2
    else:
        sigma_w2 = theory.gain(phi) ** 2 if start == "own" else 2.0
    model = networks.mlp(DEPTH, WIDTH, phi, dtype=torch.float32)
    rule = initializers.Scheme(start, sigma_w2, "fan_in", "normal")
    initializers.initialize(model, rule, seed=seed)
    generator = torch.Generator().manual_seed(seed + 1000)
    with torch.no_grad():
        model.linear1.weight *= ((q - sigma_b2) / sigma_w2) ** 0.5  # the images' mean square is 1
        for layer in range(1, DEPTH + 1):
            weight, bias = model.get_submodule(f"linear{layer}").parameters()
            bias.normal_(0.0, sigma_b2**0.5, generator=generator)
            if start == "cancelled" and layer > 1:
                bias -= 0.5 * weight.sum(dim=1)
    return model


def images_with(shared: float) -> data.Digits:
    """Return the digits, a share of each one's mean square taken by a pattern common to all.

    Examples
    --------
    >>> bool(np.allclose(images_with(0.0).x_train, data.digits().x_train))
    True
    """
    digits = data.digits()
    pattern = np.sign(np.random.default_rng(0).standard_normal(digits.x_train.shape[1]))
    x_train, x_test = (
        np.sqrt(1 - shared) * x + np.sqrt(shared) * pattern for x in (digits.x_train, digits.x_test)
    )
    return dataclasses.replace(digits, x_train=x_train, x_test=x_test)


def activation_and_start(activation: str, start: str, shared: float, steps: int) -> pd.DataFrame:
    """Train 20 networks with plain gradient descent, at the learning rate that `tune` finds.

    It tries seven rates, each twice the one before, on three networks of their own. Where the best
    one stands at the edge, as where none leads away from guessing, five networks are trained at
    every rate.

    Parameters
    ----------
    activation, start
        As in `thirty_layers`.
    shared : float
        As in `images_with`.
    steps : int
        The budget, for the choice of the rate, too.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``lr``, ``seed``, ``loss``, ``test_accuracy``.
    """
    digits = images_with(shared)
    build = functools.partial(thirty_layers, activation, start)
    least = LOWERED.get(activation, (None, None, -9))[2]
    if activation == "sigmoid" and start == "own":
        least = -3
    if shared > 0:
        least = -12
    options = {"steps": steps, "evaluate_start": False}
    rates = [2.0**k for k in range(least, least + 7)]
    try:
        chosen = tune(build, digits, lrs=rates, seeds=range(100, 103), **options).lr
        table = sweep(build, digits, lrs=[chosen], seeds=range(20), **options)
    except BestRateAtEdge:
        table = sweep(build, digits, lrs=rates, seeds=range(5), **options)
    return table[["lr", "seed", "loss", "test_accuracy"]]


GRIDS = {
    activation_and_start: [
        *product(
            activation=["leaky_relu(0.7)", "relu", "sigmoid - 1/2"],
            start=["own"],
            shared=[0.0],
            steps=[100, 300],
        ),
        *product(activation=["leaky_relu(0.7)"], start=["own"], shared=[0.93], steps=[100, 300]),
        *product(
            activation=["gelu", "silu"],
            start=["own", "he", "he, q = 10", "critical"],
            shared=[0.0],
            steps=[100, 300],
        ),
        *product(activation=["sigmoid"], start=["cancelled"], shared=[0.0], steps=[100, 300]),
        *product(
            activation=[
                *("leaky_relu(1.0)", "leaky_relu(0.5)", "leaky_relu(0.25)", "sigmoid"),
                *("tanh", "elu", "selu"),
            ],
            start=["own"],
            shared=[0.0],
            steps=[100, 300],
        ),
    ],
}
