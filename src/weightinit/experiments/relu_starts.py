"""Ten ReLU layers, from many starts and at many rates (chapter 5)."""

import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.experiments.rates import RATES
from weightinit.grids import product
from weightinit.training import train_ensemble


def relu_network(
    scheme: str | initializers.Scheme, seed: int, *, depth: int = 10, **options
) -> nn.Sequential:
    """Build ReLU layers of 64 units in float32, which start from a scheme.

    Parameters
    ----------
    scheme : str or initializers.Scheme
        Besides those of `initializers.SCHEMES`: ``"orthogonal"``, scaled for ReLU; ``"small"``,
        N(0, 0.01^2); and ``"default"``, what PyTorch does by itself.
    seed : int
        Of the weights.
    depth : int
        How many layers.
    **options
        Go to `networks.mlp`.

    Returns
    -------
    torch.nn.Sequential
        The network, for the 64 pixels and 10 classes of the digits.

    Examples
    --------
    >>> relu_network("small", seed=0).linear5.weight.std() < 0.011
    tensor(True)
    """
    model = networks.mlp(depth, 64, "relu", dtype=torch.float32, seed=seed, **options)
    if scheme == "orthogonal":
        initializers.initialize(model, scheme, scale=2.0, seed=seed)
    elif scheme == "small":
        initializers.initialize(model, "normal", std=0.01, seed=seed)
    elif scheme != "default":
        initializers.initialize(model, scheme, seed=seed)
    return model


def scheme_and_rate(scheme: str, lr: float) -> pd.DataFrame:
    """Train 25 ReLU networks from one scheme at one learning rate, for 600 steps.

    ``steps_to_90``: the first step, of every twentieth, at which 90 % of the test images are right.

    Examples
    --------
    >>> int(scheme_and_rate("small", lr=0.1)["steps_to_90"].count())
    0
    """
    models = [relu_network(scheme, seed) for seed in range(25)]
    table = train_ensemble(models, data.digits(), lrs=[lr] * 25, steps=600, evaluate_every=20)
    rows = table[table["step"] == 600].set_index("member")
    right = table[table["test_accuracy"] >= 0.9]
    rows["steps_to_90"] = right.groupby("member")["step"].min()
    rows.index.name = "seed"
    return rows[["steps_to_90", "loss", "test_accuracy"]].reset_index()


def he_times(factor: float) -> initializers.Scheme:
    """Return He's rule with ``factor`` times its standard deviation.

    Parameters
    ----------
    factor : float
        1 is He's rule itself.

    Returns
    -------
    initializers.Scheme
        Of variance 2 factor^2 / fan_in.

    Examples
    --------
    >>> he_times(10).variance(64, 64) * 64
    200.0
    """
    return initializers.Scheme("scaled", 2.0 * factor**2, "fan_in", "normal")


SCHEMES = ["he_normal", "he_uniform", "orthogonal", "xavier_normal", "lecun_normal"]
GRIDS = {
    scheme_and_rate: product(scheme=[*SCHEMES, "default", "small"], lr=RATES),
}
