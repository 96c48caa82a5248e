"""Networks whose start is too large, and what is said to help them (chapter 4)."""

import functools
from collections.abc import Callable

import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.grids import product
from weightinit.training import BestRateAtEdge, sweep, tune

DEPTHS, WIDTH = {"relu": 10, "tanh": 20}, 64
WARM_UP = 100  # steps in which the rate rises
RATES = 8  # for every network and remedy, each twice the one before


class Times(nn.Module):
    """Multiply by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the factor times x."""
        return self.factor * x


def exploding(
    activation: str, sigma_w2: float, seed: int, divisor: float = 1, **kwargs
) -> nn.Sequential:
    """Build ten ReLU layers or twenty tanh layers, all weights of variance sigma_w2 / fan-in.

    Parameters
    ----------
    activation : str
        ``"relu"`` or ``"tanh"``.
    sigma_w2 : float
        The scale of all weights, those of the output layer included.
    seed : int
        Of the weights.
    divisor : float
        What the scores are divided by, after the output layer.
    **kwargs
        As in `weightinit.networks.mlp`, such as ``bias=False``.

    Returns
    -------
    torch.nn.Sequential
        The network; a module ``divide`` follows the output layer, also where it divides by 1.

    Examples
    --------
    >>> exploding("relu", 8.0, seed=0, divisor=2048).divide.factor
    0.00048828125
    """
    model = networks.mlp(DEPTHS[activation], WIDTH, activation, **kwargs)
    rule = initializers.Scheme("too large", sigma_w2, "fan_in", "normal")
    initializers.initialize(model, rule, seed=seed)
    model.add_module("divide", Times(1 / divisor))
    return model


def reader(
    radius: float, seed: int, steps: int = 8, dtype: torch.dtype = torch.float64
) -> nn.Module:
    """Build a recurrent network of 64 ReLUs that reads an image row by row.

    Parameters
    ----------
    radius : float
        The spectral radius of the matrix from state to state, which is Gaussian.
    seed : int
        Of the weights.
    steps : int
        Pieces of an image.
    dtype : torch.dtype
        The type of the parameters.

    Returns
    -------
    weightinit.networks.Recurrent
        The network.

    Examples
    --------
    >>> U = reader(3.0, seed=0).state_weight
    >>> round(torch.linalg.eigvals(U).abs().max().item(), 6)
    3.0
    """
    model = networks.rnn(WIDTH, "relu", steps=steps)
    initializers.initialize(model, "lecun_normal", seed=seed)
    generator = torch.Generator().manual_seed(seed)
    U = torch.randn(WIDTH, WIDTH, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        model.recurrent.weight.normal_(0, (steps / 64) ** 0.5, generator=generator)
        model.state_weight.copy_(U * radius / torch.linalg.eigvals(U).abs().max())
    return model.to(dtype)


def wrong(history: pd.DataFrame) -> float:
    """Return the share of training images that are wrong in the end: what rates are chosen by.

    The loss would prefer networks that guess to those that learn but are sometimes very sure of
    a wrong answer.
    """
    return 1 - history["train_accuracy"].iloc[-1]


def _trained(build: Callable, least: int, **options) -> pd.DataFrame:
    rates = [2.0**k for k in range(least, least + RATES)]
    options |= {"evaluate_start": False}
    try:
        chosen = tune(
            build, data.digits(), lrs=rates, seeds=range(100, 103), criterion=wrong, **options
        ).lr
        table = sweep(build, data.digits(), lrs=[chosen], seeds=range(20), **options)
    except BestRateAtEdge:
        table = sweep(build, data.digits(), lrs=rates, seeds=range(5), **options)
    return table[["lr", "seed", "loss", "test_accuracy"]]


OPTIONS = {
    "gradient descent": {},
    "Adam": {"optimizer": torch.optim.Adam},
    "clipped at 1": {"clip_norm": 1.0},
    "clipped at 100": {"clip_norm": 100.0},
    "warm-up": {"warm_up": WARM_UP},
    "batch normalization": {"normalization": "batch"},
    "layer normalization": {"normalization": "layer"},
    "skip connections": {"skip": True},
    "skip connections, Adam": {"skip": True, "optimizer": torch.optim.Adam},
}
OF_NETWORKS = ("normalization", "skip")


def remedy_and_scale(
    activation: str, sigma_w2: float, divisor: float, remedy: str, least: int, steps: int
) -> pd.DataFrame:
    """Train 20 networks with a remedy, at the learning rate that `tune` finds.

    It tries eight rates, each twice the one before, on three networks of their own, and takes the
    one with the fewest training images wrong. Where that stands at the edge of the grid, five
    networks are trained at every rate.

    Parameters
    ----------
    activation, sigma_w2, divisor
        As in `exploding`.
    remedy : str
        A key of `OPTIONS`; plain gradient descent unless it says otherwise.
    least : int
        Base-2 logarithm of the least rate.
    steps : int
        The budget, for the choice of the rate, too.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``lr``, ``seed``, ``loss``, ``test_accuracy``.
    """
    options = {"steps": steps} | OPTIONS[remedy]
    kwargs = {name: options.pop(name) for name in OF_NETWORKS if name in options}
    kwargs |= {"divisor": divisor, "dtype": torch.float32}
    return _trained(lambda seed: exploding(activation, sigma_w2, seed, **kwargs), least, **options)


def clipping_threshold(
    radius: float, threshold: float | None, optimizer: str, least: int, steps: int, every: bool
) -> pd.DataFrame:
    """Train 20 recurrent networks with a threshold of the gradient's length, or with none.

    Parameters
    ----------
    radius : float
        As in `reader`.
    threshold : float or None
        Gradients longer than this are clipped to it.
    optimizer : str
        ``"gradient descent"`` or ``"Adam"``.
    least, steps
        As in `remedy_and_scale`, which also says how the rate is chosen.
    every : bool
        Train the twenty at every rate instead, so that none is chosen.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``lr``, ``seed``, ``loss``, ``test_accuracy``.
    """
    build = functools.partial(reader, radius, dtype=torch.float32)
    options = {"steps": steps, "clip_norm": threshold} | OPTIONS[optimizer]
    if not every:
        return _trained(build, least, **options)
    rates = [2.0**k for k in range(least, least + RATES)]
    options |= {"lrs": rates, "seeds": range(20), "evaluate_start": False}
    return sweep(build, data.digits(), **options)[["lr", "seed", "loss", "test_accuracy"]]


def _cells(activation: str, sigma_w2: float, divisor: float, steps: int, **leasts: int):
    return [
        cell
        for remedy, least in leasts.items()
        for cell in product(
            activation=[activation],
            sigma_w2=[sigma_w2],
            divisor=[divisor],
            remedy=[remedy],
            least=[least],
            steps=[steps],
        )
    ]


def _readers(
    radius: float, threshold: float | None, optimizer: str, least: int, every: bool = False
):
    return product(
        radius=[radius],
        threshold=[threshold],
        optimizer=[optimizer],
        least=[least],
        steps=[150],
        every=[every],
    )


PLAIN, ADAM, SKIP = "gradient descent", "Adam", "skip connections"
CLIPPED, WARM, NORMS = "clipped at 1", "warm-up", ("batch normalization", "layer normalization")
GRIDS = {
    remedy_and_scale: [
        *_cells("relu", 8.0, 1, 200, **{PLAIN: -18, ADAM: -10, CLIPPED: -7, WARM: -16}),
        *_cells("relu", 2.0, 1, 200, **{PLAIN: -8, ADAM: -13, CLIPPED: -6, WARM: -9}),
        *_cells("relu", 8.0, 2048, 200, **{PLAIN: -6, ADAM: -12}),
        *_cells("relu", 8.0, 1, 200, **{NORMS[0]: -5, NORMS[1]: -8, SKIP: -20}),
        *_cells("relu", 2.0, 1, 200, **{NORMS[0]: -6, NORMS[1]: -9, SKIP: -13}),
        *_cells("relu", 8.0, 1, 200, **{SKIP + ", Adam": -12}),
        *_cells("relu", 8.0, 8192, 200, **{SKIP: -7}),
        *_cells("relu", 0.2, 1, 200, **{SKIP: -8, SKIP + ", Adam": -13}),
        *_cells("tanh", 1.0, 1, 200, **{PLAIN: -9, ADAM: -14, CLIPPED: -7, SKIP: -9}),
        *_cells("tanh", 16.0, 1, 200, **{PLAIN: -9, ADAM: -12, CLIPPED: -7, SKIP: -9}),
        *_cells("tanh", 16.0, 4, 200, **{PLAIN: -8}),
        *_cells("tanh", 16.0, 1, 200, **{SKIP + ", Adam": -13}),
        *_cells("relu", 8.0, 1, 1000, **{PLAIN: -18, ADAM: -11, CLIPPED: -7}),
    ],
    clipping_threshold: [
        *_readers(3.0, None, PLAIN, -11, every=True),
        *_readers(3.0, None, ADAM, -10),
        *_readers(3.0, 1.0, PLAIN, -4),
        *_readers(3.0, 10.0, PLAIN, -7),
        *_readers(3.0, 30.0, PLAIN, -7),
        *_readers(3.0, 100.0, PLAIN, -9),
        *_readers(3.0, 300.0, PLAIN, -9),
        *_readers(2.0**0.5, None, PLAIN, -7),
        *_readers(2.0**0.5, 10.0, PLAIN, -7),
        *_readers(2.0**0.5, None, ADAM, -13),
    ],
}
