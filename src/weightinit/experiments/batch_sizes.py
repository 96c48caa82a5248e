"""Normalizations with batches of two to 256 images (chapter 6)."""

import pandas as pd

from weightinit import data
from weightinit.experiments.last_rows import last_step
from weightinit.experiments.rates import half_decades
from weightinit.experiments.relu_starts import he_times, relu_network
from weightinit.grids import product


def batch_size_and_rate(
    normalization: str, factor: float, batch_size: int, lr: float
) -> pd.DataFrame:
    """Train 5 networks of five ReLU layers of 64 units on six times all training images.

    Parameters
    ----------
    normalization : {"batch", "layer", "group"}
        Before each activation.
    factor : float
        Of He's standard deviation.
    batch_size : int
        Images a step.
    lr : float
        The learning rate.

    Returns
    -------
    pandas.DataFrame
        A row for each network: its ``seed``, ``loss`` and ``test_accuracy`` at the end.
    """
    options = {"depth": 5, "normalization": normalization}
    models = [relu_network(he_times(factor), seed, **options) for seed in range(5)]
    steps = 6 * (len(data.digits().x_train) // batch_size)
    return last_step(models, lr, steps, batch_size=batch_size)


GRIDS = {
    batch_size_and_rate: product(
        normalization=["batch", "layer", "group"],
        factor=[1.0, 32**0.5],  # He; N(0, 1)
        batch_size=[2, 4, 8, 16, 64, 256],
        lr=half_decades(-2, 0),
    ),
}
