"""Chapter 5's long experiments: each function trains some ten networks, one cell of its grid."""

import functools
from dataclasses import replace

import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.training import train, train_ensemble


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


def he_times(factor: float) -> initializers.Scheme:
    """Return He's rule with ``factor`` times its standard deviation.

    Examples
    --------
    >>> he_times(10).variance(64, 64) * 64
    200.0
    """
    return initializers.Scheme("scaled", 2.0 * factor**2, "fan_in", "normal")


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
    """Train 10 networks of thirty ReLU layers for 200 steps; SGD has a momentum of 0.9."""
    digits = data.digits()
    models = [networks.mlp(30, 64, "relu", dtype=torch.float32) for _ in range(10)]
    for seed, model in enumerate(models):
        if start == "lsuv":
            initializers.lsuv(model, digits.tensors(torch.float32)[0][:256], seed=seed)
        else:
            initializers.initialize(model, start, seed=seed)
    made = functools.partial(torch.optim.SGD, momentum=0.9)
    if optimizer == "Adam":
        made = torch.optim.Adam
    table = train_ensemble(
        models, digits, lrs=[lr] * 10, steps=200, optimizer=made, evaluate_every=20
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
    """Train 10 such networks for 100 steps of gradient descent."""
    models = [hundred_blocks(branch, seed, torch.float32) for seed in range(10)]
    table = train_ensemble(models, data.digits(), lrs=[lr] * 10, steps=100, evaluate_every=10)
    return table.rename(columns={"member": "seed"})[["seed", "step", "loss", "test_accuracy"]]
