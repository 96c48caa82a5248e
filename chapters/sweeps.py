"""Experiments that take longer than a chapter may: computed by `make sweeps`, kept in `results`.

Each function is one cell of a grid: some ten networks, trained at once. `results` gives the table
of a whole grid, read from its file as far as that holds it. Delete the file to compute all of it
again.
"""

import functools
from dataclasses import replace
from pathlib import Path

import joblib
import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.grids import product, run_grid
from weightinit.training import train, train_ensemble

RESULTS = Path(__file__).parent / "results"
RATES = [round(10 ** (quarter / 4), 5) for quarter in range(-10, 2)]  # quarters of a decade
LARGE_RATES = [*RATES, *(round(10 ** (quarter / 4), 5) for quarter in range(2, 7))]


def half_decades(low: float, high: float) -> list[float]:
    """Return powers of the root of ten, from ``10 ** low`` to ``10 ** high``.

    Examples
    --------
    >>> half_decades(-1, 0.5)
    [0.1, 0.31623, 1.0, 3.16228]
    """
    return [round(10 ** (half / 2), 5) for half in range(round(2 * low), round(2 * high) + 1)]


def depth_and_scale(depth: int, sigma_w2: float) -> pd.DataFrame:
    """Train plain tanh networks of one depth and weight variance: 2 learning rates, 5 seeds.

    64 units a layer, biases of variance 0.05, 300 steps of gradient descent.

    Examples
    --------
    >>> table = depth_and_scale(depth=2, sigma_w2=1.8)
    >>> len(table), bool((table["train_accuracy"] > 0.3).all())
    (10, True)
    """
    members = [(lr, seed) for lr in (0.005, 0.02) for seed in range(5)]
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


def relu_network(scheme: str | initializers.Scheme, seed: int, **options) -> nn.Sequential:
    """Build ten ReLU layers of 64 units, which start from a scheme.

    Besides those of `initializers.SCHEMES`: ``"orthogonal"``, scaled for ReLU; ``"small"``,
    N(0, 0.01^2); and ``"default"``, what PyTorch does by itself. ``options`` go to `networks.mlp`.

    Examples
    --------
    >>> relu_network("small", seed=0).linear5.weight.std() < 0.011
    tensor(True)
    """
    model = networks.mlp(10, 64, "relu", dtype=torch.float32, seed=seed, **options)
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


def scale_and_rate(scale: float, lr: float) -> pd.DataFrame:
    """Train 5 such networks for 300 steps, from He's variance times a factor.

    Examples
    --------
    >>> bool(scale_and_rate(1e-3, lr=0.1)["test_accuracy"].max() < 0.2)
    True
    """
    rule = initializers.Scheme("scaled", 2.0 * scale, "fan_in", "normal")
    models = [relu_network(rule, seed) for seed in range(5)]
    table = train_ensemble(models, data.digits(), lrs=[lr] * 5, steps=300, evaluate_start=False)
    return table.rename(columns={"member": "seed"})[["seed", "loss", "test_accuracy"]]


def thousand_layers(rule: str, seed: int) -> nn.Sequential:
    """Build 1,000 tanh layers of 64 units, with orthogonal or Gaussian weights of variance 1/64.

    The signal arrives with an RMS of about 1/45, so the weights of the output are made 30 times as
    large.

    Examples
    --------
    >>> len(thousand_layers("orthogonal", seed=0))
    2001
    """
    model = networks.mlp(1000, 64, "tanh", bias=False, dtype=torch.float32)
    initializers.initialize(model, rule, seed=seed)
    with torch.no_grad():
        model.output.weight.mul_(30)
    return model


def faint_digits(size: float = 0.3) -> data.Digits:
    """Return the digits without the mean of each pixel, and smaller: tanh is nearly a line there.

    Examples
    --------
    >>> float(abs(faint_digits().x_train.mean(axis=0)).max().round(9))
    0.0
    """
    digits = data.digits()
    mean = digits.x_train.mean(axis=0)
    x_train, x_test = size * (digits.x_train - mean), size * (digits.x_test - mean)
    return replace(digits, x_train=x_train, x_test=x_test)


def rule_and_optimizer(rule: str, optimizer: str, lr: float, seed: int) -> pd.DataFrame:
    """Train 1,000 layers for 60 steps; ``optimizer`` is the name of one of PyTorch's."""
    made = functools.partial(getattr(torch.optim, optimizer), lr=lr)
    run = train(
        thousand_layers(rule, seed), faint_digits(), steps=60, optimizer=made, evaluate_every=10
    )
    return run.history[["step", "loss", "test_accuracy"]]


def start_and_optimizer(start: str, optimizer: str, lr: float) -> pd.DataFrame:
    """Train 5 networks of thirty ReLU layers for 200 steps; SGD has a momentum of 0.9."""
    digits = data.digits()
    models = [networks.mlp(30, 64, "relu", dtype=torch.float32) for _ in range(5)]
    for seed, model in enumerate(models):
        if start == "lsuv":
            initializers.lsuv(model, digits.tensors(torch.float32)[0][:256], seed=seed)
        else:
            initializers.initialize(model, start, seed=seed)
    made = functools.partial(torch.optim.SGD, momentum=0.9)
    if optimizer == "Adam":
        made = torch.optim.Adam
    table = train_ensemble(
        models, digits, lrs=[lr] * 5, steps=200, optimizer=made, evaluate_every=20
    )
    return table.rename(columns={"member": "seed"})[["seed", "step", "loss", "test_accuracy"]]


def hundred_blocks(branch: float, seed: int, dtype=torch.float64) -> nn.Sequential:
    """Build 100 residual blocks, x + W relu(x), with weights of He's rule times ``branch``.

    Examples
    --------
    >>> hundred_blocks(0.0, seed=0)[50][1].weight.count_nonzero()
    tensor(0)
    """
    model = nn.Sequential(nn.Linear(64, 32, dtype=dtype))
    for _ in range(100):
        model.append(networks.Residual(nn.ReLU(), nn.Linear(32, 32, dtype=dtype)))
    model.append(nn.Linear(32, 10, dtype=dtype))
    initializers.initialize(model, "lecun_normal", seed=seed)
    with torch.no_grad():
        for block in model[1:-1]:
            block[1].weight.mul_(2**0.5 * branch)
    return model


def branch_and_rate(branch: float, lr: float) -> pd.DataFrame:
    """Train 5 such networks for 100 steps of gradient descent."""
    models = [hundred_blocks(branch, seed, torch.float32) for seed in range(5)]
    table = train_ensemble(models, data.digits(), lrs=[lr] * 5, steps=100, evaluate_every=10)
    return table.rename(columns={"member": "seed"})[["seed", "step", "loss", "test_accuracy"]]


def he_times(factor: float) -> initializers.Scheme:
    """Return He's rule with ``factor`` times its standard deviation.

    Examples
    --------
    >>> he_times(10).variance(64, 64) * 64
    200.0
    """
    return initializers.Scheme("scaled", 2.0 * factor**2, "fan_in", "normal")


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


SCHEMES = ["he_normal", "he_uniform", "orthogonal", "xavier_normal", "lecun_normal"]
GRIDS = {
    depth_and_scale: product(
        depth=[4, 8, 12, 16, 24, 32, 48, 64, 96, 128],
        sigma_w2=[1.0, 1.2, 1.4, 1.6, 1.76, 2.0, 2.3, 2.6, 3.0, 3.5, 4.0],
    ),
    scale_and_rate: product(scale=[round(2 ** (half / 2), 4) for half in range(-6, 7)], lr=RATES),
    rule_and_optimizer: [
        *product(rule=["orthogonal"], optimizer=["SGD"], lr=[1e-3], seed=range(5)),
        *product(rule=["lecun_normal"], optimizer=["SGD"], lr=[1e-5, 1e-3, 0.1, 10], seed=range(5)),
        *product(rule=["lecun_normal"], optimizer=["Adam"], lr=[1e-5, 1e-4, 1e-3], seed=range(5)),
    ],
    start_and_optimizer: [
        *product(start=["he_normal", "lsuv"], optimizer=["SGD"], lr=[1e-3, 3e-3, 1e-2]),
        *product(start=["xavier_normal"], optimizer=["SGD"], lr=[1e-3, 1e-2, 0.1, 1.0]),
        *product(start=["he_normal", "xavier_normal"], optimizer=["Adam"], lr=[3e-4, 1e-3, 3e-3]),
    ],
    branch_and_rate: [
        *product(branch=[1.0], lr=[1e-16, 1e-12, 1e-8, 1e-4, 1e-2]),
        *product(branch=[0.1, 0.0], lr=[3e-3, 1e-2, 3e-2]),
    ],
    scheme_and_rate: product(scheme=[*SCHEMES, "default", "small"], lr=RATES),
    std_and_normalization: [
        *product(normalization=[None, "batch"], factor=half_decades(-3, 3), lr=half_decades(-3, 1)),
        # N(0, 10^2)
        *product(normalization=["batch"], factor=[10 * 32**0.5], lr=half_decades(-3, 3)),
    ],
    normalized_scheme_and_rate: [
        *product(
            scheme=["he_normal", "xavier_normal", "default", "small"],
            place=["before"],
            lr=LARGE_RATES,
        ),
        *product(scheme=["he_normal"], place=["after"], lr=LARGE_RATES),
    ],
    convolutions: product(
        scheme=["he_normal", "xavier_normal", "default"],
        normalization=[None, "batch"],
        lr=half_decades(-2.5, 0.5),
    ),
    first_layers_and_rate: [
        *product(
            activation=["relu", "tanh"],
            first=[5],
            factor=[0.01, 0.1, 1.0, 10.0, 100.0],
            lr=half_decades(-3, 1),
        ),
        *product(activation=["relu", "tanh"], first=[0], factor=[1.0], lr=half_decades(-3, 1)),
    ],
    batch_size_and_rate: product(
        normalization=["batch", "layer", "group"],
        factor=[1.0, 32**0.5],  # He; N(0, 1)
        batch_size=[2, 4, 8, 16, 64, 256],
        lr=half_decades(-2, 0),
    ),
}


def results(function) -> pd.DataFrame:
    """Return the table of a grid: what the file lacks is computed, and kept there.

    Examples
    --------
    >>> list(results(scale_and_rate))  # from its file
    ['scale', 'lr', 'seed', 'loss', 'test_accuracy']
    """
    store = RESULTS / f"{function.__name__}.jsonl"
    return run_grid(function, GRIDS[function], store=store)


def main() -> None:
    """Compute whatever is missing, on all cores of this machine."""
    torch.set_num_threads(1)
    with joblib.parallel_config("loky", n_jobs=-1, inner_max_num_threads=1):
        for function in GRIDS:
            results(function)
