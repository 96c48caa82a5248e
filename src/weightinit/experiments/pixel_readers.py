"""Recurrent networks that read digits pixel by pixel, in training (a further experiment)."""

import functools
from collections.abc import Callable, Iterable

import pandas as pd
import torch
from torch import nn

from weightinit import data, initializers, networks
from weightinit.experiments.last_rows import at_best_rate
from weightinit.grids import product
from weightinit.training import train

# Least rate, as a base-2 logarithm, and how many, each twice the one before.
RATES = {
    "clipped at 1": (-9, 12),
    "Adam": (-13, 11),
    "readout alone, Adam": (-9, 9),
    "each tensor clipped at 1": (-5, 6),
}
TRAINED = {  # activation, gain, strength of the inputs
    "tanh, g = 1": ("tanh", 1.0, 1.0),
    "linear, g = 1.15": ("linear", 1.15, 1.0),
    "tanh, g = 4": ("tanh", 4.0, 1.0),
    "tanh, g = 4, inputs times 8": ("tanh", 4.0, 8.0),
}


def pixel_reader(
    phi: str,
    gain: float,
    u: float,
    seed: int,
    *,
    matrix: str = "Gaussian",
    width: int = 64,
    steps: int = 64,
    dtype: torch.dtype = torch.float64,
) -> networks.recurrent.Recurrent:
    """Build a recurrent network that reads one pixel a step.

    Parameters
    ----------
    phi : str
        The activation.
    gain : float
        Of the matrix from state to state: g.
    u : float
        Standard deviation of the input weights.
    seed : int
        Of the weights.
    matrix : str
        ``"Gaussian"``, of variance g^2 / width, or g times ``"orthogonal"`` or ``"identity"``.
    width : int
        Units of the state.
    steps : int
        Pixels.
    dtype : torch.dtype
        The type of the parameters.

    Returns
    -------
    weightinit.networks.Recurrent
        The network.

    Examples
    --------
    >>> U = pixel_reader("tanh", 2.0, 1.0, seed=0, matrix="orthogonal").state_weight
    >>> torch.allclose(U @ U.T, 4 * torch.eye(64, dtype=torch.float64))
    True
    """
    model = networks.rnn(width, phi, steps=steps, in_features=steps)
    initializers.initialize(model, "lecun_normal", seed=seed)  # the output layer
    draw = torch.Generator().manual_seed(seed)
    gaussian = torch.randn(width, width, generator=draw, dtype=torch.float64)
    if matrix == "orthogonal":
        U = torch.linalg.qr(gaussian)[0]
    else:
        U = torch.eye(width) if matrix == "identity" else gaussian / width**0.5
    with torch.no_grad():
        model.recurrent.weight[:, :1].normal_(0, u, generator=draw)
        model.state_weight.copy_(gain * U)
    return model.to(dtype)


def trained_reader(case: str, method: str, seed: int) -> nn.Module:
    """Build a network of 32 units in single precision, of which the method may train a part.

    Parameters
    ----------
    case : str
        A key of `TRAINED`.
    method : str
        A key of `RATES`; where the readout learns alone, all else stays as it was drawn.
    seed : int
        Of the weights.

    Returns
    -------
    weightinit.networks.Recurrent
        The network.

    Examples
    --------
    >>> reader = trained_reader("tanh, g = 4", "readout alone, Adam", seed=0)
    >>> [name for name, weights in reader.named_parameters() if weights.requires_grad]
    ['output.weight', 'output.bias']
    """
    model = pixel_reader(*TRAINED[case], seed, width=32, dtype=torch.float32)
    model.recurrent.requires_grad_(not method.startswith("readout"))
    return model


def clipped_each(lr: float) -> Callable[[Iterable], torch.optim.SGD]:
    """Return what makes gradient descent that shortens the gradient of each tensor to length 1.

    Parameters
    ----------
    lr : float
        The learning rate.

    Returns
    -------
    callable
        Takes the parameters.

    Examples
    --------
    >>> weights = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    >>> made = clipped_each(0.5)(weights)
    >>> weights[0].grad, weights[1].grad = torch.tensor([100.0]), torch.tensor([0.1])
    >>> made.step()
    >>> [round(weight.item(), 3) for weight in weights]
    [-0.5, -0.05]
    """

    def make(parameters: Iterable) -> torch.optim.SGD:
        parameters = list(parameters)
        sgd = torch.optim.SGD(parameters, lr=lr)

        def clip(*_) -> None:
            for parameter in parameters:
                nn.utils.clip_grad_norm_(parameter, 1.0)

        sgd.register_step_pre_hook(clip)
        return sgd

    return make


def case_and_method(case: str, method: str) -> pd.DataFrame:
    """Train such networks for 60 steps of 16 images.

    Parameters
    ----------
    case, method
        As in `trained_reader`.

    Returns
    -------
    pandas.DataFrame
        A row for each network: ``lr``, ``seed``, ``loss``, ``test_accuracy``. Ten networks, as in
        `last_rows.at_best_rate`; clipped each tensor by itself, five at each of six rates.
    """
    least, n = RATES[method]
    rates = [2.0 ** (least + k) for k in range(n)]
    build = functools.partial(trained_reader, case, method)
    options = {"steps": 60, "batch_size": 16}
    if not method.startswith("each"):
        how = {"optimizer": torch.optim.Adam} if "Adam" in method else {"clip_norm": 1.0}
        return at_best_rate(build, rates, **options, **how)
    rows = []
    for lr in rates:
        for seed in range(5):
            run = train(build(seed), data.digits(), optimizer=clipped_each(lr), **options)
            last = run.history.iloc[-1]
            rows.append({"lr": lr, "seed": seed} | dict(last[["loss", "test_accuracy"]]))
    return pd.DataFrame(rows)


GRIDS = {
    case_and_method: [
        *product(case=list(TRAINED), method=list(RATES)[:3]),
        {"case": "tanh, g = 4", "method": "each tensor clipped at 1"},
    ],
}
