"""Deep tanh layers next to the critical line, with orthogonal weights (chapter 5)."""

import functools

import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.training import sweep

SIGMA_B2 = 0.05


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


def orthogonal_at_depth(depth: int, sigma_w2: float) -> pd.DataFrame:
    """Train orthogonal weights as `depth_and_scale` trains Gaussian ones: 3 of its rates, 5 seeds.

    Examples
    --------
    >>> table = orthogonal_at_depth(depth=2, sigma_w2=1.8)
    >>> len(table), bool((table[table["lr"] == 0.01]["train_accuracy"] > 0.5).all())
    (15, True)
    """
    table = sweep(
        functools.partial(tanh_network, "orthogonal", depth, sigma_w2),
        data.digits(),
        lrs=[0.001, 0.003, 0.01],
        seeds=[0, 1, 2, 5, 6],
        steps=300,
        evaluate_start=False,
    )
    return table[["lr", "seed", "train_accuracy", "test_accuracy"]]


GRIDS = {orthogonal_at_depth: [{"depth": 128, "sigma_w2": 1.76}]}
