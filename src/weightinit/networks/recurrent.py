"""A plain recurrent network that reads an image piece by piece."""

from __future__ import annotations

import torch
from torch import nn

from weightinit import activations
from weightinit._checks import check_instance, check_module, check_size
from weightinit.networks.hidden_layer import check_network


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
        As in `weightinit.networks.mlp`.

    Returns
    -------
    Recurrent
        Takes images of shape (batch, in_features).

    Raises
    ------
    TypeError, ValueError
        As `weightinit.networks.mlp`; and if ``in_features`` is not a multiple of ``steps``.

    Examples
    --------
    >>> model = rnn(width=16, steps=8)
    >>> model.recurrent
    Linear(in_features=24, out_features=16, bias=True)
    >>> model(torch.zeros(3, 64, dtype=torch.float64)).shape
    torch.Size([3, 10])
    """
    kwargs = {"bias": bias, "dtype": dtype, "device": device}
    piece = piece_size(width, steps, in_features, out_features, **kwargs, seed=seed)
    act = activations.get(activation).module()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Recurrent(
            recurrent=nn.Linear(piece + width, width, **kwargs),
            act=act,
            output=nn.Linear(width, out_features, **kwargs),
            steps=steps,
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
    steps : int
        Pieces of an image.

    Examples
    --------
    >>> model = rnn(width=16, steps=4)
    >>> model.state_weight.shape
    torch.Size([16, 16])
    """

    def __init__(self, recurrent: nn.Linear, act: nn.Module, output: nn.Linear, steps: int):
        super().__init__()
        check_instance("recurrent", recurrent, nn.Linear, "torch.nn.Linear(24, 16)")
        check_module("act", act)
        check_instance("output", output, nn.Linear, "torch.nn.Linear(16, 10)")
        check_size("steps", steps)
        self.recurrent, self.act, self.output, self.steps = recurrent, act, output, steps

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
        parts = cut(images, piece, self.steps, self.recurrent.weight.dtype)
        state = images.new_zeros(*images.shape[:-1], self.width)
        for part in parts:
            state = self.act(self.recurrent(torch.cat([part, state], dim=-1)))
        return self.output(state)


def piece_size(width, steps, in_features, out_features, bias, dtype, device, seed) -> int:
    """Check what `rnn` and `lstm` share, and return the size of a piece of the image."""
    sizes = {"width": width, "steps": steps, "in_features": in_features}
    check_network(sizes | {"out_features": out_features}, bias, dtype, device, seed)
    if in_features % steps:
        got = f"in_features={in_features} and steps={steps}"
        raise ValueError(f"in_features must be a multiple of steps, got {got}")
    return in_features // steps


def cut(images: torch.Tensor, piece: int, steps: int, dtype) -> tuple[torch.Tensor, ...]:
    """Return the pieces of the images, which must be such as the network was built for."""
    check_instance("images", images, torch.Tensor, "torch.zeros(3, 64)")
    if images.dtype != dtype:
        raise TypeError(f"images must be {dtype}, as the network is, got {images.dtype}")
    if images.shape[-1:] != (piece * steps,):
        shape = tuple(images.shape)
        raise ValueError(f"images must have {piece * steps} features, got shape {shape}")
    return images.split(piece, dim=-1)
