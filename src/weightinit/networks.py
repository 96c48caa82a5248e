"""The networks the chapters experiment on."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import torch
from torch import nn

from weightinit import activations
from weightinit._numbers import MAX_SEED, check_integer


def mlp(
    depth: int,
    width: int | Sequence[int],
    activation: str | activations.Activation,
    *,
    in_features: int = 64,
    out_features: int = 10,
    bias: bool = True,
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
    seed: int = 0,
) -> nn.Sequential:
    r"""Build a fully connected network: ``depth`` hidden layers, then an output layer.

    Layer :math:`l` computes :math:`h^l = W^l x^{l-1} + b^l` and :math:`x^l = \varphi(h^l)`; the
    output layer has no activation, because the losses of PyTorch expect raw scores.

    The weights start as PyTorch's own default leaves them. The default is drawn from ``seed``, and
    the global random generator stays where it was. Call
    `weightinit.initializers.initialize` to choose another start.

    Parameters
    ----------
    depth : int
        Number of hidden layers, at least 1.
    width : int or sequence of int
        Units per hidden layer, at least 1: one number for all of them, or one for each.
    activation : str or Activation
        A name in `weightinit.activations.names()`, or an `Activation` of your own.
    in_features, out_features : int
        Size of the input and of the output; the defaults fit the digits (64 pixels, 10 classes).
    bias : bool
        Whether layers have a bias.
    dtype : torch.dtype
        Double precision by default: the experiments then give the same digits on every processor.
    device : str or torch.device
        Where the parameters live.
    seed : int
        Seed of the default weights.

    Returns
    -------
    torch.nn.Sequential
        With children ``linear1, act1, linear2, act2, ..., output``.

    Raises
    ------
    ValueError
        If ``depth``, a ``width``, ``in_features`` or ``out_features`` is not a whole number of at
        least 1, the widths are not as many as the layers, or the activation is unknown.

    Examples
    --------
    >>> model = mlp(depth=2, width=5, activation="tanh")
    >>> list(dict(model.named_children()))
    ['linear1', 'act1', 'linear2', 'act2', 'output']
    >>> model(torch.zeros(3, 64, dtype=torch.float64)).shape
    torch.Size([3, 10])
    >>> mlp(depth=3, width=[8, 4, 2], activation="tanh").linear3
    Linear(in_features=4, out_features=2, bias=True)
    """
    for name, value in (("depth", depth), ("in_features", in_features)):
        _check_size(name, value)
    widths = list(width) if isinstance(width, Sequence) else [width] * depth
    for value in widths:
        _check_size("width", value)
    _check_size("out_features", out_features)
    if len(widths) != depth:
        raise ValueError(f"width must be one number or {depth}, one for each layer, got {width!r}")
    check_integer("seed", seed, 0, MAX_SEED)
    phi = activations.get(activation)
    kwargs = {"bias": bias, "dtype": dtype, "device": device}

    model = nn.Sequential()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        fan_in = in_features
        for layer, size in enumerate(widths, start=1):
            model.add_module(f"linear{layer}", nn.Linear(fan_in, size, **kwargs))
            model.add_module(f"act{layer}", phi.module())
            fan_in = size
        model.add_module("output", nn.Linear(fan_in, out_features, **kwargs))
    return model


def _check_size(name: str, value) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
