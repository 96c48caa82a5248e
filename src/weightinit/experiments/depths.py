"""How deep plain tanh networks train, by the variance of their weights (chapter 5)."""

import pandas as pd
import torch

from weightinit import data, initializers, networks
from weightinit.grids import product
from weightinit.training import train_ensemble


def depth_and_scale(depth: int, sigma_w2: float) -> pd.DataFrame:
    """Train plain tanh networks of one depth and weight variance: 5 learning rates, 8 seeds.

    64 units a layer, biases of variance 0.05, 300 steps of gradient descent.

    Examples
    --------
    >>> table = depth_and_scale(depth=2, sigma_w2=1.8)
    >>> len(table), bool((table[table["lr"] == 0.03]["train_accuracy"] > 0.9).all())
    (40, True)
    """
    members = [(lr, seed) for lr in (0.001, 0.003, 0.01, 0.03, 0.1) for seed in range(8)]
    models = []
    for _, seed in members:
        model = networks.mlp(depth, 64, "tanh", dtype=torch.float32)
        rule = initializers.Scheme("tanh", sigma_w2, "fan_in", "normal")
        initializers.initialize(model, rule, seed=seed)
        generator = torch.Generator().manual_seed(1000 + seed)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith("bias"):
                    parameter.normal_(0, 0.05**0.5, generator=generator)
        models.append(model)
    lrs = [lr for lr, _ in members]
    table = train_ensemble(models, data.digits(), lrs=lrs, steps=300, evaluate_start=False)
    table["seed"] = table["member"].map(lambda member: members[member][1])
    return table[["lr", "seed", "train_accuracy", "test_accuracy"]]


GRIDS = {
    depth_and_scale: product(
        depth=[4, 8, 12, 16, 24, 32, 48, 64, 96, 128],
        sigma_w2=[1.0, 1.2, 1.4, 1.6, 1.76, 2.0, 2.3, 2.6, 3.0, 3.5, 4.0],
    ),
}
