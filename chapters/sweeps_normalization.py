"""Chapter 6's long experiments: each function trains five or ten networks, one cell of its grid."""

import pandas as pd
import torch
from sweeps_starts import he_times, relu_network
from torch import nn

from weightinit import data, initializers, networks
from weightinit.training import train_ensemble


def last_step(models: list[nn.Module], lr: float, steps: int, **options) -> pd.DataFrame:
    """Train networks at one rate and return how they end, one row for each."""
    rates = [lr] * len(models)
    table = train_ensemble(
        models, data.digits(), lrs=rates, steps=steps, evaluate_start=False, **options
    )
    rows = table[table["step"] == steps].rename(columns={"member": "seed"})
    return rows[["seed", "loss", "test_accuracy"]]


def std_and_normalization(normalization: str | None, factor: float, lr: float) -> pd.DataFrame:
    """Train 5 ReLU networks for 300 steps, from He's standard deviation times ``factor``."""
    models = [
        relu_network(he_times(factor), seed, normalization=normalization) for seed in range(5)
    ]
    return last_step(models, lr, 300)


def normalized_scheme_and_rate(scheme: str, place: str, lr: float) -> pd.DataFrame:
    """Train 10 ReLU networks with batch normalization for 600 steps.

    ``steps_to_90`` as in `scheme_and_rate`.
    """
    options = {"normalization": "batch", "place": place}
    models = [relu_network(scheme, seed, **options) for seed in range(10)]
    table = train_ensemble(models, data.digits(), lrs=[lr] * 10, steps=600, evaluate_every=20)
    rows = table[table["step"] == 600].set_index("member").rename_axis("seed")
    rows["steps_to_90"] = table[table["test_accuracy"] >= 0.9].groupby("member")["step"].min()
    return rows[["steps_to_90", "loss", "test_accuracy"]].reset_index()


def convolutions(scheme: str, normalization: str | None, lr: float) -> pd.DataFrame:
    """Train 5 networks of ten convolutions with 8 channels for 200 steps."""
    models = []
    for seed in range(5):
        model = networks.convnet(
            10, 8, "relu", normalization=normalization, dtype=torch.float32, seed=seed
        )
        if scheme != "default":
            initializers.initialize(model, scheme, seed=seed)
        models.append(model)
    return last_step(models, lr, 200)


def late_normalization(
    activation: str, scheme: initializers.Scheme, first: int, seed: int, dtype=torch.float64
) -> nn.Sequential:
    """Build ten layers of 64 units, of which the ``first`` ones are not normalized.

    ``scheme`` starts these; the others start from He's rule.

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
    """Train 5 networks whose ``first`` layers start at ``factor`` times He's std, 300 steps.

    With ``first=0`` all layers are normalized and none starts elsewhere.
    """
    models = [
        late_normalization(activation, he_times(factor), first, seed, torch.float32)
        for seed in range(5)
    ]
    return last_step(models, lr, 300)


def batch_size_and_rate(
    normalization: str, factor: float, batch_size: int, lr: float
) -> pd.DataFrame:
    """Train 5 networks of five ReLU layers on six times all images, in batches of some size."""
    models = []
    for seed in range(5):
        model = networks.mlp(
            5, 64, "relu", normalization=normalization, dtype=torch.float32, seed=seed
        )
        initializers.initialize(model, he_times(factor), seed=seed)
        models.append(model)
    steps = 6 * (len(data.digits().x_train) // batch_size)
    return last_step(models, lr, steps, batch_size=batch_size)
