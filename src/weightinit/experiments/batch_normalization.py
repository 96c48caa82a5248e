"""What batch normalization makes of a start: the whole network or its last layers (chapter 6)."""

import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.experiments.last_rows import last_step
from weightinit.experiments.rates import LARGE_RATES, half_decades
from weightinit.experiments.relu_starts import he_times, relu_network
from weightinit.grids import product
from weightinit.training import train_ensemble


def std_and_normalization(normalization: str | None, factor: float, lr: float) -> pd.DataFrame:
    """Train 5 ReLU networks for 300 steps, from He's standard deviation times ``factor``."""
    models = [
        relu_network(he_times(factor), seed, normalization=normalization) for seed in range(5)
    ]
    return last_step(models, lr, 300)


def other_eps_and_rate(factor: float, eps: float, lr: float) -> pd.DataFrame:
    """Train as `std_and_normalization` with batch normalization, but with another epsilon."""
    models = [relu_network(he_times(factor), seed, normalization="batch") for seed in range(5)]
    for model in models:
        for layer in model:
            if isinstance(layer, nn.BatchNorm1d):
                layer.eps = eps
    return last_step(models, lr, 300)


def normalized_scheme_and_rate(scheme: str, place: str, lr: float) -> pd.DataFrame:
    """Train 10 ReLU networks with batch normalization for 600 steps of gradient descent.

    Parameters
    ----------
    scheme : str
        As in `relu_network`.
    place : {"before", "after"}
        Where the normalization stands: before or after the activation.
    lr : float
        The learning rate.

    Returns
    -------
    pandas.DataFrame
        A row for each network: its ``seed``, ``steps_to_90`` as in `scheme_and_rate`, ``loss`` and
        ``test_accuracy`` at the end.
    """
    options = {"normalization": "batch", "place": place}
    models = [relu_network(scheme, seed, **options) for seed in range(10)]
    table = train_ensemble(models, data.digits(), lrs=[lr] * 10, steps=600, evaluate_every=20)
    rows = table[table["step"] == 600].set_index("member").rename_axis("seed")
    rows["steps_to_90"] = table[table["test_accuracy"] >= 0.9].groupby("member")["step"].min()
    return rows[["steps_to_90", "loss", "test_accuracy"]].reset_index()


def late_normalization(
    activation: str, scheme: initializers.Scheme, first: int, seed: int, dtype=torch.float64
) -> nn.Sequential:
    """Build ten layers of 64 units with batch normalization in all but the first.

    Parameters
    ----------
    activation : str
        The name of an activation.
    scheme : initializers.Scheme
        Starts the layers that are not normalized; the others start from He's rule.
    first : int
        How many layers are not normalized.
    seed : int
        Of the weights.
    dtype : torch.dtype
        Of the weights.

    Returns
    -------
    torch.nn.Sequential
        The network; its first normalizations are `torch.nn.Identity`.

    Examples
    --------
    >>> model = late_normalization("tanh", he_times(0.1), first=1, seed=0)
    >>> model.norm1, model.norm2.num_features
    (Identity(), 64)
    """
    model = networks.mlp(10, 64, activation, normalization="batch", dtype=dtype)
    initializers.initialize(model, "he_normal", seed=seed)
    generator = torch.Generator().manual_seed(1000 + seed)
    for layer in range(1, first + 1):
        setattr(model, f"norm{layer}", nn.Identity())
        linear = model.get_submodule(f"linear{layer}")
        initializers.fill_(linear, scheme, generator=generator)
    return model


def first_layers_and_rate(activation: str, first: int, factor: float, lr: float) -> pd.DataFrame:
    """Train 5 networks of `late_normalization` in float32 for 300 steps of gradient descent.

    Parameters
    ----------
    activation : str
        The name of an activation.
    first : int
        How many layers are not normalized; with 0, none starts elsewhere.
    factor : float
        Of He's standard deviation, in these layers.
    lr : float
        The learning rate.

    Returns
    -------
    pandas.DataFrame
        A row for each network: its ``seed``, ``loss`` and ``test_accuracy`` at the end.
    """
    models = [
        late_normalization(activation, he_times(factor), first, seed, torch.float32)
        for seed in range(5)
    ]
    return last_step(models, lr, 300)


GRIDS = {
    std_and_normalization: [
        *product(normalization=[None, "batch"], factor=half_decades(-3, 3), lr=half_decades(-3, 1)),
        # N(0, 10^2)
        *product(normalization=["batch"], factor=[10 * 32**0.5], lr=half_decades(-3, 3)),
        # A ReLU network of ten layers of weights a times as long bears rates a^9 times as small.
        *(
            {"normalization": None, "factor": factor, "lr": float(f"{lr * factor**-9:.3g}")}
            for factor in half_decades(0.5, 3)
            for lr in half_decades(-3.5, -0.5)
        ),
        # So that the best rate of large normalized networks does not stand at the edge
        *product(
            normalization=["batch"],
            factor=half_decades(2, 3),
            lr=half_decades(-4, -3.5),
        ),
    ],
    other_eps_and_rate: product(factor=[0.001], eps=[1e-12], lr=half_decades(-1, 0)),
    normalized_scheme_and_rate: [
        *product(
            scheme=["he_normal", "xavier_normal", "default", "small"],
            place=["before"],
            lr=LARGE_RATES,
        ),
        *product(scheme=["he_normal"], place=["after"], lr=LARGE_RATES),
    ],
    first_layers_and_rate: [
        *product(
            activation=["relu", "tanh"],
            first=[5],
            factor=[0.01, 0.1, 1.0, 10.0, 100.0],
            lr=half_decades(-3, 1),
        ),
        *product(activation=["relu", "tanh"], first=[0], factor=[1.0], lr=half_decades(-3, 1)),
        *product(activation=["relu"], first=[1], factor=[0.1], lr=half_decades(-3, 1)),
        *product(activation=["tanh"], first=[1], factor=[10.0], lr=half_decades(-3, 1)),
    ],
}
