"""The networks the chapters experiment on: layer by layer (`mlp`) and step by step (`rnn`)."""

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


def rnn(
    width: int,
    activation: str | activations.Activation = "tanh",
    *,
    steps: int = 8,
    in_features: int = 64,
    out_features: int = 10,
    bias: bool = True,
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
    seed: int = 0,
) -> Recurrent:
    r"""Build a recurrent network that reads an image piece by piece and then classifies it.

    The image is cut into ``steps`` pieces :math:`u_1, \dots, u_T` of equal size: with the digits
    and 8 steps, its rows; with 64, its pixels. At every step, with the same weights,

    .. math:: h_t = W u_t + U x_{t-1} + b, \qquad x_t = \varphi(h_t), \qquad x_0 = 0,

    and after the last one the output layer turns :math:`x_T` into scores (Elman 1990). One linear
    layer, ``recurrent``, holds :math:`W` and :math:`U` side by side and is handed :math:`u_t` and
    :math:`x_{t-1}` joined. Its output is all of :math:`h_t`, so that a probe shows one row per
    step, with the gradient that arrives there.

    The weights start as PyTorch's default leaves linear layers. The default is drawn from
    ``seed``, and the global random generator stays where it was.

    Parameters
    ----------
    width : int
        Units of the hidden state, at least 1.
    activation : str or Activation
        A name in `weightinit.activations.names()`, or an `Activation` of your own.
    steps : int
        Pieces of an image; ``in_features`` must be a multiple of it.
    in_features, out_features : int
        Size of a whole image and number of scores.
    bias : bool
        Whether the state and the scores have a bias.
    dtype, device, seed
        As in `mlp`.

    Returns
    -------
    Recurrent
        Takes images of shape (batch, in_features).

    Raises
    ------
    ValueError
        If a size is not a whole number of at least 1, ``in_features`` is not a multiple of
        ``steps``, or the activation is unknown.

    Examples
    --------
    >>> model = rnn(width=16, steps=8)
    >>> model.recurrent
    Linear(in_features=24, out_features=16, bias=True)
    >>> model(torch.zeros(3, 64, dtype=torch.float64)).shape
    torch.Size([3, 10])
    """
    check_integer("seed", seed, 0, MAX_SEED)
    for name, value in (("width", width), ("steps", steps), ("in_features", in_features)):
        _check_size(name, value)
    _check_size("out_features", out_features)
    if in_features % steps:
        raise ValueError(
            f"in_features must be a multiple of steps, got in_features={in_features} and "
            f"steps={steps}"
        )
    kwargs = {"bias": bias, "dtype": dtype, "device": device}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Recurrent(
            recurrent=nn.Linear(in_features // steps + width, width, **kwargs),
            act=activations.get(activation).module(),
            output=nn.Linear(width, out_features, **kwargs),
        )


class Recurrent(nn.Module):
    """A recurrent network over the pieces of an image; `rnn` builds it.

    Parameters
    ----------
    recurrent : torch.nn.Linear
        From a piece and the state, joined, to the next pre-activation.
    act : torch.nn.Module
        The activation.
    output : torch.nn.Linear
        From the last state to the scores.

    Examples
    --------
    >>> model = rnn(width=16, steps=4)
    >>> model.state_weight.shape
    torch.Size([16, 16])
    """

    def __init__(self, recurrent: nn.Linear, act: nn.Module, output: nn.Linear):
        super().__init__()
        self.recurrent, self.act, self.output = recurrent, act, output

    @property
    def width(self) -> int:
        """Units of the state."""
        return self.recurrent.out_features

    @property
    def state_weight(self) -> torch.Tensor:
        """The matrix U from state to state, shape (width, width): a view, to read or to fill."""
        return self.recurrent.weight[:, -self.width :]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the scores of a batch, shape (batch, out_features)."""
        piece = self.recurrent.in_features - self.width
        state = images.new_zeros(*images.shape[:-1], self.width)
        for part in images.split(piece, dim=-1):
            state = self.act(self.recurrent(torch.cat([part, state], dim=-1)))
        return self.output(state)


def _check_size(name: str, value) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
