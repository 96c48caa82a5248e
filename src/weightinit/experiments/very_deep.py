"""A thousand tanh layers (chapter 5)."""

import functools
from dataclasses import replace

import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.grids import product
from weightinit.training import sweep, train


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


def gaussian_with_signal_of_orthogonal(seed: int) -> nn.Sequential:
    """Build 1,000 Gaussian layers, each scaled so that its signal is as large as an orthogonal one.

    Layer by layer, for the RMS of the pre-activations over 256 images.

    Examples
    --------
    >>> model = gaussian_with_signal_of_orthogonal(seed=0)
    >>> x = faint_digits().tensors(torch.float32)[0][:256]
    >>> sizes = [net[:1999](x).square().mean() for net in (model, thousand_layers("orthogonal", 0))]
    >>> bool((sizes[0] / sizes[1]).sub(1).abs() < 0.01)
    True
    """
    model, other = thousand_layers("lecun_normal", seed), thousand_layers("orthogonal", seed)
    x = y = faint_digits().tensors(torch.float32)[0][:256]
    with torch.no_grad():
        for layer in range(1, 1001):
            mine, its = model.get_submodule(f"linear{layer}"), other.get_submodule(f"linear{layer}")
            y = its(y)
            mine.weight.mul_((y.square().mean() / mine(x).square().mean()).sqrt())
            x, y = torch.tanh(mine(x)), torch.tanh(y)
    return model


def restored_signal(seeds: int) -> pd.DataFrame:
    """Train networks of `gaussian_with_signal_of_orthogonal` for 30 steps of gradient descent.

    At each of six rates, each four times the one before.

    Parameters
    ----------
    seeds : int
        How many networks at each rate.

    Returns
    -------
    pandas.DataFrame
        A row for each network and each fifteenth step: ``lr``, ``seed``, ``step``,
        ``test_accuracy``.
    """
    table = sweep(
        gaussian_with_signal_of_orthogonal,
        faint_digits(),
        lrs=[2.0**power for power in range(-17, -6, 2)],
        seeds=range(seeds),
        steps=30,
        evaluate_every=15,
        evaluate_start=False,
    )
    return table[["lr", "seed", "step", "test_accuracy"]]


def linear_share(model: nn.Module, digits: data.Digits) -> float:
    """Return the share of the scores' variance over images that a linear map of the pixels gives.

    The map is fitted to the training images by least squares; the share is that of the test images.

    Examples
    --------
    >>> round(linear_share(nn.Linear(64, 10), data.digits()), 3)
    1.0
    """
    x, _, x_test, _ = digits.tensors(next(model.parameters()).dtype)
    with torch.no_grad():
        scores, of_test = (model(images).double() for images in (x, x_test))
    pixels, of_test_pixels = (
        torch.cat([images.double(), torch.ones(len(images), 1, dtype=torch.float64)], dim=1)
        for images in (x, x_test)
    )
    fitted = torch.linalg.lstsq(pixels, scores, driver="gelsd").solution
    missed = (of_test - of_test_pixels @ fitted).square().sum()
    return float(1 - missed / (of_test - of_test.mean(dim=0)).square().sum())


def linear_part(images: str, lr: float, seed: int) -> pd.DataFrame:
    """Train 1,000 orthogonal layers for 60 steps and ask how linear they are.

    Parameters
    ----------
    images : str
        ``"faint"``, those of `faint_digits`, or ``"ordinary"``, the digits as they are.
    lr : float
        Of plain gradient descent.
    seed : int
        Of the weights.

    Returns
    -------
    pandas.DataFrame
        One row: ``test_accuracy``, and ``linear_share`` as the function of this name gives it.
    """
    digits = faint_digits() if images == "faint" else data.digits()
    model = thousand_layers("orthogonal", seed)
    run = train(model, digits, steps=60, lr=lr, evaluate_every=60)
    right = run.history["test_accuracy"].iloc[-1]
    return pd.DataFrame([{"test_accuracy": right, "linear_share": linear_share(model, digits)}])


GRIDS = {
    linear_part: product(images=["faint", "ordinary"], lr=[1e-3], seed=range(3)),
    restored_signal: [{"seeds": 2}],
    rule_and_optimizer: [
        *product(rule=["orthogonal"], optimizer=["SGD"], lr=[1e-3], seed=range(5)),
        *product(rule=["lecun_normal"], optimizer=["SGD"], lr=[1e-5, 1e-3, 0.1, 10], seed=range(5)),
        *product(rule=["lecun_normal"], optimizer=["Adam"], lr=[1e-5, 1e-4, 1e-3], seed=range(5)),
    ],
}
