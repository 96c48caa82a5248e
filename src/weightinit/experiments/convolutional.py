"""Ten convolutional layers, with and without batch normalization (chapter 6)."""

import pandas as pd
import torch

from weightinit import initializers, networks
from weightinit.experiments.last_rows import last_step
from weightinit.experiments.rates import half_decades
from weightinit.grids import product


def convolutions(scheme: str, normalization: str | None, lr: float) -> pd.DataFrame:
    """Train 5 networks of ten convolutions with 8 channels for 200 steps of gradient descent.

    Parameters
    ----------
    scheme : str
        Of `initializers.SCHEMES`, or ``"default"``, what PyTorch does by itself.
    normalization : {None, "batch"}
        Before each ReLU.
    lr : float
        The learning rate.

    Returns
    -------
    pandas.DataFrame
        A row for each network: its ``seed``, ``loss`` and ``test_accuracy`` at the end.
    """
    models = []
    for seed in range(5):
        model = networks.convnet(
            10, 8, "relu", normalization=normalization, dtype=torch.float32, seed=seed
        )
        if scheme != "default":
            initializers.initialize(model, scheme, seed=seed)
        models.append(model)
    return last_step(models, lr, 200)


GRIDS = {
    convolutions: product(
        scheme=["he_normal", "xavier_normal", "default"],
        normalization=[None, "batch"],
        lr=half_decades(-2.5, 0.5),
    ),
}
