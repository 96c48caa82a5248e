"""An LSTM that reads an image piece by piece."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from weightinit._checks import check_instance, check_number, check_size
from weightinit.networks.recurrent import cut, piece_size


def lstm(
    width: int,
    *,
    steps: int = 8,
    in_features: int = 64,
    out_features: int = 10,
    forget_bias: float | None = None,
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
    seed: int = 0,
) -> LongShortTerm:
    r"""Build an LSTM that reads an image piece by piece, as `rnn` does, and then classifies it.

    At every step, with the same weights, four gates are computed from the piece :math:`u_t` and the
    hidden state :math:`x_{t-1}`, and the cell state :math:`c_t` is kept or overwritten:

    .. math:: i, f, o = \sigma(W u_t + U x_{t-1} + b), \qquad g = \tanh(W u_t + U x_{t-1} + b),

    .. math:: c_t = f \odot c_{t-1} + i \odot g, \qquad x_t = o \odot \tanh(c_t),

    with other rows of :math:`W`, :math:`U` and :math:`b` for each gate. Along the cell state, the
    gradient is multiplied by :math:`f` at every step: by about 1/2 where the forget gate's bias is
    near 0, and by :math:`\sigma(1) \approx 0.73` where it is 1.

    The weights start as PyTorch's default leaves an LSTM, drawn as in `rnn`. Of them,
    `weightinit.initializers.initialize` changes the output layer's only.

    Parameters
    ----------
    width : int
        Units of the hidden state and of the cell state, at least 1.
    steps, in_features, out_features : int
        As in `rnn`.
    forget_bias : float, optional
        What :math:`b` of the forget gate is, in every unit. Keras sets it to 1 unless told
        otherwise (``unit_forget_bias``); PyTorch does not, and None leaves its random default.
    dtype, device, seed
        As in `weightinit.networks.mlp`.

    Returns
    -------
    LongShortTerm
        Takes images of shape (batch, in_features).

    Raises
    ------
    TypeError, ValueError
        As `weightinit.networks.rnn`; and if ``forget_bias`` is not a finite number.

    References
    ----------
    Gers, Schmidhuber & Cummins, *Learning to forget: continual prediction with LSTM*, Neural
    Computation 12 (2000), for the forget gate and a positive bias at its start; Jozefowicz,
    Zaremba & Sutskever, ICML 2015, for a bias of 1 as the rule.

    Examples
    --------
    >>> model = lstm(width=16, steps=8, forget_bias=1.0)
    >>> model.cell
    Cell(8, 16)
    >>> model(torch.zeros(3, 64, dtype=torch.float64)).shape
    torch.Size([3, 10])
    """
    kwargs = {"dtype": dtype, "device": device}
    piece = piece_size(width, steps, in_features, out_features, True, **kwargs, seed=seed)
    if forget_bias is not None:
        check_number("forget_bias", forget_bias)
        if not np.isfinite(forget_bias):
            raise ValueError(f"forget_bias must be finite or None, got {forget_bias!r}")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LongShortTerm(
            cell=Cell(piece, width, **kwargs),
            output=nn.Linear(width, out_features, **kwargs),
            steps=steps,
        )
    if forget_bias is not None:
        # The second of four blocks of rows: i, f, g, o. PyTorch adds up two biases, so one is 0.
        forget = slice(width, 2 * width)
        with torch.no_grad():
            model.cell.bias_ih[forget] = float(forget_bias)
            model.cell.bias_hh[forget] = 0.0
    return model


class Cell(nn.LSTMCell):
    """PyTorch's cell with its formula written out, as ``torch.func.vmap`` takes no other."""

    def forward(self, piece: torch.Tensor, states: tuple[torch.Tensor, torch.Tensor]):
        """Return the next hidden and the next cell state."""
        hidden, cell = states
        rows = nn.functional.linear(piece, self.weight_ih, self.bias_ih)
        rows = rows + nn.functional.linear(hidden, self.weight_hh, self.bias_hh)
        i, f, g, o = rows.chunk(4, dim=-1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        return o.sigmoid() * cell.tanh(), cell


# Not named LSTM: PyTorch's class of that name is the layer alone, and a printed network or a
# message shows a class without its module.
class LongShortTerm(nn.Module):
    """An LSTM over the pieces of an image; `lstm` builds it.

    Parameters
    ----------
    cell : torch.nn.LSTMCell
        From a piece and the two states to the next two states.
    output : torch.nn.Linear
        From the last hidden state to the scores.
    steps : int
        Pieces of an image.

    Examples
    --------
    The gradient that arrives at each cell state, from the last hidden state:

    >>> model = lstm(width=16, steps=4)
    >>> states = model.states(torch.ones(3, 64, dtype=torch.float64))
    >>> cells = [cell for hidden, cell in states]
    >>> gradients = torch.autograd.grad(states[-1][0].sum(), cells)
    >>> [tuple(gradient.shape) for gradient in gradients]
    [(3, 16), (3, 16), (3, 16), (3, 16)]
    """

    def __init__(self, cell: nn.LSTMCell, output: nn.Linear, steps: int):
        super().__init__()
        check_instance("cell", cell, nn.LSTMCell, "torch.nn.LSTMCell(8, 16)")
        check_instance("output", output, nn.Linear, "torch.nn.Linear(16, 10)")
        check_size("steps", steps)
        self.cell, self.output, self.steps = cell, output, steps

    @property
    def width(self) -> int:
        """Units of the hidden state and of the cell state."""
        return self.cell.hidden_size

    def states(self, images: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return the hidden and the cell state after every step, each of shape (batch, width)."""
        parts = cut(images, self.cell.input_size, self.steps, self.cell.weight_ih.dtype)
        zeros = images.new_zeros(*images.shape[:-1], self.width)
        states = [(zeros, zeros)]
        for part in parts:
            states.append(self.cell(part, states[-1]))
        return states[1:]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the scores of a batch, shape (batch, out_features)."""
        hidden, _ = self.states(images)[-1]
        return self.output(hidden)
